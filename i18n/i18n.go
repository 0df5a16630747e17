// Package i18n holds the words of the pages, a JSON file per locale, and picks
// the locale that a person reads.
//
// A message is a key until the view prints it: handlers pass Message values
// about, views print them with the page's Localizer. Placeholders are {name};
// a message that counts has one text per plural category of its language
// (CLDR), chosen by Message.N, which {n} prints. The package does not know
// which message belongs to which error: handlers do.
package i18n

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var files embed.FS

// Args are the values of a message's placeholders, ready to show.
type Args map[string]string

// Message is something to say, in whatever language the page will be in.
type Message struct {
	Key  string
	Args Args
	N    int // what a counting message counts
}

// Msg is a message without arguments.
func Msg(key string) Message { return Message{Key: key} }

// IsZero reports that there is nothing to say.
func (m Message) IsZero() bool { return m.Key == "" }

// text is one message of a catalogue: Other alone, or with further plural forms.
type text struct {
	forms map[plural.Form]string
	other string
}

// UnmarshalJSON takes a string, or an object of plural categories.
func (t *text) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &t.other) == nil {
		return nil
	}
	var categories map[string]string
	if err := json.Unmarshal(data, &categories); err != nil {
		return fmt.Errorf("neither text nor plural forms: %w", err)
	}
	t.forms = make(map[plural.Form]string, len(categories))
	for name, s := range categories {
		form, ok := pluralForms[name]
		if !ok {
			return fmt.Errorf("no plural category %q", name)
		}
		t.forms[form] = s
	}
	t.other = categories["other"]
	return nil
}

var pluralForms = map[string]plural.Form{
	"zero": plural.Zero, "one": plural.One, "two": plural.Two,
	"few": plural.Few, "many": plural.Many, "other": plural.Other,
}

// Localizer prints messages in one locale. It is safe for concurrent use.
type Localizer struct {
	tag   language.Tag
	name  string
	dir   string
	texts map[string]text
}

// Tag is the locale, for packages that format by it.
func (l *Localizer) Tag() language.Tag { return l.tag }

// Locale is the locale's BCP 47 tag, as zh-CN: the value of html's lang.
func (l *Localizer) Locale() string { return l.tag.String() }

// Name is the language's name in itself.
func (l *Localizer) Name() string { return l.name }

// Dir is ltr or rtl.
func (l *Localizer) Dir() string { return l.dir }

// T prints the message of a key that takes no arguments.
func (l *Localizer) T(key string) string { return l.Print(Message{Key: key}) }

// Print prints a message. A key that no catalogue has prints itself; a test
// keeps that from happening.
func (l *Localizer) Print(m Message) string {
	t, ok := l.texts[m.Key]
	if !ok {
		return m.Key
	}
	s := t.other
	if t.forms != nil {
		if form, ok := t.forms[plural.Cardinal.MatchPlural(l.tag, m.N, 0, 0, 0, 0)]; ok {
			s = form
		}
	}
	if !strings.Contains(s, "{") {
		return s
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("{" + rest)
			return b.String()
		}
		if name == "n" {
			b.WriteString(strconv.Itoa(m.N))
		} else {
			b.WriteString(m.Args[name])
		}
		s = after
	}
}

// Bundle is all locales.
type Bundle struct {
	locales []*Localizer
	matcher language.Matcher
}

// Load reads the embedded catalogues. The first locale is the one for people
// whose languages we do not have: English.
func Load() (*Bundle, error) { return load(files) }

func load(from fs.FS) (*Bundle, error) {
	names, err := fs.Glob(from, "locales/*.json")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("i18n: no catalogues: %w", err)
	}
	b := &Bundle{}
	for _, name := range names {
		l, err := readLocale(from, name)
		if err != nil {
			return nil, fmt.Errorf("i18n: %s: %w", name, err)
		}
		b.locales = append(b.locales, l)
	}
	sort.SliceStable(b.locales, func(i, j int) bool { return b.locales[i].Locale() == "en" && b.locales[j].Locale() != "en" })
	tags := make([]language.Tag, len(b.locales))
	for i, l := range b.locales {
		tags[i] = l.tag
	}
	b.matcher = language.NewMatcher(tags)
	return b, nil
}

func readLocale(from fs.FS, name string) (*Localizer, error) {
	data, err := fs.ReadFile(from, name)
	if err != nil {
		return nil, err
	}
	l := &Localizer{}
	if l.tag, err = language.Parse(strings.TrimSuffix(path.Base(name), ".json")); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &l.texts); err != nil {
		return nil, err
	}
	l.name, l.dir = l.T("language.name"), l.T("language.dir")
	return l, nil
}

// Locales lists all, English first.
func (b *Bundle) Locales() []*Localizer { return b.locales }

// Locale finds one by its exact tag, as a form of ours sends it.
func (b *Bundle) Locale(tag string) (*Localizer, bool) {
	for _, l := range b.locales {
		if strings.EqualFold(l.Locale(), tag) {
			return l, true
		}
	}
	return nil, false
}

// maxWish bounds what of a header is parsed: it is the browser's to write.
const maxWish = 256

// Match picks a locale by the first wish that names a language we have. Wishes
// are BCP 47 tags or Accept-Language values, the strongest first.
func (b *Bundle) Match(wishes ...string) *Localizer {
	for _, wish := range wishes {
		if wish == "" || len(wish) > maxWish {
			continue
		}
		tags, _, err := language.ParseAcceptLanguage(wish)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, confidence := b.matcher.Match(tags...); confidence > language.No {
			return b.locales[i]
		}
	}
	return b.locales[0]
}
