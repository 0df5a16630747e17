package i18n

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"tcb-login/spell"
)

// HasLocale reports whether a locale is on offer, by its exact tag.
func (b *Bundle) HasLocale(tag string) bool {
	_, ok := b.Locale(tag)
	return ok
}

// With returns a bundle that offers only the given locales, in their order, the
// first for people whose languages are not among them; nil means those of b. The
// texts replace messages, by locale, key and plural category. What HasLocale and
// CheckText refuse is passed over. The bundle b stays as it is.
func (b *Bundle) With(locales []string, texts map[string]map[string]map[string]string) *Bundle {
	var offered []*Localizer
	for _, tag := range locales {
		if l, ok := b.Locale(tag); ok && !slices.Contains(offered, l) {
			offered = append(offered, l)
		}
	}
	if offered == nil {
		offered = slices.Clone(b.locales)
	}
	for tag, messages := range texts {
		l, _ := b.Locale(tag)
		if i := slices.Index(offered, l); i >= 0 {
			offered[i] = b.replaced(l, messages)
		}
	}
	return newBundle(offered, b.pseudo, b.answers)
}

func (b *Bundle) replaced(l *Localizer, messages map[string]map[string]string) *Localizer {
	texts := maps.Clone(l.texts())
	for key, forms := range messages {
		if b.CheckText(l.Locale(), key, forms) != nil {
			continue
		}
		t := text{other: forms["other"]}
		if len(forms) > 1 {
			t, _ = counting(forms) // whose categories CheckText knows
		}
		texts[key] = t
	}
	return newLocalizer(l.tag, texts)
}

// CheckText reports why a text cannot replace a message in a locale, to the
// operator who wrote it. Forms are by plural category; "other" serves for those
// that are not given. A text may leave placeholders out, but has none that the
// message has not.
func (b *Bundle) CheckText(locale, key string, forms map[string]string) error {
	l, ok := b.Locale(locale)
	if !ok {
		return fmt.Errorf("no language %q; there are %s", locale, strings.Join(b.tags(), ", "))
	}
	message, ok := l.texts()[key]
	if !ok {
		if near := spell.Nearest(key, slices.Sorted(maps.Keys(l.texts())), len(key)/3); near != "" {
			return fmt.Errorf("unknown key %q; did you mean %q?", key, near)
		}
		return fmt.Errorf("unknown key %q", key)
	}
	if key == "language.name" || key == "language.dir" {
		return fmt.Errorf("%s cannot be replaced", key)
	}
	if _, ok := forms["other"]; !ok {
		return errors.New(`no text for "other", which stands for all forms that are not given`)
	}
	known := categories(l.tag)
	for _, category := range slices.Sorted(maps.Keys(forms)) {
		form, ok := pluralForms[category]
		switch {
		case category == "other":
		case message.forms == nil:
			return fmt.Errorf(`%s counts nothing: %q has no place beside "other"`, key, category)
		case !ok || !known[form]:
			return fmt.Errorf("%s has no plural category %q; it has %s", l.Locale(), category, strings.Join(categoryNames(known), ", "))
		}
		if err := message.check(forms[category]); err != nil {
			return fmt.Errorf("%q: %w", category, err)
		}
	}
	if strings.HasPrefix(key, "format.") {
		return checkLayout(key, forms["other"])
	}
	return nil
}

// check reports why s cannot stand for the message.
func (t text) check(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("empty")
	}
	names, err := placeholders(s)
	if err != nil {
		return err
	}
	own, _ := placeholders(t.other)
	for _, name := range names {
		switch {
		case slices.Contains(own, name):
		case own == nil:
			return fmt.Errorf("unknown placeholder {%s}; this message has none", name)
		default:
			return fmt.Errorf("unknown placeholder {%s}; this message has {%s}", name, strings.Join(own, "}, {"))
		}
	}
	return nil
}

// placeholders are the names in a text, sorted, each once.
func placeholders(s string) (names []string, err error) {
	for {
		before, rest, found := strings.Cut(s, "{")
		name, after, closed := strings.Cut(rest, "}")
		if strings.Contains(before, "}") || strings.Contains(name, "{") || found && !closed {
			return nil, errors.New("a brace without its other half")
		}
		if !found {
			slices.Sort(names)
			return slices.Compact(names), nil
		}
		names, s = append(names, name), after
	}
}

// categories are those that whole numbers fall into in a language, and Other,
// which stands for all that a message has no form for.
func categories(tag language.Tag) map[plural.Form]bool {
	found := map[plural.Form]bool{plural.Other: true}
	for n := range 200 {
		found[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)] = true
	}
	return found
}

func categoryNames(forms map[plural.Form]bool) []string {
	names := slices.Sorted(maps.Keys(pluralForms))
	return slices.DeleteFunc(names, func(name string) bool { return !forms[pluralForms[name]] })
}

// checkLayout reports what a layout of dates leaves out.
func checkLayout(key, layout string) error {
	start := time.Date(2001, time.February, 3, 4, 5, 0, 0, time.UTC)
	parts := []struct {
		name    string
		changed time.Time
		clock   bool
	}{
		{"year", start.AddDate(1, 0, 0), false},
		{"month", start.AddDate(0, 1, 0), false},
		{"day", start.AddDate(0, 0, 1), false},
		{"hour", start.Add(time.Hour), true},
		{"minute", start.Add(time.Minute), true},
		{"half of the day", start.Add(12 * time.Hour), true},
	}
	for _, part := range parts {
		if (!part.clock || key == "format.datetime") && start.Format(layout) == part.changed.Format(layout) {
			return fmt.Errorf("the layout %q does not show the %s; write 2 January 2006, 15:04 as dates are to look", layout, part.name)
		}
	}
	return nil
}

func (b *Bundle) tags() []string {
	var tags []string
	for _, l := range b.locales {
		tags = append(tags, l.Locale())
	}
	return tags
}
