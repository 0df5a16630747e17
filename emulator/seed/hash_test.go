package seed

import (
	"strings"
	"testing"
)

func TestParseHash(t *testing.T) {
	t.Parallel()
	with := func(cost string) string { return strings.Replace(cheapHash, "m=8,t=1,p=1", cost, 1) }
	for hash, want := range map[string]string{ // what the complaint says
		cheapHash: "", with("m=65536,t=4,p=4"): "",
		with("m=65537,t=1,p=1"): "costs too much", with("m=8,t=5,p=1"): "costs too much", with("m=8,t=1,p=5"): "costs too much",
		with("m=999999999,t=999999999,p=255"): "costs too much", with("m=4294967304,t=1,p=1"): "PHC", with("m=8,t=1,p=261"): "costs too much",
		with("m=0,t=1,p=1"): "begin at 1", with("m=8,t=0,p=1"): "begin at 1", with("m=8,t=1,p=0"): "begin at 1", with("m=-8,t=1,p=1"): "PHC",
		with("m=8,t=1,p=1,x=1"): "PHC", with("t=1,m=8,p=1"): "PHC", strings.Replace(cheapHash, "v=19", "v=16", 1): "PHC",
		strings.Replace(cheapHash, "argon2id", "argon2i", 1): "PHC", cheapHash + "\n": "PHC", cheapHash + "=": "PHC", "": "PHC",
		cheapHash + strings.Repeat("A", 60): "PHC", strings.Replace(cheapHash, "$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAA$", 1): "PHC",
		strings.Replace(cheapHash, "$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAAAAAAAAAAA$", 1): "base64",
	} {
		h, err := ParseHash(hash)
		switch {
		case want == "" && (err != nil || h.String() != hash):
			t.Errorf("%s: %v, written again %s", hash, err, h)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", hash, err, want)
		}
	}
}
