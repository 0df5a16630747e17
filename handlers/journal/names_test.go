package journal

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

var (
	random  = bytes.Repeat([]byte{0xab}, 24)
	traceID = strings.Repeat("4f", 16)
	parent  = strings.Repeat("0d", 8)
)

func TestNames(t *testing.T) {
	t.Parallel()
	ownID, ownTrace := strings.Repeat("ab", 8), strings.Repeat("ab", 16)
	tests := []struct {
		name, id, parent  string
		wantID, wantTrace string
		sampled           bool
	}{
		{"nothing given", "", "", ownID, ownTrace, false},
		{"nginx", "9f3b1c0d2e4f5a6b7c8d9e0f1a2b3c4d", "", "9f3b1c0d2e4f5a6b7c8d9e0f1a2b3c4d", ownTrace, false},
		{"UUID", "7b1f2a3c-1111-4222-8333-944445555666", "", "7b1f2a3c-1111-4222-8333-944445555666", ownTrace, false},
		{"too short", "1234567", "", ownID, ownTrace, false},
		{"too long", strings.Repeat("a", 65), "", ownID, ownTrace, false},
		{"8 KB", strings.Repeat("a", 8<<10), strings.Repeat("0", 8<<10), ownID, ownTrace, false},
		{"a line of its own", "12345678\n{\"level\":\"ERROR\"}", "", ownID, ownTrace, false},
		{"a blank", "1234 5678", "", ownID, ownTrace, false},
		{"not ASCII", "1234567é", "", ownID, ownTrace, false},
		{"a sign in front", "-12345678", "", ownID, ownTrace, false},
		{"trace", "", "00-" + traceID + "-" + parent + "-01", ownID, traceID, true},
		{"trace not sampled", "", "00-" + traceID + "-" + parent + "-00", ownID, traceID, false},
		{"trace with other flags", "", "00-" + traceID + "-" + parent + "-03", ownID, traceID, true},
		{"a version to come", "", "01-" + traceID + "-" + parent + "-01-more", ownID, traceID, true},
		{"version 00 goes on", "", "00-" + traceID + "-" + parent + "-01-more", ownID, ownTrace, false},
		{"a version to come that runs on", "", "01-" + traceID + "-" + parent + "-01more", ownID, ownTrace, false},
		{"version ff", "", "ff-" + traceID + "-" + parent + "-01", ownID, ownTrace, false},
		{"capitals", "", "00-" + strings.ToUpper(traceID) + "-" + parent + "-01", ownID, ownTrace, false},
		{"no trace", "", "00-" + strings.Repeat("0", 32) + "-" + parent + "-01", ownID, ownTrace, false},
		{"no parent", "", "00-" + traceID + "-" + strings.Repeat("0", 16) + "-01", ownID, ownTrace, false},
		{"cut", "", "00-" + traceID + "-" + parent, ownID, ownTrace, false},
		{"other signs between", "", "00_" + traceID + "_" + parent + "_01", ownID, ownTrace, false},
	}
	for _, tt := range tests {
		got, err := Names(bytes.NewReader(random), tt.id, tt.parent)
		if err != nil || got.RequestID != tt.wantID || got.TraceID != tt.wantTrace || got.Sampled != tt.sampled {
			t.Errorf("%s: %+v, %v, want %s, %s, %t", tt.name, got, err, tt.wantID, tt.wantTrace, tt.sampled)
		}
	}
	if _, err := Names(bytes.NewReader(random[:20]), "", ""); err == nil {
		t.Error("no randomness is no error")
	}
}

// FuzzNames: whatever a header holds, what goes on into logs and headers is well-formed.
func FuzzNames(f *testing.F) {
	f.Add("9f3b1c0d2e4f5a6b", "00-"+traceID+"-"+parent+"-01")
	f.Add("\r\nSet-Cookie: a=b", "01-"+traceID+"-"+parent+"-01-x")
	f.Add(strings.Repeat("=", 64), "00-"+traceID)
	id, hex := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.=-]{7,63}$`), regexp.MustCompile(`^[0-9a-f]{32}$`)
	f.Fuzz(func(t *testing.T, given, parent string) {
		got, err := Names(bytes.NewReader(random), given, parent)
		if err != nil || !id.MatchString(got.RequestID) || !hex.MatchString(got.TraceID) || strings.Trim(got.TraceID, "0") == "" {
			t.Errorf("%q, %q: %+v, %v", given, parent, got, err)
		}
	})
}
