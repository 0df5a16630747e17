package settings

import (
	"strings"
	"testing"
)

// A tag that validator does not know panics, and a rule has words or a function that finds them.
func TestRuleTags(t *testing.T) {
	t.Parallel()
	all := [][]rule{
		listenRules, basePathRules, originRules, imageHostRules, storeRules, logLevelRules, environmentIDRules, nameRules,
		regionRules, endpointModeRules, endpointRules, issuerRules, defaultTargetRules, captchaRules, clientIDRules, redirectURIRules,
	}
	for _, rules := range all {
		for _, r := range rules {
			err := values().Var("\n", r.tag)
			tag := strings.TrimPrefix(r.tag, "omitempty,")
			if _, ok := reasons[tag]; r.words == "" && (!ok || err == nil) {
				t.Errorf("%s: neither words nor a reason", r.tag)
			}
		}
	}
}

func TestComplaint(t *testing.T) {
	t.Parallel()
	tests := []struct {
		value string
		rules []rule
		want  string
	}{
		{"anything", nil, ""},
		{"/a/b", basePathRules, ""},
		{"a/", basePathRules, `must begin with "/"`}, // the first alone
		{"/a/", basePathRules, `must not end with "/"`},
		{"/a/../b", basePathRules, `want plain path segments of letters, digits and - . _ ~, found "/a/../b"`},
		{"", endpointRules, ""},
		{"https://user:hunter2@example.com", endpointRules, "must not hold a user name or password"},
		{"user:hunter2@example.com", originRules, `want an origin like "https://app.example.com", found (not shown)`},
		{"https://example.com:443", originRules, "browsers leave out the default port :443: so must this"},
		{"http://example.com:443", originRules, ""},
		{"https://exämple.com", originRules, `browsers send this host as "xn--exmple-cua.com": so must this`},
		{strings.Repeat("字", 60), nameRules, ""},
		{strings.Repeat("字", 61), nameRules, "want a short name in one line, at most 60 characters"},
		{"a\u200bb", nameRules, "want a short name in one line, at most 60 characters"},
		{"http://localhost:1/x", redirectURIRules, ""},
		{"http://example.com/x", redirectURIRules, "must be https; http is only for loopback hosts"},
	}
	for _, tt := range tests {
		if got := complaint(tt.value, tt.rules); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.value, got, tt.want)
		}
	}
}
