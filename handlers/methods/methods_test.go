package methods

import "testing"

func TestTable(t *testing.T) {
	t.Parallel()
	var table Table
	for _, add := range [][2]string{
		{"/__auth/", "GET"}, {"/__auth/sign-in", "POST"}, {"/__auth/sign-in", "GET"}, {"/__auth/static/:file", "GET"},
		{"/__auth/providers/:id", "POST"}, {"/__auth/providers/list", "GET"},
	} {
		table.Add(add[0], add[1])
	}
	for path, want := range map[string]string{
		"/__auth/": "GET", "/__auth": "GET", "/__auth/sign-in": "GET, POST", "/__auth/sign-in/": "GET, POST", "/__auth/static/a.css": "GET",
		"/__auth/providers/list": "GET, POST", "/__auth/providers/x": "POST", "/__auth/providers/x/y": "", "/__auth/Sign-in": "", "/": "", "": "",
	} {
		if got := table.At(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := new(Table).At("/"); got != "" {
		t.Errorf("an empty table has %q", got)
	}
}
