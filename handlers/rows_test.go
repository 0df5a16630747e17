package handlers

import (
	"strings"
	"testing"

	"tcb-login/handlers/web"
)

// row is a page of the router's.
type row struct{ web.Row }

// at is an address of the row's.
func (r row) at() string {
	return strings.NewReplacer(":id", "demo", ":n", "1").Replace(r.Path)
}

// rows are all pages that the site has.
func (s *site) rows(t testing.TB) (all []row) {
	t.Helper()
	rooms, err := newRooms(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rooms.site.Rows(rooms.table()) {
		all = append(all, row{r})
	}
	if len(all) < 30 {
		t.Fatalf("%d rows", len(all))
	}
	return all
}

// file reports that it is no page, but what pages load.
func (r row) file() bool { return strings.Contains(r.Path, "*") }
