package i18n

import (
	"fmt"
	"testing"
)

// TestAnswersBound: strangers may wish for as many languages as they like, and fill no memory by it;
// and who comes after them is answered as before.
func TestAnswersBound(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	most := 0
	for i := range 3 * mostAnswers {
		b.Match(fmt.Sprintf("ko;q=0.%d", i))
		most = max(most, len(b.answers.m))
	}
	if most != mostAnswers {
		t.Errorf("%d wishes are remembered at most, want %d", most, mostAnswers)
	}
	if got := b.Match("ja").Locale(); got != "ja" {
		t.Errorf("after that ja is answered with %s", got)
	}
	if _, known := b.answers.get(b, "ja"); !known {
		t.Error("after that no wish is remembered")
	}
}
