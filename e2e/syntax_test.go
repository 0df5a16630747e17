//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tcb-login/static"
)

// TestSyntax: the scripts as they are sent parse in browsers that know ECMAScript 2018 and nothing
// newer.
func TestSyntax(t *testing.T) {
	assets, err := static.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"account.js", "app.js", "complete.js", "demo.js", "preview.js", "qr.js"} {
		file, ok := assets.Lookup(assets.Name(name))
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		if err := newerThan2018(string(file.Plain)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// esbuildPasses is newer syntax that esbuild writes the same for all browsers: import() and
// import.meta, export * as, and numbers as 1_000. None of our scripts exports anything.
var esbuildPasses = regexp.MustCompile(`\bimport\s*[(.]|\bexport\b|\d_\d`)

// newerThan2018 is an error unless a module is all ECMAScript 2018. esbuild, told to write for
// browsers of 2018, rewrites newer syntax or refuses it, so whatever it writes as it does for
// browsers of today is old. This is about syntax only: which functions a browser may lack is for
// each script to know.
func newerThan2018(script string) error {
	if found := esbuildPasses.FindString(script); found != "" {
		return fmt.Errorf("%q may be newer", found)
	}
	written := map[string]string{}
	for _, target := range []string{"es2018", "esnext"} {
		cmd := exec.Command(filepath.Join("node_modules", ".bin", "esbuild"), "--format=esm", "--log-level=warning", "--target="+target)
		cmd.Stdin = strings.NewReader(script)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || stderr.Len() > 0 {
			return fmt.Errorf("for %s: %v\n%s", target, err, stderr.String())
		}
		written[target] = string(out)
	}
	if written["es2018"] != written["esnext"] {
		return fmt.Errorf("for es2018 it becomes\n%s", written["es2018"])
	}
	return nil
}

// A check that finds nothing is worth little unless it can.
func TestNewerThan2018(t *testing.T) {
	for script, newer := range map[string]bool{
		"const f = async ({ a, ...b }) => ({ a, ...b });":        false,
		"async function f() { for await (const a of b()) a(); }": false,
		"a(/(?<year>\\d+)(?<=2)\\p{L}/su, `${b}`, 2 ** 3);":      false,
		"try { a(); } catch (failure) { b(); }":                  false,
		"a?.b;":                                                  true,
		"a ?? b;":                                                true,
		"a ??= b;":                                               true,
		"a ||= b;":                                               true,
		"try { a(); } catch { b(); }":                            true,
		"class A { b = 1; }":                                     true,
		"class A { #b() {} }":                                    true,
		"class A { static { a(); } }":                            true,
		"a(1_000);":                                              true,
		"a(1n);":                                                 true,
		"a(/b/v);":                                               true,
		"a(/b/d);":                                               true,
		"await a();":                                             true,
		"a(import.meta.url);":                                    true,
		"import(a);":                                             true,
		"export * as a from \"./b.js\";":                         true,
		"a(;":                                                    true, // no script at all
	} {
		if err := newerThan2018(script); err != nil != newer {
			t.Errorf("%s: %v", script, err)
		}
	}
}
