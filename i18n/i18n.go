// Package i18n holds the words of the pages, a JSON file per locale, and picks
// the locale that a person reads. A further language is one more file in
// locales, named by its tag; what little else differs by language is listed in
// docs/architecture.md.
//
// A message is a key until the view prints it: handlers pass Message values
// about, views print them with the page's Localizer. Placeholders are {name};
// a message that counts has one text per plural category of its language
// (CLDR), chosen by Message.N, which {n} prints. The package does not know
// which message belongs to which error: handlers do.
//
// What an operator changes of the words is in override.go; the made-up locales
// that show what a translation would break are in pseudo.go.
package i18n

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

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
	// Text is said as it stands, whatever the language, and Key is empty: words
	// that an operator chose.
	Text string
}

// Msg is a message without arguments.
func Msg(key string) Message { return Message{Key: key} }

// IsZero reports that there is nothing to say.
func (m Message) IsZero() bool { return m.Key == "" && m.Text == "" }

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
	var err error
	*t, err = counting(categories)
	return err
}

// counting is a message with plural forms, by their categories.
func counting(categories map[string]string) (text, error) {
	t := text{other: categories["other"], forms: make(map[plural.Form]string, len(categories))}
	for name, s := range categories {
		form, ok := pluralForms[name]
		if !ok {
			return text{}, fmt.Errorf("no plural category %q", name)
		}
		t.forms[form] = s
	}
	return t, nil
}

var pluralForms = map[string]plural.Form{
	"zero": plural.Zero, "one": plural.One, "two": plural.Two,
	"few": plural.Few, "many": plural.Many, "other": plural.Other,
}

// Localizer prints messages in one locale. It is safe for concurrent use.
type Localizer struct {
	tag    language.Tag
	locale string // tag as it is written
	name   string
	dir    string
	// spaced: the language sets a blank between its characters and Latin ones.
	spaced bool
	texts  func() map[string]text // read when they are first asked for: most people need one language
}

func newLocalizer(tag language.Tag, texts map[string]text) *Localizer {
	base, _ := tag.Base()
	return &Localizer{
		tag: tag, locale: tag.String(), name: texts["language.name"].other, dir: texts["language.dir"].other, spaced: base.String() == "zh",
		texts: func() map[string]text { return texts },
	}
}

// Tag is the locale, for packages that format by it.
func (l *Localizer) Tag() language.Tag { return l.tag }

// Locale is the locale's BCP 47 tag, as zh-CN: the value of html's lang.
func (l *Localizer) Locale() string { return l.locale }

// Name is the language's name in itself.
func (l *Localizer) Name() string { return l.name }

// Dir is ltr or rtl.
func (l *Localizer) Dir() string { return l.dir }

// T prints the message of a key that takes no arguments.
func (l *Localizer) T(key string) string { return l.Print(Message{Key: key}) }

// These are what keeps the direction of a value apart from that of the text
// around it (UAX 9): without them a phone number's "+" and its groups of digits
// change places in a sentence that runs from right to left.
const firstStrongIsolate, popIsolate = '\u2068', '\u2069'

// Isolate is a value, as a calling code or a date, that keeps its own direction where a page strings
// it together with other words: what is in a message or an element of its own does so anyhow.
func (l *Localizer) Isolate(s string) string {
	if l.dir != "rtl" {
		return s
	}
	return string(firstStrongIsolate) + s + string(popIsolate)
}

// Print prints a message. A key that no catalogue has prints itself; a test
// keeps that from happening.
func (l *Localizer) Print(m Message) string {
	t, ok := l.texts()[m.Key]
	if !ok {
		return m.Key + m.Text
	}
	s := t.other
	if t.forms != nil {
		if form, ok := t.forms[plural.Cardinal.MatchPlural(l.tag, m.N, 0, 0, 0, 0)]; ok {
			s = form
		}
	}
	return l.fill(s, func(name string) string {
		if name == "n" {
			return strconv.Itoa(m.N)
		}
		return m.Args[name]
	})
}

// With is Print for a message that takes one argument, and counts nothing.
func (l *Localizer) With(key, name, value string) string {
	t, ok := l.texts()[key]
	if !ok {
		return key
	}
	return l.fill(t.other, func(of string) string {
		if of == name {
			return value
		}
		return ""
	})
}

// fill is a text with values in place of its placeholders.
func (l *Localizer) fill(s string, valueOf func(name string) string) string {
	if !strings.Contains(s, "{") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16) // mostly enough for what takes the placeholder's place
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
		value := valueOf(name)
		b.WriteString(l.space(before, value, false))
		b.WriteString(l.Isolate(value))
		b.WriteString(l.space(after, value, true))
		s = after
	}
}

// space is the blank that Chinese has between its own characters and Latin ones, where a value meets
// the text at one of its ends. It depends on the value, so that catalogues have none there.
func (l *Localizer) space(beside, value string, atEnd bool) string {
	if !l.spaced {
		return ""
	}
	neighbour, _ := utf8.DecodeLastRuneInString(beside)
	edge, _ := utf8.DecodeRuneInString(value)
	if atEnd {
		neighbour, _ = utf8.DecodeRuneInString(beside)
		edge, _ = utf8.DecodeLastRuneInString(value)
	}
	if edge > ' ' && edge < '\u2000' && unicode.Is(unicode.Han, neighbour) {
		return " "
	}
	return ""
}

// Then is a text and the blank between it and what a page has after it. A mark of Chinese or Japanese
// at its end is as wide as a character, and has that blank in itself.
func (l *Localizer) Then(s string) string {
	if last, _ := utf8.DecodeLastRuneInString(s); strings.ContainsRune("。？：！", last) {
		return s
	}
	return s + " "
}

// Date prints the day of a time, in the time's own zone. The layout is the
// catalogue's, in Go's reference time; Go knows the names of months in English
// only, so other languages write them as numbers.
func (l *Localizer) Date(t time.Time) string { return t.Format(l.T("format.date")) }

// DateTime prints a time to the minute, as Date does the day.
func (l *Localizer) DateTime(t time.Time) string { return t.Format(l.T("format.datetime")) }

// Bundle is a choice of locales.
type Bundle struct {
	locales []*Localizer
	pseudo  []*Localizer
	matcher language.Matcher
	answers *answers
}

func newBundle(locales, pseudo []*Localizer, known *answers) *Bundle {
	tags := make([]language.Tag, len(locales))
	for i, l := range locales {
		tags[i] = l.tag
	}
	return &Bundle{locales: locales, pseudo: pseudo, matcher: language.NewMatcher(tags), answers: known}
}

// Load reads the embedded catalogues. The first locale is the one for people
// whose languages we do not have: English.
func Load() (*Bundle, error) { return load(files) }

func load(from fs.FS) (*Bundle, error) {
	names, err := fs.Glob(from, "locales/*.json")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("i18n: no catalogues: %w", err)
	}
	var locales []*Localizer
	for _, name := range names {
		l, err := readLocale(from, name)
		if err != nil {
			return nil, fmt.Errorf("i18n: %s: %w", name, err)
		}
		locales = append(locales, l)
	}
	sort.SliceStable(locales, func(i, j int) bool { return locales[i].Locale() == "en" && locales[j].Locale() != "en" })
	return newBundle(locales, pseudoLocales(locales[0]), &answers{m: map[answerKey]int{}}), nil
}

func readLocale(from fs.FS, name string) (*Localizer, error) {
	data, err := fs.ReadFile(from, name)
	if err != nil {
		return nil, err
	}
	tag, err := language.Parse(strings.TrimSuffix(path.Base(name), ".json"))
	if err != nil {
		return nil, err
	}
	head, err := readHead(data)
	if err != nil {
		return nil, err
	}
	l := newLocalizer(tag, head)
	l.texts = sync.OnceValue(func() map[string]text {
		texts, err := readTexts(data)
		if err != nil {
			panic("i18n: " + name + ": " + err.Error()) // the catalogues are part of the program, and tests read all
		}
		return texts
	})
	return l, nil
}

func readTexts(data []byte) (texts map[string]text, err error) {
	return texts, json.Unmarshal(data, &texts)
}

// readHead reads what a catalogue begins with: the name and direction of its language.
func readHead(data []byte) (map[string]text, error) {
	head := map[string]text{}
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for _, want := range []string{"language.name", "language.dir"} {
		var value string
		if key, err := d.Token(); err != nil {
			return nil, err
		} else if key != want {
			return nil, fmt.Errorf("found %v in place of %q", key, want)
		}
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		head[want] = text{other: value}
	}
	return head, nil
}

// Locales lists those on offer. The first is the one for people whose languages
// are not among them: English, unless With says otherwise.
func (b *Bundle) Locales() []*Localizer { return b.locales }

// Locale finds one by its exact tag, as a form of ours sends it.
func (b *Bundle) Locale(tag string) (*Localizer, bool) { return byTag(b.locales, tag) }

func byTag(locales []*Localizer, tag string) (*Localizer, bool) {
	for _, l := range locales {
		if strings.EqualFold(l.Locale(), tag) {
			return l, true
		}
	}
	return nil, false
}

// maxWish bounds what of a header is parsed: it is the browser's to write.
const maxWish = 256

// Match picks a locale by the first wish that names a language on offer. Wishes
// are BCP 47 tags or Accept-Language values, the strongest first.
func (b *Bundle) Match(wishes ...string) *Localizer {
	for _, wish := range wishes {
		if wish == "" || len(wish) > maxWish {
			continue
		}
		i, known := b.answers.get(b, wish)
		if !known {
			i = b.match(wish)
			b.answers.put(b, wish, i)
		}
		if i >= 0 {
			return b.locales[i]
		}
	}
	return b.locales[0]
}

// match is the index of the best locale for a wish, or -1.
func (b *Bundle) match(wish string) int {
	tags := parseWish(wish)
	if len(tags) == 0 {
		return -1
	}
	// One by one first: of all at once the matcher takes the most exact, and
	// would send who reads zh-HK, zh, en to zh-CN for the sake of "zh".
	for i, tag := range tags {
		tags[i] = written(tag)
	}
	for _, tag := range tags {
		if _, i, confidence := b.matcher.Match(tag); confidence >= language.High {
			return i
		}
	}
	if _, i, confidence := b.matcher.Match(tags...); confidence > language.No {
		return i
	}
	return -1
}

// parseWish reads an Accept-Language value, the strongest first. What is no tag, or has a language
// that x/text does not know yet, does not hide the others.
func parseWish(wish string) []language.Tag {
	tags, _, err := language.ParseAcceptLanguage(wish)
	if err == nil {
		return tags
	}
	var known []string
	for entry := range strings.SplitSeq(wish, ",") {
		if _, _, err := language.ParseAcceptLanguage(entry); err == nil {
			known = append(known, entry)
		}
	}
	tags, _, _ = language.ParseAcceptLanguage(strings.Join(known, ","))
	return tags
}

// writtenAs are the languages of a macrolanguage (ISO 639-3) that are written, at least on the web,
// in that one, where x/text's matcher does not know so. It knows arb, cmn and nb by itself. The other
// languages of our pages are no macrolanguages.
var writtenAs = func() map[string]language.Base {
	all := map[string]language.Base{}
	for macro, members := range map[string]string{
		"ar": `aao abh abv acm acq acw acx acy adf aeb aec afb ajp apc apd arq ars ary arz auz avl ayh ayl ayn
			ayp bbz pga shu ssh`,
		"zh": "cdo cjy cnp cpx csp czh czo gan hak hsn lzh mnp nan wuu yue",
	} {
		for member := range strings.FieldsSeq(members) {
			all[member] = language.MustParseBase(macro)
		}
	}
	return all
}()

// written is a tag whose language is the macrolanguage. Script and region stay as they are, so that
// they decide as they do for it: zh-yue-HK is read like zh-HK, and yue-Hans-HK like zh-Hans-HK.
func written(tag language.Tag) language.Tag {
	base, script, region := tag.Raw()
	macro, ok := writtenAs[base.String()]
	if !ok {
		return tag
	}
	t, err := language.Compose(macro, script, region)
	if err != nil {
		return tag
	}
	return t
}
