package main

import (
	"bytes"
	"os"
	"testing"
)

// TestPhonePlansCurrent: the table that is committed is what the data of go.mod's libphonenumber
// makes.
func TestPhonePlansCurrent(t *testing.T) {
	t.Parallel()
	want, err := phonePlans()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../identifier/plans.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("identifier/plans.go is not current: run make generate")
	}
	if n := bytes.Count(want, []byte("\n\t{")); n < 240 {
		t.Errorf("the table has %d places", n)
	}
}
