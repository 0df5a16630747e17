package authclient_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

// printed is every exported struct type that a caller can fill or get filled. Client, User and LoginState
// are TestRedaction's.
var printed = []reflect.Type{
	reflect.TypeFor[authclient.AuthorizeDeviceRequest](), reflect.TypeFor[authclient.AuthorizeInfo](),
	reflect.TypeFor[authclient.AuthorizeInfoRequest](), reflect.TypeFor[authclient.AuthorizeRequest](),
	reflect.TypeFor[authclient.Authorization](), reflect.TypeFor[authclient.BasicEditRequest](),
	reflect.TypeFor[authclient.BindEmailRequest](), reflect.TypeFor[authclient.BindPhoneNumberRequest](),
	reflect.TypeFor[authclient.BoundProvider](), reflect.TypeFor[authclient.Call](), reflect.TypeFor[authclient.CallDone](),
	reflect.TypeFor[authclient.CaptchaData](), reflect.TypeFor[authclient.CaptchaPage](), reflect.TypeFor[authclient.CaptchaRetry](),
	reflect.TypeFor[authclient.CaptchaToken](), reflect.TypeFor[authclient.Claims](), reflect.TypeFor[authclient.Config](),
	reflect.TypeFor[authclient.Credentials](), reflect.TypeFor[authclient.DefaultLoginPageRequest](),
	reflect.TypeFor[authclient.DeviceCode](), reflect.TypeFor[authclient.Error](),
	reflect.TypeFor[authclient.GenProviderRedirectURIRequest](), reflect.TypeFor[authclient.GetVerificationRequest](),
	reflect.TypeFor[authclient.GrantProviderTokenRequest](), reflect.TypeFor[authclient.GrantTokenRequest](),
	reflect.TypeFor[authclient.Group](), reflect.TypeFor[authclient.MiniProgramQRCode](),
	reflect.TypeFor[authclient.MiniProgramQRCodeStatus](), reflect.TypeFor[authclient.MiniProgramRequest](),
	reflect.TypeFor[authclient.ModifyPasswordRequest](), reflect.TypeFor[authclient.Param](),
	reflect.TypeFor[authclient.PatchProviderTokenRequest](), reflect.TypeFor[authclient.Person](),
	reflect.TypeFor[authclient.ProfileProvider](), reflect.TypeFor[authclient.ProviderParams](),
	reflect.TypeFor[authclient.ProviderProfile](), reflect.TypeFor[authclient.ProviderRedirectURI](),
	reflect.TypeFor[authclient.ProviderToken](), reflect.TypeFor[authclient.PublicKey](),
	reflect.TypeFor[authclient.QueryUserRequest](), reflect.TypeFor[authclient.QueryUserResponse](),
	reflect.TypeFor[authclient.Redacted](), reflect.TypeFor[authclient.ResetPasswordRequest](), reflect.TypeFor[authclient.Scope](),
	reflect.TypeFor[authclient.SecurityEvent](), reflect.TypeFor[authclient.SecurityHistory](),
	reflect.TypeFor[authclient.SecurityHistoryRequest](), reflect.TypeFor[authclient.SetPasswordRequest](),
	reflect.TypeFor[authclient.SignInRequest](), reflect.TypeFor[authclient.SignInWithEmailRequest](),
	reflect.TypeFor[authclient.SignInWithProviderRequest](), reflect.TypeFor[authclient.SignInWithSmsRequest](),
	reflect.TypeFor[authclient.SignOutRequest](), reflect.TypeFor[authclient.SignOutResponse](),
	reflect.TypeFor[authclient.SignUpRequest](), reflect.TypeFor[authclient.SimpleUserProfile](),
	reflect.TypeFor[authclient.SudoRequest](), reflect.TypeFor[authclient.SudoToken](), reflect.TypeFor[authclient.Trace](),
	reflect.TypeFor[authclient.UserInfo](), reflect.TypeFor[authclient.UserUpdate](), reflect.TypeFor[authclient.Verification](),
	reflect.TypeFor[authclient.VerificationToken](), reflect.TypeFor[authclient.VerifyRequest](),
}

// secretName is how fields are called that hold secrets, of this package and of TCB's details.
var secretName = regexp.MustCompile(`(?i)token|password|secret|code|key|ticket|device|encrypted|^iv$|complete$|details|description$`)

// harmless are fields of such names that hold none.
var harmless = []string{
	"AuthorizeRequest.CodeChallenge", "AuthorizeRequest.CodeChallengeMethod", // a hash, which goes through addresses
	"AuthorizeInfo.Description", "Scope.Description", // of an app
	"CallDone.Code", "Error.Code", // of errors
	"CaptchaData.Token", // of a picture, which somebody has yet to read
	"PublicKey.PublicKey", "PublicKey.PublicKeyThumbprint",
	"SecurityHistory.NextPageToken", "SecurityHistoryRequest.PageToken", // of pages, which take the login besides
}

// TestAllStructsArePrinted: a new type is looked at too.
func TestAllStructsArePrinted(t *testing.T) {
	t.Parallel()
	//lint:ignore SA1019 its replacement is in no standard package
	packages, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared, listed []string
	ast.Inspect(packages["authclient"], func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.IsExported() {
			if _, ok := spec.Type.(*ast.StructType); ok && !slices.Contains([]string{"Client", "User", "LoginState"}, spec.Name.Name) {
				declared = append(declared, spec.Name.Name)
			}
		}
		return true
	})
	for _, of := range printed {
		listed = append(listed, of.Name())
	}
	slices.Sort(declared)
	slices.Sort(listed)
	if diff := cmp.Diff(declared, listed); diff != "" {
		t.Errorf("structs (-declared +listed):\n%s", diff)
	}
}

// TestNoSecretIsPrinted: neither fmt nor log/slog tells what stands in a field for a secret. JSON does, but for errors.
func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	for _, of := range printed {
		t.Run(of.Name(), func(t *testing.T) {
			t.Parallel()
			pointer := reflect.New(of)
			fillSecrets(pointer.Elem(), of.Name())
			for _, value := range []any{pointer.Elem().Interface(), pointer.Interface(), []any{pointer.Elem().Interface()}, struct{ V any }{pointer.Interface()}} {
				var log bytes.Buffer
				slog.New(slog.NewTextHandler(&log, nil)).Info("m", "value", value)
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
					fmt.Fprintf(&log, verb+"\n", value)
				}
				noSecret(t, log.String())
			}
			for _, value := range []any{pointer.Elem().Interface(), pointer.Interface()} {
				var log bytes.Buffer
				slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "value", value)
				noSecret(t, log.String())
			}
		})
	}
	e := &authclient.Error{Code: "already_exists", Description: "S3CRET", Details: []json.RawMessage{json.RawMessage(`{"provider_trans_token":"S3CRET"}`)}}
	written, err := json.Marshal(e)
	if err != nil || !strings.Contains(string(written), "already_exists") {
		t.Errorf("as JSON: %s, %v", written, err)
	}
	noSecret(t, string(written))
}

func noSecret(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "S3CRET") || strings.Contains(text, "533343524554") || strings.Contains(text, "83, 51, 67") || strings.Contains(text, "83 51 67") {
		t.Errorf("a secret is told: %.300s", text)
	}
}

// fillSecrets puts a text that must not be told into each field of a secret's name.
func fillSecrets(v reflect.Value, name string) {
	owner, field, _ := strings.Cut(name, ".")
	of := v.Type()
	if of.Name() != "" && of.Kind() == reflect.Struct {
		owner = of.Name()
	}
	switch of.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if of.Field(i).IsExported() {
				fillSecrets(v.Field(i), owner+"."+of.Field(i).Name)
			}
		}
	case reflect.Pointer:
		if of.Elem().Kind() == reflect.Struct && of.Elem().PkgPath() == reflect.TypeFor[authclient.Config]().PkgPath() || of.Elem().Kind() == reflect.String {
			v.Set(reflect.New(of.Elem()))
			fillSecrets(v.Elem(), name)
		}
	case reflect.Slice:
		if of.Elem() != of && of.Elem().Kind() != reflect.Uint8 && of.Elem().Name() != owner {
			v.Set(reflect.MakeSlice(of, 1, 1))
			fillSecrets(v.Index(0), name)
		} else if of.Elem().Kind() == reflect.Uint8 && secretName.MatchString(field) {
			v.SetBytes([]byte(`"S3CRET"`))
		}
	case reflect.String:
		if secretName.MatchString(field) && !slices.Contains(harmless, owner+"."+field) {
			v.SetString("S3CRET")
		}
	}
}
