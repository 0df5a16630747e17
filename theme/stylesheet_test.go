package theme

import (
	"strings"
	"testing"
)

func TestStylesheet(t *testing.T) {
	t.Parallel()
	const panel, picture = "var(--brand) 42%", "background:url(/__auth/media/a.png) center/cover"
	tests := []struct {
		name       string
		change     func(*Theme)
		background string
		has, lacks []string
	}{
		{"default", func(*Theme) {}, "", []string{"--brand:#20396f;", "--brand:#436fce;", "--radius:10px;--radius-l:16px}"}, []string{"--control", "50vw"}},
		{"square and compact", func(t *Theme) { t.Radius, t.Density = 0, DensityCompact }, "", []string{"--radius:0px;--radius-l:0px;--control:44px"}, []string{"50vw"}},
		{"panel", func(t *Theme) { t.Layout = LayoutSplit }, "", []string{"50vw", panel}, []string{"url("}},
		{"picture", func(t *Theme) { t.Layout = LayoutSplit }, "/__auth/media/a.png", []string{"50vw", picture}, []string{panel}},
		{"a picture without room for it", func(*Theme) {}, "/__auth/media/a.png", nil, []string{"url(", "50vw"}},
	}
	for _, tt := range tests {
		look := Default()
		tt.change(&look)
		got := string(look.Stylesheet(tt.background))
		for _, want := range tt.has {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", tt.name, want, got)
			}
		}
		for _, other := range tt.lacks {
			if strings.Contains(got, other) {
				t.Errorf("%s: %q in\n%s", tt.name, other, got)
			}
		}
		if strings.Count(got, "{") != strings.Count(got, "}") {
			t.Errorf("%s: braces do not match in\n%s", tt.name, got)
		}
	}
}

func TestParseColor(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{"#abc": "#aabbcc", "#20396F": "#20396f", "#000000": "#000000"} {
		if got, ok := ParseColor(s); !ok || got.String() != want {
			t.Errorf("ParseColor(%q) = %s, %t, want %s", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "#", "#ab", "#abcd", "#abcdeg", "red", "20396f", "#20396f;}", " #20396f", "rgb(1,2,3)"} {
		if got, ok := ParseColor(s); ok {
			t.Errorf("ParseColor(%q) = %s", s, got)
		}
	}
}
