package authclient_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

// code2err is the Err value of a code.
func code2err(t *testing.T, code string) error {
	t.Helper()
	i := slices.Index(authclient.Codes(), code)
	if i < 0 {
		t.Fatalf("no Err value for %s", code)
	}
	return authclient.ErrValues[i]
}

// Codes must name every Err value there is: the source tells which.
func TestCodes(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		call, ok := spec.Values[0].(*ast.CallExpr)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Err") {
			return true
		}
		code := strings.Trim(call.Args[0].(*ast.BasicLit).Value, `"`)
		declared = append(declared, code)
		// ErrInvalidRequestURI is invalid_request_uri.
		if name := strings.ToLower(spec.Names[0].Name); name != "err"+strings.ReplaceAll(code, "_", "") {
			t.Errorf("%s is %q", spec.Names[0].Name, code)
		}
		return true
	})
	if len(declared) < 50 {
		t.Fatalf("the source declares %d codes only", len(declared))
	}
	if diff := cmp.Diff(declared, authclient.Codes()); diff != "" {
		t.Errorf("Codes (-declared +got):\n%s", diff)
	}
	sorted := slices.Sorted(slices.Values(authclient.Codes()))
	if unique := slices.Compact(slices.Clone(sorted)); len(unique) != len(sorted) {
		t.Errorf("a code is there twice: %v", sorted)
	}
	for i, err := range authclient.ErrValues {
		e := &authclient.Error{Code: authclient.Codes()[i]}
		if !errors.Is(e, err) || !strings.Contains(err.Error(), e.Code) {
			t.Errorf("%v is not the Err value of %s", err, e.Code)
		}
	}
}

func TestCodesAreACopy(t *testing.T) {
	t.Parallel()
	authclient.Codes()[0] = "changed"
	if authclient.Codes()[0] == "changed" {
		t.Error("a caller can change the codes")
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  authclient.Error
		want string
	}{
		{"least", authclient.Error{Op: "SignIn", Code: "not_found"}, "authclient: SignIn: not_found"},
		{"most", authclient.Error{
			Op: "SignIn", Code: "not_found", ErrorCode: 5, Description: "nobody@example.com is unknown", Status: 404, RequestID: "r",
		}, "authclient: SignIn: not_found (5), status 404"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if errors.Unwrap(&tt.err) != nil {
				t.Error("there is an error below it")
			}
			if errors.Is(&tt.err, errors.New("not_found")) {
				t.Error("another error with the same text counts as equal")
			}
		})
	}
}

// TestPlainFields: what is taken out of an error without a decoder is what a decoder gives.
func TestPlainFields(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)
	long := strings.Repeat("a", 64)
	for _, raw := range []string{
		`"aborted"`, `"a"`, `"\u0061"`, `"a\n"`, `"\""`, "\"a\xff\"", `"ä"`, `"1a"`, `"_"`, `"a b"`, `"Z.9-_"`,
		`"` + long + `"`, `"` + long + `a"`, `12`, `"12"`, `-1`, `1.5`, `1e400`, `2147483648`, `"1e2"`, `"0x1"`, `""`, `null`, `true`, `[1]`, `{}`,
	} {
		// In spaces, which belong to no value.
		got := authclient.DecodeError([]byte(`{"error": ` + raw + ` , "error_description": ` + raw + ` , "error_code": ` + raw + ` , "code": "x"}`))
		var s string
		isString := json.Unmarshal([]byte(raw), &s) == nil
		description, wantCode := s, "unknown"
		if !isString {
			description = raw
		}
		switch {
		case raw == `""` || raw == "null":
			description, wantCode = "", "x" // of the other spelling
		case isString && code.MatchString(s):
			wantCode = s
		}
		var n json.Number
		number := 0
		if json.Unmarshal([]byte(raw), &n) == nil {
			i, _ := strconv.ParseInt(n.String(), 10, 32) // the nearest, of what has more than 32 bits
			number = int(i)
		}
		if got == nil || got.Code != wantCode || got.Description != description || got.ErrorCode != number {
			t.Errorf("%s: %+v, want %q, %q, %d", raw, got, wantCode, description, number)
		}
	}
}
