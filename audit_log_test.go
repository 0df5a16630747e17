package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestAuditLost: the program's own log says when lines of the audit log begin to be lost, and when that ends.
func TestAuditLost(t *testing.T) {
	t.Parallel()
	logs := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	r := startReloaded(t, buildBinary(t), sealedUnder(reloadKey)+reloadBase+
		fmt.Sprintf("audit: {to: '%s/audit.jsonl', keys: [{id: a, key: '%s'}]}\n", filepath.ToSlash(logs), otherKey))
	tryPassword(t, r.urls["login"], "my-env", "wang")
	if err := os.Rename(logs, logs+"-away"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		tryPassword(t, r.urls["login"], "my-env", "wang")
	}
	if line := r.until("audit log: lines are lost"); line.Level != "ERROR" || line.Error == "" {
		t.Errorf("it says %+v", line)
	}
	if err := os.Rename(logs+"-away", logs); err != nil {
		t.Fatal(err)
	}
	tryPassword(t, r.urls["login"], "my-env", "wang")
	if line := r.until("audit log: lines are lost", "audit log: lines are written again"); line.Level != "WARN" {
		t.Errorf("it says %+v", line)
	}
}
