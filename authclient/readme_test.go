package authclient_test

import (
	"bytes"
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
	"tcb-login/emulator"
)

// The README's table names every method, and no other.
func TestREADME(t *testing.T) {
	t.Parallel()
	letters := map[string]string{"Client": "C", "User": "U", "LoginState": "L"}
	var declared []string
	for _, file := range sources(t) {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() || f.Name.Name == "String" || f.Name.Name == "GoString" {
				continue
			}
			if letter := letters[receiver(f)]; letter != "" {
				declared = append(declared, letter+" `"+f.Name.Name+"`")
			}
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "|") {
			listed = append(listed, regexp.MustCompile("[CUL] `\\w+`").FindAllString(line, -1)...)
		}
	}
	slices.Sort(declared)
	slices.Sort(listed)
	if diff := cmp.Diff(declared, listed); diff != "" {
		t.Errorf("methods (-declared +in the README):\n%s", diff)
	}
}

// Every exported name has a comment, fields and single values included. The
// methods that make a call, which take CallOptions, tell where it is known from;
// those of LoginState that repeat a User's say so instead.
func TestComments(t *testing.T) {
	t.Parallel()
	fields, calls := 0, 0
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				return n.Name.IsExported()
			case *ast.Field: // of a struct or of a function, whose names are not exported
				for _, name := range n.Names {
					if name.IsExported() {
						fields++
						if !comments(n.Doc, n.Comment) {
							t.Errorf("field %s has no comment", name)
						}
					}
				}
			case *ast.ValueSpec:
				if n.Names[0].IsExported() && !comments(n.Doc, n.Comment) {
					t.Errorf("%s has no comment", n.Names[0])
				}
			case *ast.FuncDecl:
				if !n.Name.IsExported() || n.Recv != nil && !ast.IsExported(receiver(n)) {
					return false
				}
				if !comments(n.Doc) {
					t.Errorf("%s has no comment", n.Name)
					return false
				}
				params := n.Type.Params.List
				if len(params) == 0 {
					return false
				}
				variadic, ok := params[len(params)-1].Type.(*ast.Ellipsis)
				if !ok {
					return false
				}
				if of, ok := variadic.Elt.(*ast.Ident); ok && of.Name == "CallOption" && n.Recv != nil {
					calls++
					text := n.Doc.Text()
					if !sourced.MatchString(text) && !strings.HasPrefix(text, n.Name.Name+" is User."+n.Name.Name) {
						t.Errorf("%s does not say where the call is known from", n.Name)
					}
				}
				return false
			}
			return true
		})
	}
	if fields < 150 || calls < 55 {
		t.Errorf("looked at %d fields and %d calls only", fields, calls)
	}
}

// sourced finds a source: a file of a package in one version, or a link.
var sourced = regexp.MustCompile(`\nSource: (@cloudbase/\w+@\d+\.\d+\.\d+ src/[\w/]+\.ts, \w+|https://)`)

// receiver is the type that a method belongs to.
func receiver(method *ast.FuncDecl) string {
	of := method.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	return of.(*ast.Ident).Name
}

func comments(groups ...*ast.CommentGroup) bool {
	return slices.ContainsFunc(groups, func(g *ast.CommentGroup) bool { return strings.TrimSpace(g.Text()) != "" })
}

// sources are the package's files, without its tests.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// program builds one of the README's, in a module of its own that takes this package in one of the
// two ways that the README names.
func program(t *testing.T, name string, copied bool) string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```go\n(// Command " + name + " .*?)```").FindSubmatch(readme)
	if found == nil {
		t.Fatalf("no program %s in the README", name)
	}
	if lines := bytes.Count(found[1], []byte("\n")); lines > 50 {
		t.Errorf("the program %s has %d lines", name, lines)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"main.go": string(found[1])}
	if copied {
		sums, err := os.ReadFile("../go.sum") // the public record of them is not asked, as nothing is fetched
		if err != nil {
			t.Fatal(err)
		}
		files["go.sum"] = string(sums)
		files["go.mod"] = "module example.com/app\n\ngo 1.26\n"
		files["main.go"] = strings.Replace(files["main.go"], `"tcb-login/authclient"`, `"example.com/app/authclient"`, 1)
		sources, err := filepath.Glob("*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range sources {
			if strings.HasSuffix(source, "_test.go") {
				continue
			}
			data, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			files["authclient/"+source] = string(data)
		}
	} else {
		// As the README has it, but for where the checkout is.
		required := regexp.MustCompile(`(?m)^    (require tcb-login .*)\n    (replace tcb-login => ).*$`).FindSubmatch(readme)
		if required == nil {
			t.Fatal("the README does not say what to write into go.mod")
		}
		sums, err := os.ReadFile("../go.sum") // the public record of them is not asked, as nothing is fetched
		if err != nil {
			t.Fatal(err)
		}
		files["go.sum"] = string(sums)
		files["go.mod"] = "module example.com/app\n\ngo 1.26\n\n" + string(required[1]) + "\n" + string(required[2]) + filepath.Dir(here) + "\n"
	}
	dir := t.TempDir()
	for path, text := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, name)
	commands := [][]string{{"go", "build", "-o", binary, "."}}
	if !copied && bytes.Contains(readme, []byte("`go mod tidy`")) { // only what the README has people do
		commands = append([][]string{{"go", "mod", "tidy"}}, commands...)
	}
	for _, args := range commands {
		command := exec.CommandContext(t.Context(), args[0], args[1:]...)
		command.Dir = dir
		command.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off") // and nothing is fetched
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %v\n%s", name, args, err, out)
		}
	}
	return binary
}

// TestREADMEPrograms has the README's programs built and run, before an emulator as "go run ." starts
// one.
func TestREADMEPrograms(t *testing.T) {
	t.Parallel()
	e, err := emulator.New(emulator.Config{Path: filepath.Join(t.TempDir(), "emulator.db"), CheapPasswords: true, Environments: []emulator.Environment{{ID: "demo", Clients: []emulator.Client{{ID: "demo"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	tcb := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = tcb.Serve(front) }()
	t.Cleanup(func() { _ = tcb.Close(); _ = e.Close() })
	environ := append(os.Environ(), "TCB_ENV=demo", "TCB_ENDPOINT=http://"+front.Addr().String())

	file := filepath.Join(t.TempDir(), "login.json")
	binary := program(t, "whoami", true)
	whoami := func(more ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary)
		cmd.Env = append(append(environ, "LOGIN_FILE="+file), more...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("whoami: %v\n%s", err, out)
		}
		return string(out)
	}
	if got := whoami("USERNAME=demo", "PASSWORD=Demo-pass-1"); got != "demo\n" {
		t.Errorf("signed in: %q", got)
	}
	if got := whoami("USERNAME=", "PASSWORD="); got != "demo\n" {
		t.Errorf("the next run: %q", got)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the login is kept with %v, %v", info.Mode(), err)
	}
	var creds authclient.Credentials
	if data, err := os.ReadFile(file); err != nil || json.Unmarshal(data, &creds) != nil {
		t.Fatal(err)
	}

	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listen.Addr().String()
	listen.Close()
	ctx, stop := context.WithCancel(t.Context())
	api := exec.CommandContext(ctx, program(t, "api", false))
	api.Env = append(environ, "LISTEN="+address)
	if err := api.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = api.Wait() })
	for name, tt := range map[string]struct {
		authorization string
		status        int
		body          string
	}{
		"signed in":      {"Bearer " + creds.AccessToken, http.StatusOK, creds.Sub + "\n"},
		"nobody":         {"", http.StatusUnauthorized, "sign in first\n"},
		"a forged token": {"Bearer " + creds.AccessToken[:len(creds.AccessToken)-4] + "AAAA", http.StatusUnauthorized, "sign in first\n"},
	} {
		if status, body := askMe(t, address, tt.authorization); status != tt.status || body != tt.body {
			t.Errorf("%s: %d, %q", name, status, body)
		}
	}
}

// askMe asks the program api, as soon as it listens.
func askMe(t *testing.T, address, authorization string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/me", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	for again, deadline := time.Tick(20*time.Millisecond), time.After(time.Minute); ; {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, string(text)
		}
		select {
		case <-again:
		case <-deadline:
			t.Fatal(err)
		}
	}
}
