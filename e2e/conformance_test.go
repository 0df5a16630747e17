//go:build e2e

package e2e

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write emulator/CONFORMANCE.md, or testdata/snapshots, anew")

// tableFile is what TestConformance found, as it is kept.
var tableFile = filepath.Join("..", "emulator", "CONFORMANCE.md")

// probe is one row of the table: something the SDK can do, or an error code that the documents
// name. The probes themselves are JavaScript, in the folder conformance: they call the unmodified
// SDK in the page.
type probe struct {
	Name    string `json:"name"`    // of the method or the error code
	Section string `json:"section"` // of the table
	Shows   string `json:"shows"`   // what is asserted
	Steps   int    `json:"steps"`   // a step ends where the browser goes to another page
}

// id is the sub-test's name.
func (p probe) id() string { return p.Section + "/" + p.Name }

// The sections of the table, in its order.
var sections = []struct{ id, title string }{
	{"documented", "Methods of the SDK's documents"},
	{"data-error", "Methods that answer `{ data, error }`"},
	{"further", "Further methods of the Auth object"},
	{"api", "Methods of `auth.oauthInstance.authApi` that no other row reaches"},
	{"http", "Calls of the documents that the SDK has no method for"},
	{"1.x", "Methods that stem from 1.x"},
	{"login", "Error codes: login"},
	{"registration", "Error codes: registration"},
	{"verification", "Error codes: verification"},
	{"other", "Error codes: other"},
}

// documented are the methods and error codes of the SDK's documents, in their order. Each has a
// row.
var documented = map[string][]string{
	"documented": {
		"Auth.signUp", "Auth.signIn", "Auth.signOut", "Auth.signInAnonymously", "Auth.setCustomSignFunc", "Auth.signInWithCustomTicket",
		"Auth.signInWithOpenId", "Auth.signInWithUnionId", "Auth.signInWithPhoneAuth", "Auth.signInWithSms", "Auth.signInWithEmail",
		"Auth.toDefaultLoginPage", "Auth.genProviderRedirectUri", "Auth.grantProviderToken", "Auth.signInWithProvider",
		"Auth.unbindProvider", "Auth.getProviders", "Auth.bindWithProvider", "Auth.verify", "Auth.getVerification", "Auth.sudo",
		"Auth.getAccessToken", "Auth.getCurrentUser", "Auth.bindPhoneNumber", "Auth.bindEmail", "Auth.setPassword", "Auth.getUserInfo",
		"Auth.queryUser", "Auth.resetPassword", "Auth.isUsernameRegistered", "Auth.deleteMe", "Auth.loginScope", "Auth.hasLoginState",
		"Auth.getLoginState", "Auth.onLoginStateChanged", "LoginState.user", "User.update", "User.refresh",
	},
	"login": {
		"not_found", "password_not_set", "invalid_password", "user_pending", "user_blocked", "invalid_status", "invalid_two_factor",
	},
	"registration": {"failed_precondition"},
	"verification": {
		"failed_precondition", "resource_exhausted", "invalid_argument", "aborted", "permission_denied", "captcha_required", "captcha_invalid",
	},
	"other": {"unreachable", "permission_denied (CORS)"},
}

// inMiniPrograms are the methods that need `wx`, which only a WeChat mini program has. They run on
// the SDK's own miniprogram_dist, in Node with a wx that goes over HTTP to the emulator
// (conformance/miniprogram.cjs).
var inMiniPrograms = []probe{
	{Name: "Auth.signInWithOpenId", Section: "documented", Shows: "by HTTP and through WeChat Cloud: one user per openid, found again; a code that WeChat does not know, a source that may not register and a login that WeChat refuses are errors"},
	{Name: "Auth.signInWithUnionId", Section: "documented", Shows: "one user per unionid, found again; a code without one refused"},
	{Name: "Auth.signInWithPhoneAuth", Section: "documented", Shows: "the number of the code is the user's, on whoever's phone; another code is an error"},
	{Name: "Auth.signInAnonymouslyInWx", Section: "further", Shows: "scope anonymous; one user per openid, found again"},
	{Name: "Auth.bindOpenId", Section: "further", Shows: "the openid signs in as this user from then on; somebody else's refused"},
}

// instead is a row for what neither a browser nor a mini program of the tests can call.
type instead struct {
	probe
	reason string
	test   string // in package authclient
	calls  string // what the test has to mention
}

// notInBrowsers are those methods, why, and what covers them instead.
var notInBrowsers = []instead{
	{
		probe{Name: "authApi.checkUsername", Section: "api"},
		"a GET with a body, which fetch refuses to send", "TestCheckUsername", "CheckUsername",
	},
}

// TestConformance lets the unmodified SDK, in both majors and in a real browser, call everything it
// can, against the emulator. What it found is compared with emulator/CONFORMANCE.md; -update writes
// that file.
func TestConformance(t *testing.T) {
	t.Parallel()
	probes := make([][]probe, len(sdks))
	results := make([]map[string]string, len(sdks))
	means := make([]map[string][]string, len(sdks)) // by probe, how the row was brought about
	t.Run("sdk", func(t *testing.T) {               // ends when its parallel sub-tests have ended
		for i, version := range sdks {
			t.Run(version.name, func(t *testing.T) {
				t.Parallel()
				c := startConformance(t, version.sdk)
				probes[i], results[i], means[i] = slices.Concat(c.probes, inMiniPrograms), map[string]string{}, c.means
				for n, p := range c.probes {
					t.Run(p.id(), func(t *testing.T) { // which -run may leave out
						results[i][p.id()] = "fails"
						c.run(t, n)
						if !t.Failed() {
							results[i][p.id()] = "passes"
						}
					})
				}
				for _, p := range inMiniPrograms {
					t.Run(p.id(), func(t *testing.T) {
						results[i][p.id()] = "fails"
						runInMiniProgram(t, version.sdk, p)
						if !t.Failed() {
							results[i][p.id()] = "passes"
						}
					})
				}
				t.Run("every method has a row", c.complete)
			})
		}
	})
	for i := range sdks {
		if len(results[i]) == 0 || len(results[i]) < len(probes[i]) {
			t.Logf("not everything was asked to run: nothing is compared with %s", tableFile)
			return
		}
		if !slices.Equal(probes[i], probes[0]) {
			t.Fatal("the versions were not given the same probes")
		}
	}
	for _, p := range probes[0] {
		for i := range sdks {
			if !slices.Equal(means[i][p.id()], means[0][p.id()]) {
				t.Errorf("%s is brought about by %q, and with %s by %q", p.id(), means[0][p.id()], sdks[i].name, means[i][p.id()])
			}
		}
	}
	table := writeTable(t, probes[0], results, means[0])
	t.Logf("\n%s", table)
	if t.Failed() {
		t.Logf("%s is left as it is", tableFile)
		return
	}
	if *update {
		if err := os.WriteFile(tableFile, []byte(table), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(tableFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), table); diff != "" {
		t.Errorf("%s is stale; \"make conformance\" writes it anew (- kept, + found):\n%s", tableFile, diff)
	}
}

const tableIntroduction = `# Conformance

What the official SDK, ` + "`@cloudbase/js-sdk`" + `, gets from this emulator. Both majors run unmodified in Chromium and call every method
that a browser can call; the methods of WeChat mini programs run on the packages' own ` + "`miniprogram_dist`" + ` in Node. Every error
code of the SDK's documents has a row. A row passes when the answer and the state afterwards are right, as the emulator, another
device and the browser's storage see it. Each row is a sub-test of TestConformance (e2e/conformance_test.go); the calls themselves
are in e2e/conformance.

"How" is what the test did besides calling the SDK, recorded while it ran: the controls that it used (emulator.go lists them), and
what it played in somebody's place. "–" means nothing: the row comes about by the SDK's calls alone. "a fault at …" means that the
emulator was told to give that answer, so the row shows what the SDK makes of it and nothing about the emulator.

This file is written by "make conformance" and compared by "make e2e".
`

// writeTable makes the whole of CONFORMANCE.md. Nothing in it depends on the day or the machine.
func writeTable(t *testing.T, probes []probe, results []map[string]string, means map[string][]string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(tableIntroduction)
	rows := map[string]string{} // by id
	order := map[string][]string{}
	add := func(p probe, row string) {
		if rows[p.id()] != "" {
			t.Errorf("two rows for %s", p.id())
		}
		if !slices.ContainsFunc(sections, func(s struct{ id, title string }) bool { return s.id == p.Section }) {
			t.Errorf("no section %q for %s", p.Section, p.Name)
		}
		rows[p.id()] = row
		order[p.Section] = append(order[p.Section], p.Name)
	}
	total := 0
	for _, p := range probes {
		row := fmt.Sprintf("| `%s` |", p.Name)
		for i := range results {
			row += " " + results[i][p.id()] + " |"
			total++
		}
		how := strings.Join(means[p.id()], "; ")
		if slices.ContainsFunc(inMiniPrograms, func(m probe) bool { return m.id() == p.id() }) {
			how = "`miniprogram_dist` in Node; `wx` played by the test, over HTTP; WeChat's codes made up"
		}
		if how == "" {
			how = "–"
		}
		add(p, row+" "+p.Shows+" | "+how+" |\n")
	}
	tests := goTests(t, filepath.Join("..", "authclient"))
	for _, row := range notInBrowsers {
		body, ok := tests[row.test]
		if !ok || !strings.Contains(body, row.calls) {
			t.Errorf("authclient has no test %s that calls %s", row.test, row.calls)
		}
		add(row.probe, fmt.Sprintf("| `%s` | – | – | Not called by the SDK here: %s. | %s in package authclient |\n", row.Name, row.reason, row.test))
	}
	for section, names := range documented {
		for _, name := range names {
			if rows[section+"/"+name] == "" {
				t.Errorf("no row for %s, which the documents name", name)
			}
		}
	}
	for _, section := range sections {
		names := order[section.id]
		rank := func(name string) int { return slices.Index(documented[section.id], name) }
		slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
		column := "Method"
		if strings.HasPrefix(section.title, "Error codes") {
			column = "Error code"
		}
		if section.id == "http" {
			column = "Call"
		}
		fmt.Fprintf(&b, "\n## %s\n\n| %s |", section.title, column)
		for _, version := range sdks {
			fmt.Fprintf(&b, " %s |", strings.TrimPrefix(version.name, "sdk "))
		}
		b.WriteString(" What is asserted | How |\n| --- |" + strings.Repeat(" --- |", len(sdks)+2) + "\n")
		for _, name := range names {
			b.WriteString(rows[section.id+"/"+name])
		}
	}
	return b.String()
}

// goTests reads the test functions of a package: their text by name.
func goTests(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				tests[f.Name.Name] = string(source[set.Position(f.Pos()).Offset:set.Position(f.End()).Offset])
			}
		}
	}
	return tests
}
