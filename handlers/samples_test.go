package handlers

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/preview"
	"tcb-login/views"
)

// qualified is what tells a sample from another of the same page.
var qualified = regexp.MustCompile(` \([^)]*\)`)

// TestSamples: every page renders in every state that the preview shows it in, and is the page that
// it says.
func TestSamples(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider, withQR, func(c *siteConfig) {
		c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}).Anonymous = true
	})
	cfg := s.cfg
	cfg.NewAuth = preview.NewAuth
	rooms, err := newRooms(cfg)
	if err != nil {
		t.Fatal(err)
	}
	rows, styles := rooms.table(), stylesheets(t)
	for _, env := range []string{"demo", "north"} {
		r, err := rooms.site.SampleRequest(t.Context(), loginpage.Key{Env: env, Version: loginpage.EnvVersion}, "en", "")
		if err != nil {
			t.Fatal(err)
		}
		seen, forms, paths := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, sample := range rooms.samples(r) {
			at := sample.Path + " " + sample.State
			if seen[at] {
				t.Errorf("%s: there are two samples of %s", env, at)
			}
			seen[at], paths[sample.Path] = true, true
			page, err := sample.Make()
			if err != nil {
				t.Errorf("%s: %s: %v", env, at, err)
				continue
			}
			if b := page.Frame(); b.Page != qualified.ReplaceAllString(sample.Page, "") {
				t.Errorf("%s: %s is page %q, want %q", env, at, b.Page, sample.Page)
			}
			forms[page.Frame().Form.Name] = true
			var out strings.Builder
			if err := page.Component().Render(t.Context(), &out); err != nil || !strings.Contains(out.String(), "</html>") {
				t.Errorf("%s: %s: %v, %d bytes", env, at, err, out.Len())
			}
			for _, lack := range lacks(page.Frame(), out.String(), styles) {
				t.Errorf("%s: %s does not show %s", env, at, lack)
			}
		}
		if len(seen) < 300 {
			t.Errorf("%s: only %d samples", env, len(seen))
		}
		if env != "demo" {
			continue
		}
		for _, row := range rows {
			if row.Portal && row.Get != nil && !paths[row.Path] {
				t.Errorf("no sample is at %s", row.Path)
			}
			for name := range row.Forms {
				if !forms[name] && !slices.Contains(notShown, name) {
					t.Errorf("no sample has the form %s", name)
				}
			}
		}
	}
}

// notShown are forms of login pages that the test's own does not have.
var notShown = []string{"choose", "continue"}

// icons are those of a page. One that its stylesheet does not draw is a square.
var icons = regexp.MustCompile(`class="icon (i-[a-z]+)`)

// stylesheets are those that pages load one of, by name.
func stylesheets(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range []string{"app.css", "overview.css", "portal.css"} {
		text, err := os.ReadFile("../static/files/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	return all
}

// classes are those of an element, formParts the elements that only the sheet of forms is for.
var (
	classes   = regexp.MustCompile(`class="([^"]*)"`)
	formParts = regexp.MustCompile(`<(form|input|button|select|fieldset|label|code)\b`)
)

// undressed names what a page has that the sheet of all pages of its kind knows and its own does not.
func undressed(html, own, whole string) (all []string) {
	for _, m := range classes.FindAllStringSubmatch(html, -1) {
		for class := range strings.FieldsSeq(m[1]) {
			known := regexp.MustCompile(`\.` + regexp.QuoteMeta(class) + `\b[^-]`)
			if known.MatchString(whole) && !known.MatchString(own) {
				all = append(all, "the looks of "+class)
			}
		}
	}
	for _, m := range formParts.FindAllStringSubmatch(html, -1) {
		all = append(all, "the looks of "+m[1])
	}
	return all
}

// presses are links and buttons, tags everything in between that is no text.
var (
	presses = regexp.MustCompile(`(?s)<(?:a|button)\b([^>]*)>(.*?)</(?:a|button)>`)
	tags    = regexp.MustCompile(`<[^>]*>`)
)

// wordless are links and buttons that cannot be found on a page whose style sheet did not come.
func wordless(html string) (all []string) {
	for _, m := range presses.FindAllStringSubmatch(html, -1) {
		if strings.TrimSpace(tags.ReplaceAllString(m[2], "")) == "" && !strings.Contains(m[1], "aria-hidden") {
			all = append(all, "words for "+m[0])
		}
	}
	return all
}

// lacks names what a page was given and does not show: any call of TCB's may want a captcha or be
// refused, and somebody who sees neither gets no further.
func lacks(b *views.Base, html string, styles map[string]string) (all []string) {
	if b.Captcha != nil {
		for _, want := range []string{`name="captcha_key"`, `value="captcha"`} {
			if !strings.Contains(html, want) {
				all = append(all, want)
			}
		}
	}
	all = append(all, wordless(html)...)
	sheet := "app.css"
	switch {
	case b.Lean:
		sheet = "overview.css"
		all = append(all, undressed(html, styles[sheet], styles["portal.css"])...)
	case b.Styled || b.Portal != nil || b.Guard != nil:
		sheet = "portal.css"
	}
	if !strings.Contains(html, `<link rel="stylesheet" href="/__auth/static/`+strings.TrimSuffix(sheet, "css")) {
		all = append(all, sheet)
	}
	for _, icon := range icons.FindAllStringSubmatch(html, -1) {
		if !strings.Contains(styles[sheet], "."+icon[1]) {
			all = append(all, icon[1]+", which "+sheet+" does not draw")
		}
	}
	if key := b.Alert.Message.Key; key != "" && !strings.Contains(html, `data-key="`+key+`"`) {
		all = append(all, key)
	}
	return all
}
