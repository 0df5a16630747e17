package qrcode

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// modules reads a path back: what a browser would paint black.
func modules(t testing.TB, c Code) map[[2]int]bool {
	t.Helper()
	if whole := regexp.MustCompile(`^(M\d+ \d+\.5h\d+)+$`); !whole.MatchString(c.Path) {
		t.Fatalf("the path is %.80s", c.Path)
	}
	black := map[[2]int]bool{}
	for part := range strings.SplitSeq(c.Path[1:], "M") {
		var x, y, run int
		if _, err := fmt.Sscanf(part, "%d %d.5h%d", &x, &y, &run); err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		for i := range run {
			black[[2]int{x + i, y}] = true
		}
	}
	return black
}

// finder is the pattern in three corners of a code.
var finder = []string{"#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"}

func TestDraw(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"a", "https://example.com/scan?qr_code_id=AbC-123_", strings.Repeat("x", MaxContent), "微信 中文", "0123456789"} {
		c, err := Draw(content)
		if err != nil {
			t.Errorf("%.20q: %v", content, err)
			continue
		}
		n := c.Size - 2*Quiet
		if n < 21 || n > 97 || (n-17)%4 != 0 {
			t.Errorf("%.20q: %d modules are no code's", content, n)
		}
		black := modules(t, c)
		for at := range black {
			if at[0] < Quiet || at[1] < Quiet || at[0] >= Quiet+n || at[1] >= Quiet+n {
				t.Errorf("%.20q: the quiet zone is black at %v", content, at)
			}
		}
		for _, corner := range [][2]int{{0, 0}, {n - 7, 0}, {0, n - 7}} {
			for y, row := range finder {
				for x, want := range row {
					if got := black[[2]int{Quiet + corner[0] + x, Quiet + corner[1] + y}]; got != (want == '#') {
						t.Fatalf("%.20q: no finder pattern at %v", content, corner)
					}
				}
			}
		}
		for i := 8; i < n-8; i++ { // the timing patterns
			if black[[2]int{Quiet + i, Quiet + 6}] != (i%2 == 0) || black[[2]int{Quiet + 6, Quiet + i}] != (i%2 == 0) {
				t.Fatalf("%.20q: no timing pattern at %d", content, i)
			}
		}
	}
	for _, content := range []string{"", strings.Repeat("x", MaxContent+1)} {
		if _, err := Draw(content); !errors.Is(err, ErrContent) {
			t.Errorf("%d bytes: %v", len(content), err)
		}
	}
}

// TestPath: each run is one line, and nothing is black twice.
func TestPath(t *testing.T) {
	t.Parallel()
	picture := []string{"##.#", "....", "####", ".#.#"}
	got := path(4, func(x, y int) bool { return picture[y][x] == '#' })
	if want := "M4 4.5h2M7 4.5h1M4 6.5h4M5 7.5h1M7 7.5h1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzDraw: whatever TCB answers is a code or an error.
func FuzzDraw(f *testing.F) {
	for _, seed := range []string{"", "a", "https://example.com/?a=b", "A1 $%*+-./:", "\x00\xff", "微信"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		c, err := Draw(content)
		if (err == nil) != (c.Path != "") {
			t.Fatalf("%q: %v, and a path of %d", content, err, len(c.Path))
		}
		if err == nil {
			modules(t, c)
		}
	})
}
