package input

import "testing"

func TestProblemsErr(t *testing.T) {
	t.Parallel()
	warning := Problem{File: "f", Line: 2, Column: 3, Severity: SeverityWarning, Message: "w"}
	failure := Problem{File: "f", Line: 1, Column: 9, Severity: SeverityError, Message: "e"}
	whole := Problem{File: "f", Severity: SeverityError, Message: "gone"}
	ps := Problems{warning, failure, whole}
	ps.Sort()
	if got, want := ps.String(), "f: error: gone\nf:1:9: error: e\nf:2:3: warning: w\n"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if err := ps.Err(); err == nil || err.Error() != "f: error: gone\nf:1:9: error: e" {
		t.Errorf("Err() = %v", err)
	}
	if ps = (Problems{warning}); ps.HasErrors() || ps.Err() != nil {
		t.Errorf("a warning alone: HasErrors %t, Err %v", ps.HasErrors(), ps.Err())
	}
	if ps = nil; ps.HasErrors() || ps.Err() != nil || ps.String() != "" {
		t.Error("no problems are a problem")
	}
}
