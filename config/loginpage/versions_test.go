package loginpage

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestParsePage(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]Key{
		"env": {Version: "env"}, "shop": {App: "shop"}, "shop/2": {App: "shop", Version: "2"}, "shop/v1_a.b": {App: "shop", Version: "v1_a.b"},
	} {
		if got, err := ParsePage(s); err != nil || got != want || PageName(got) != s {
			t.Errorf("%q: %v, %v, named %q", s, got, err, PageName(got))
		}
	}
	for _, s := range []string{"", "/", "/2", "shop/", "../etc", "shop/../../x", "shop/env", "shop/2.draft", "shop/draft", "shop/2.retired", "a b", "shop/2/3",
		strings.Repeat("a", 65), "shop/" + strings.Repeat("a", 129)} {
		if got, err := ParsePage(s); err == nil {
			t.Errorf("%q is taken as %v", s, got)
		}
	}
}

func FuzzParsePage(f *testing.F) {
	for _, s := range []string{"env", "shop", "shop/2", "../x", "shop/2.draft"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := ParsePage(s)
		if err != nil {
			return
		}
		if PageName(key) != s {
			t.Errorf("%q is named %q", s, PageName(key))
		}
		for _, r := range []Role{RoleLive, RoleDraft, RolePrevious, RoleRetired} {
			if name := FileOf(key, r); !filepath.IsLocal(name) {
				t.Errorf("%q is the file %q", s, name)
			}
		}
	})
}
