package journal

import (
	"encoding/json"
	"slices"
	"testing"

	"tcb-login/audit"
	"tcb-login/handlers/refusal"
)

// TestSchemaHasReasons: the audit log's schema has the list of refusals.
func TestSchemaHasReasons(t *testing.T) {
	t.Parallel()
	var doc struct {
		Properties struct {
			Reason struct{ Enum []refusal.Reason }
		}
	}
	if err := json.Unmarshal(audit.Schema, &doc); err != nil {
		t.Fatal(err)
	}
	if got := doc.Properties.Reason.Enum; !slices.Equal(got, refusal.Reasons) {
		t.Errorf("the schema has %q, want %q", got, refusal.Reasons)
	}
}
