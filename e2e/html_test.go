//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestHTML: html-validate finds nothing wrong with the HTML of any page, as it is at first and at its
// worst. Its rules are in htmlvalidate.mjs. TestLateHTML looks at every state.
func TestHTML(t *testing.T) {
	t.Parallel()
	s := share(t, options{tree: sampleTree(t)})
	first, worst := extremes(s.samples(t, desk, "en"))
	validate(t, append(first, worst...))
}

// validate has html-validate read the HTML of samples.
func validate(t *testing.T, samples []sample) {
	t.Helper()
	dir := t.TempDir()
	for _, p := range samples {
		page := get(t, p.address)
		// Pages that would leave at once have no script in the preview.
		page = strings.ReplaceAll(page, ` src=""`, ` src="left-out.js"`)
		if err := os.WriteFile(filepath.Join(dir, p.slug()+".html"), []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join("node_modules", ".bin", "html-validate"),
		"--config", "htmlvalidate.mjs", "--formatter", "text", "--max-warnings", "0", dir).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// get is what an address answers.
func get(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", address, resp.StatusCode, err)
	}
	return string(body)
}
