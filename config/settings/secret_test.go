package settings

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEverySecretsEnds: no setting reads a secret in a way of its own. A setting that is new comes into
// the settings here, or fails for being unset.
func TestEverySecretsEnds(t *testing.T) {
	t.Parallel()
	values := map[string]string{"PUBLISHABLE": publishableOf()}
	for _, name := range []string{"SEAL", "STORE_KEY", "PASSWORD", "AUDIT", "CLIENT"} {
		values[name] = "for-tests-alone-Kq7vXw2Zp9LmB4nRt8Ys-" + name
	}
	const settings = `
session: {store: "rediss://cache.example.com", store_password: @PASSWORD, store_key: @STORE_KEY, keys: [@SEAL]}
audit: {keys: [{id: a, key: @AUDIT}]}
environments: [{id: one, publishable_key: @PUBLISHABLE, clients: [{id: one, secret: @CLIENT}]}]
`
	for from, prefix := range map[string]string{"a variable": "env:", "a file": "file:"} {
		for _, around := range [][2]string{{"", "\n"}, {"\ufeff", "\r\n"}, {" \t", " \r\n\n"}} {
			dir := t.TempDir()
			for name, value := range values {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(around[0]+value+around[1]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			env := func(name string) (string, bool) { return around[0] + values[name] + around[1], values[name] != "" }
			s, problems := Parse(filepath.Join(dir, "settings.yaml"), []byte(strings.ReplaceAll(settings, "@", prefix)), Launch{Env: env})
			if len(problems) > 0 {
				t.Errorf("from %s: %v", from, problems)
			}
			got := map[string]string{}
			secretsIn(reflect.ValueOf(s), "", got)
			if want := slices.Sorted(maps.Values(values)); !slices.Equal(slices.Sorted(maps.Values(got)), want) {
				t.Errorf("from %s, between %+q: %+q, want %+q", from, around, got, want)
			}
		}
	}
}

// TestMeantSecrets: what is meant to say where a secret is to be found is not taken for the secret, and a
// random one is, whatever it begins with.
func TestMeantSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "seal.key-hunter2"), []byte("for-tests-alone-Kq7vXw2Zp9LmB4nRt8Ys"), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(secret string) string {
		_, problems := Parse(filepath.Join(dir, "settings.yaml"), fmt.Appendf(nil, "environments: [{id: x, clients: [{id: x, secret: %q}]}]", secret), Launch{Env: testEnv, Emulator: true})
		if strings.Contains(problems.String(), "hunter2") {
			t.Errorf("a secret is told: %s", problems)
		}
		return problems.String()
	}
	for secret, want := range map[string]string{
		"$hunter2": "begins with $", "${hunter2}": "begins with $", "Env:hunter2": "small letters", "ENV:hunter2": "small letters", " env:hunter2": "small letters",
		"env :hunter2": "small letters", "File:/hunter2": "small letters", "file : hunter2": "small letters",
		"/run/secrets/hunter2": "path of a file", "./hunter2": "path of a file", "../hunter2": "path of a file", "~/hunter2": "path of a file",
		`C:\hunter2`: "path of a file", "/run/secrets/tcb/login/hunter2/key": "path of a file", "seal.key-hunter2": "path of a file",
	} {
		if said := load(secret); !strings.Contains(said, ":1:") || !strings.Contains(said, "error: secret: ") || !strings.Contains(said, want) {
			t.Errorf("%q: %s, want %q", secret, said, want)
		}
	}
	for _, secret := range []string{
		"/Ax7vXw2Zp9LmB4nRt8YsKq7vXw2Zp9LmB4nRt8YsKq=", "/tYtGkP0bB+ZJYYxM8bhKo1+7nzMxqmXlrzTtnFjUMz9uYk2kFM1DhVj/Nrl5qLQ", "environment", "files", "a$b", "a/b",
	} {
		if said := load(secret); said != "" {
			t.Errorf("%q: %s", secret, said)
		}
	}
}

// secretsIn finds all secrets, by where they are.
func secretsIn(v reflect.Value, at string, found map[string]string) {
	if v.Type() == reflect.TypeFor[Secret]() {
		found[at] = v.Interface().(Secret).Reveal()
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			secretsIn(v.Elem(), at, found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				secretsIn(v.Field(i), at+"."+field.Name, found)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			secretsIn(v.Index(i), fmt.Sprintf("%s[%d]", at, i), found)
		}
	}
}
