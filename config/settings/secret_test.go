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
