package i18n

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

func mustLoad(t testing.TB) *Bundle {
	t.Helper()
	b, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// all are the forms of a message, also where it has but one.
func (t text) all() map[plural.Form]string {
	all := map[plural.Form]string{plural.Other: t.other}
	maps.Copy(all, t.forms)
	return all
}

// isOneNumber reports that a plural category is of a single number, whose text
// may then say it in words: "one" in Arabic, but not in Russian, where 21 is one.
func isOneNumber(tag language.Tag, form plural.Form) bool {
	numbers := 0
	for n := range 200 {
		if plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0) == form {
			numbers++
		}
	}
	return numbers == 1
}

func TestCatalogues(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	if len(b.Locales()) < 2 || b.tags()[0] != "en" {
		t.Fatalf("locales %q, want English first and others", b.tags())
	}
	english := b.Locales()[0]
	for _, l := range b.Locales() {
		for key := range english.texts() {
			if _, ok := l.texts()[key]; !ok {
				t.Errorf("%s has no %s", l.Locale(), key)
			}
		}
		for key, message := range l.texts() {
			reference, ok := english.texts()[key]
			if !ok {
				t.Errorf("%s has %s, which English has not", l.Locale(), key)
				continue
			}
			for form, s := range message.all() {
				if strings.TrimSpace(s) == "" || s != strings.TrimSpace(s) {
					t.Errorf("%s: %s is %q", l.Locale(), key, s)
				}
				if strings.ContainsAny(s, "<>&\t\n") {
					t.Errorf("%s: %s is %q: markup", l.Locale(), key, s)
				}
				got, err := placeholders(s)
				want, _ := placeholders(reference.other)
				if form != plural.Other && isOneNumber(l.Tag(), form) && !slices.Contains(got, "n") {
					want = slices.DeleteFunc(want, func(name string) bool { return name == "n" })
				}
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%s: %s has placeholders %q, English %q; %v", l.Locale(), key, got, want, err)
				}
			}
			if (message.forms == nil) != (reference.forms == nil) {
				t.Errorf("%s: %s counts in one language and not in the other", l.Locale(), key)
			}
			if names, _ := placeholders(message.other); message.forms != nil && !slices.Contains(names, "n") {
				t.Errorf("%s: %s has plural forms and no {n}", l.Locale(), key)
			}
		}
		if l.Dir() != "ltr" && l.Dir() != "rtl" {
			t.Errorf("%s: direction %q", l.Locale(), l.Dir())
		}
		if l.Name() == "language.name" {
			t.Errorf("%s has no name of its own", l.Locale())
		}
	}
}

// TestPluralForms: a counting message has the forms of its language, all of
// them and no others.
func TestPluralForms(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	for _, l := range b.Locales() {
		needed := categories(l.Tag())
		for key, message := range l.texts() {
			if message.forms == nil {
				continue
			}
			if got, want := slices.Sorted(maps.Keys(message.forms)), slices.Sorted(maps.Keys(needed)); !slices.Equal(got, want) {
				t.Errorf("%s: %s has the forms %v, the language has %v", l.Locale(), key, got, want)
			}
		}
	}
}

var keyLine = regexp.MustCompile(`(?m)^  "([^"]*)":`)

// TestOrder: all catalogues are in English's order, each key once, so that a
// translator sees what is new and two people's changes merge.
func TestOrder(t *testing.T) {
	t.Parallel()
	keys := func(tag string) (keys []string) {
		data, err := files.ReadFile("locales/" + tag + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range keyLine.FindAllSubmatch(data, -1) {
			keys = append(keys, string(m[1]))
		}
		return keys
	}
	english := keys("en")
	b := mustLoad(t)
	if len(english) != len(b.Locales()[0].texts()) {
		t.Errorf("English has %d keys in %d lines", len(b.Locales()[0].texts()), len(english))
	}
	for _, tag := range b.tags()[1:] {
		for i, key := range keys(tag) {
			if i >= len(english) || key != english[i] {
				t.Errorf("%s: line %d is %s, not in English's place", tag, i, key)
				break
			}
		}
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	b, err := load(fstest.MapFS{
		"locales/de.json": {Data: []byte(`{"language.name":"Deutsch","language.dir":"ltr","hello":"Hallo {who}"}`)},
		"locales/en.json": {Data: []byte(`{"language.name":"English","language.dir":"ltr","hello":"Hello {who}, {who}!","files":{"one":"{n} file of {who}","other":"{n} files of {who}"},"odd":"a { b {who","end":"{"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	en := b.Locales()[0]
	tests := []struct {
		m    Message
		want string
	}{
		{Message{Key: "hello", Args: Args{"who": "Ann"}}, "Hello Ann, Ann!"},
		{Message{Key: "hello", Args: Args{"who": "{who}"}}, "Hello {who}, {who}!"}, // what people typed is not read again
		{Message{Key: "hello"}, "Hello , !"},
		{Message{Key: "files", N: 1, Args: Args{"who": "Ann"}}, "1 file of Ann"},
		{Message{Key: "files", N: 0, Args: Args{"who": "Ann"}}, "0 files of Ann"},
		{Message{Key: "files", N: 21, Args: Args{"who": "Ann"}}, "21 files of Ann"},
		{Message{Key: "odd", Args: Args{"who": "Ann"}}, "a { b {who"},
		{Message{Key: "end"}, "{"},
		{Message{Key: "missing"}, "missing"},
		{Message{}, ""},
	}
	for _, tt := range tests {
		if got := en.Print(tt.m); got != tt.want {
			t.Errorf("%+v prints %q, want %q", tt.m, got, tt.want)
		}
	}
	for key, want := range map[string]string{"hello": "Hello Ann, Ann!", "odd": "a { b {who", "end": "{", "missing": "missing"} {
		if got := en.With(key, "who", "Ann"); got != want {
			t.Errorf("%s with who is %q, want %q", key, got, want)
		}
	}
	if got := en.With("hello", "whom", "Ann"); got != "Hello , !" {
		t.Errorf("hello without who is %q", got)
	}
	if en.Name() != "English" || b.Locales()[1].Print(Message{Key: "hello", Args: Args{"who": "Ann"}}) != "Hallo Ann" {
		t.Error("English is not first, or German not there")
	}
	if !(Message{}).IsZero() || Msg("x").IsZero() {
		t.Error("IsZero")
	}
}

// TestSpace: Chinese has a blank between its characters and Latin ones, and none elsewhere, whatever
// a value turns out to be.
func TestSpace(t *testing.T) {
	t.Parallel()
	catalogue := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"language.name":"` + name + `","language.dir":"ltr","a":"登录{x}继续","b":"{x}验证成功","c":"（{x}）“{x}”","d":"登录 {x} 继续",
			"n":{"other":"请{n}分钟后重试"}}`)}
	}
	b, err := load(fstest.MapFS{"locales/en.json": catalogue("English"), "locales/ja.json": catalogue("日本語"), "locales/zh-CN.json": catalogue("中文"), "locales/zh-TW.json": catalogue("中文")})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		key, x, want string
	}{
		{"a", "GitHub", "登录 GitHub 继续"},
		{"a", "微信", "登录微信继续"},
		{"a", "QQ音乐", "登录 QQ音乐继续"},
		{"a", "《A》", "登录《A》继续"},
		{"a", "", "登录继续"},
		{"a", "\x00", "登录\x00继续"}, // a mark that views put a link in place of
		{"b", "+86 138****8000", "+86 138****8000 验证成功"},
		{"b", "a***@example.com", "a***@example.com 验证成功"},
		{"c", "GitHub", "（GitHub）“GitHub”"},
		{"d", "GitHub", "登录 GitHub 继续"}, // as operators wrote it so far
	}
	for _, tag := range []string{"zh-CN", "zh-TW"} {
		l, _ := b.Locale(tag)
		for _, tt := range tests {
			if got := l.Print(Message{Key: tt.key, Args: Args{"x": tt.x}}); got != tt.want {
				t.Errorf("%s: %s of %q prints %q, want %q", tag, tt.key, tt.x, got, tt.want)
			}
		}
		if got, want := l.Print(Message{Key: "n", N: 3}), "请 3 分钟后重试"; got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
	if ja, _ := b.Locale("ja"); ja.Print(Message{Key: "a", Args: Args{"x": "GitHub"}}) != "登录GitHub继续" {
		t.Error("Japanese has blanks")
	}
}

// TestThen: what follows a text is a blank away from it, and none from a mark that has one in itself.
func TestThen(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	for tag, want := range map[string]string{"en": "No account yet? ", "zh-CN": "还没有账号？", "ja": "アカウントをお持ちでない方は "} {
		l, _ := b.Locale(tag)
		if got := l.Then(l.T("sign-up.question")); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
	if l, _ := b.Locale("zh-CN"); l.Then("已发送至 a***@example.com") != "已发送至 a***@example.com " {
		t.Error("no blank after an address")
	}
}

// TestFurtherLanguage: one more file is one more language.
func TestFurtherLanguage(t *testing.T) {
	t.Parallel()
	b, err := load(fstest.MapFS{
		"locales/en.json": {Data: []byte(`{"language.name":"English","language.dir":"ltr"}`)},
		"locales/ar.json": {Data: []byte(`{"language.name":"العربية","language.dir":"rtl","sent":"أرسلنا الرمز إلى {to}.","wait":{
			"zero":"انتظر","one":"دقيقة واحدة","two":"دقيقتان","few":"{n} دقائق","many":"{n} دقيقة","other":"{n} دقيقة تقريبا"}}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ar, ok := b.Locale("ar")
	if !ok || b.Match("ar-EG,en;q=0.5") != ar || ar.Name() != "العربية" || ar.Dir() != "rtl" {
		t.Fatalf("Arabic is not picked up: %+v", ar)
	}
	for n, want := range map[int]string{
		0: "انتظر", 1: "دقيقة واحدة", 2: "دقيقتان", 3: "\u20683\u2069 دقائق", 11: "\u206811\u2069 دقيقة", 100: "\u2068100\u2069 دقيقة تقريبا",
	} {
		if got := ar.Print(Message{Key: "wait", N: n}); got != want {
			t.Errorf("%d prints %q, want %q", n, got, want)
		}
	}
	// What is put in keeps its own direction.
	if got, want := ar.Print(Message{Key: "sent", Args: Args{"to": "+86 138"}}), "أرسلنا الرمز إلى \u2068+86 138\u2069."; got != want {
		t.Errorf("prints %q, want %q", got, want)
	}
	if got, want := ar.Isolate("+86"), "\u2068+86\u2069"; got != want {
		t.Errorf("isolates as %q in Arabic, want %q", got, want)
	}
	if got := b.Locales()[0].Isolate("+86"); got != "+86" {
		t.Errorf("isolates as %q in English", got)
	}
}

// TestDates: every language shows all parts of a time.
func TestDates(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	at := time.Date(2026, time.November, 5, 9, 7, 30, 0, time.UTC)
	want := map[string][2]string{
		"en":    {"5 Nov 2026", "5 Nov 2026, 09:07"},
		"ar":    {"5/11/2026", "\u200f5/11/2026، 09:07"},
		"ja":    {"2026年11月5日", "2026年11月5日 09:07"},
		"ko":    {"2026년 11월 5일", "2026년 11월 5일 09:07"},
		"zh-CN": {"2026年11月5日", "2026年11月5日 09:07"},
		"zh-TW": {"2026年11月5日", "2026年11月5日 09:07"},
		"en-XA": {"5 Nov 2026", "5 Nov 2026, 09:07"},
		"ar-XB": {"5 Nov 2026", "5 Nov 2026, 09:07"},
	}
	for _, l := range slices.Concat(b.Locales(), b.Pseudo()) {
		for _, key := range []string{"format.date", "format.datetime"} {
			if err := checkLayout(key, l.T(key)); err != nil {
				t.Errorf("%s: %s: %v", l.Locale(), key, err)
			}
		}
		got := [2]string{l.Date(at), l.DateTime(at)}
		if got != want[l.Locale()] {
			t.Errorf("%s: %q, want %q: add what the language writes to this test", l.Locale(), got, want[l.Locale()])
		}
	}
}

// TestDocumented: operators find every language among those that a login config may name.
func TestDocumented(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../docs/login-configs.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile("(?m)^\\| `locales` \\|.*$").FindString(string(docs))
	for _, l := range mustLoad(t).Locales() {
		if !strings.Contains(line, "`"+l.Locale()+"`") {
			t.Errorf("docs/login-configs.md does not name %s beside `locales`: %s", l.Locale(), line)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fstest.MapFS{
		"nothing":         {},
		"no JSON":         {"locales/en.json": {Data: []byte(`{`)}},
		"no name":         {"locales/en.json": {Data: []byte(`{"language.dir":"ltr","language.name":"English"}`)}},
		"no direction":    {"locales/en.json": {Data: []byte(`{"language.name":"English","x":"y"}`)}},
		"name is no text": {"locales/en.json": {Data: []byte(`{"language.name":1,"language.dir":"ltr"}`)}},
		"no such tag":     {"locales/not a tag.json": {Data: []byte(`{"language.name":"X","language.dir":"ltr"}`)}},
	} {
		if _, err := load(files); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	for name, data := range map[string]string{
		"no JSON": `{"x":`, "a number": `{"x":1}`, "no such plural": `{"x":{"some":"y"}}`, "a list of texts": `{"x":["y"]}`,
	} {
		if _, err := readTexts([]byte(data)); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}
