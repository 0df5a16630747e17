package i18n

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
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
		for key := range english.texts {
			if _, ok := l.texts[key]; !ok {
				t.Errorf("%s has no %s", l.Locale(), key)
			}
		}
		for key, message := range l.texts {
			reference, ok := english.texts[key]
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
		for key, message := range l.texts {
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
	if len(english) != len(b.Locales()[0].texts) {
		t.Errorf("English has %d keys in %d lines", len(b.Locales()[0].texts), len(english))
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

// sources are the files that name messages, parsed.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	for _, dir := range []string{".", "../handlers", "../views", "../admin"} {
		err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 50 {
		t.Fatalf("only %d files", len(files))
	}
	return files
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

// literals are the strings in a file, import paths left out; of a struct tag, what its words of rules
// say (`say:"max=error.too_long"`).
func literals(f *ast.File) map[string]bool {
	found := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if _, ok := n.(*ast.ImportSpec); ok {
			return false
		}
		if field, ok := n.(*ast.Field); ok && field.Tag != nil {
			tag, _ := literal(field.Tag)
			for rule := range strings.FieldsSeq(reflect.StructTag(tag).Get("say")) {
				_, key, _ := strings.Cut(rule, "=")
				found[key] = true
			}
		}
		if e, ok := n.(ast.Expr); ok {
			if s, ok := literal(e); ok {
				found[s] = true
			}
		}
		return true
	})
	return found
}

var keyShape = regexp.MustCompile(`^[a-z][a-z-]*(\.[a-z][a-z0-9_-]*)+$`)

// TestKeysExist: what looks like a message in the source is one.
func TestKeysExist(t *testing.T) {
	t.Parallel()
	texts := mustLoad(t).Locales()[0].texts
	groups := map[string]bool{}
	for key := range texts {
		group, _, _ := strings.Cut(key, ".")
		groups[group] = true
	}
	for name, file := range sources(t) {
		for s := range literals(file) {
			group, _, _ := strings.Cut(s, ".")
			if ext := filepath.Ext(s); !keyShape.MatchString(s) || !groups[group] || ext == ".js" || ext == ".css" || ext == ".templ" {
				continue
			}
			if _, ok := texts[s]; !ok {
				t.Errorf("%s names %q, which no catalogue has", name, s)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			// need(page, "field", value) says error.required.field.
			if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "need" {
				return true
			}
			if field, ok := literal(call.Args[1]); ok && texts["error.required."+field].other == "" {
				t.Errorf("%s needs %s, and no catalogue has error.required.%s", name, field, field)
			}
			return true
		})
	}
}

// TestKeysAreUsed: a message that nothing says is not kept.
func TestKeysAreUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	whole := map[string]bool{} // strings of all files
	for _, file := range sources(t) {
		for s := range literals(file) {
			whole[s] = true
		}
	}
	for s := range whole {
		used[s] = true
		switch {
		case strings.HasSuffix(s, ".") && keyShape.MatchString(strings.TrimSuffix(s, ".")): // "error.required." + field
			for rest := range whole {
				used[s+rest] = true
			}
		case strings.HasPrefix(s, "_"): // lead + "_maybe"
			for begin := range whole {
				used[begin+s] = true
			}
		}
	}
	for key := range mustLoad(t).Locales()[0].texts {
		if !used[key] {
			t.Errorf("nothing says %s", key)
		}
	}
}

// TestArguments: where a key stands beside its arguments, they are those of
// the message; where it stands alone, the message wants none.
func TestArguments(t *testing.T) {
	t.Parallel()
	texts := mustLoad(t).Locales()[0].texts
	wants := func(key string) []string {
		names, _ := placeholders(texts[key].other)
		return slices.DeleteFunc(names, func(s string) bool { return s == "n" })
	}
	for name, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 1 && (sel.Sel.Name == "T" || sel.Sel.Name == "Msg") {
					if key, ok := literal(n.Args[0]); ok && (len(wants(key)) > 0 || texts[key].forms != nil) {
						t.Errorf("%s: %s(%q) gives no arguments, the message is %q", name, sel.Sel.Name, key, texts[key].other)
					}
				}
				checkArguments(t, name, n.Args, wants)
			case *ast.CompositeLit:
				var values []ast.Expr
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						values = append(values, kv.Value)
					}
				}
				checkArguments(t, name, values, wants)
			}
			return true
		})
	}
}

// checkArguments looks for a key and Args side by side.
func checkArguments(t *testing.T, name string, exprs []ast.Expr, wants func(string) []string) {
	t.Helper()
	key, args := "", []string(nil)
	found := false
	for _, e := range exprs {
		if s, ok := literal(e); ok && keyShape.MatchString(s) {
			key = s
		}
		lit, ok := e.(*ast.CompositeLit)
		if !ok {
			continue
		}
		if sel, ok := lit.Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Args" {
			found = true
			for _, elt := range lit.Elts {
				if kv, ok := elt.(*ast.KeyValueExpr); ok {
					if s, ok := literal(kv.Key); ok {
						args = append(args, s)
					}
				}
			}
		}
	}
	if key == "" || !found {
		return
	}
	slices.Sort(args)
	if want := wants(key); !slices.Equal(args, want) {
		t.Errorf("%s: %s gets the arguments %q, the message wants %q", name, key, args, want)
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	b, err := load(fstest.MapFS{
		"locales/de.json": {Data: []byte(`{"language.name":"Deutsch","hello":"Hallo {who}"}`)},
		"locales/en.json": {Data: []byte(`{"language.name":"English","hello":"Hello {who}, {who}!","files":{"one":"{n} file of {who}","other":"{n} files of {who}"},"odd":"a { b {who","end":"{"}`)},
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
	if en.Name() != "English" || b.Locales()[1].Print(Message{Key: "hello", Args: Args{"who": "Ann"}}) != "Hallo Ann" {
		t.Error("English is not first, or German not there")
	}
	if !(Message{}).IsZero() || Msg("x").IsZero() {
		t.Error("IsZero")
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
}

// TestDates: every language shows all parts of a time.
func TestDates(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	at := time.Date(2026, time.November, 5, 9, 7, 30, 0, time.UTC)
	want := map[string][2]string{
		"en":    {"5 Nov 2026", "5 Nov 2026, 09:07"},
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
		if want, ok := want[l.Locale()]; ok && got != want {
			t.Errorf("%s: %q, want %q", l.Locale(), got, want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fstest.MapFS{
		"nothing":         {},
		"no JSON":         {"locales/en.json": {Data: []byte(`{`)}},
		"a number":        {"locales/en.json": {Data: []byte(`{"x":1}`)}},
		"no such plural":  {"locales/en.json": {Data: []byte(`{"x":{"some":"y"}}`)}},
		"no such tag":     {"locales/not a tag.json": {Data: []byte(`{}`)}},
		"a list of texts": {"locales/en.json": {Data: []byte(`{"x":["y"]}`)}},
	} {
		if _, err := load(files); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	tests := []struct {
		wishes []string
		want   string
	}{
		{nil, "en"},
		{[]string{""}, "en"},
		{[]string{"zh-CN"}, "zh-CN"},
		{[]string{"zh"}, "zh-CN"},
		{[]string{"zh-Hans-SG"}, "zh-CN"},
		{[]string{"ZH-cn"}, "zh-CN"},
		{[]string{"zh-SG"}, "zh-CN"},
		{[]string{"zh-Hans"}, "zh-CN"},
		{[]string{"zh-Hans-HK"}, "zh-CN"}, // the script counts, not the place
		{[]string{"zh-Hant"}, "zh-TW"},
		{[]string{"zh-TW"}, "zh-TW"},
		{[]string{"zh-HK"}, "zh-TW"},
		{[]string{"zh-MO"}, "zh-TW"},
		{[]string{"zh-Hant-HK"}, "zh-TW"},
		{[]string{"zh-HK,zh;q=0.9,en;q=0.8"}, "zh-TW"},
		{[]string{"en-US,zh-TW;q=0.9,zh;q=0.8"}, "en"},
		{[]string{"ja"}, "ja"},
		{[]string{"ja-JP"}, "ja"},
		{[]string{"ko-KR,ko;q=0.9,en-US;q=0.8"}, "ko"},
		{[]string{"ko-KP"}, "ko"},
		{[]string{"en-GB"}, "en"},
		{[]string{"en-XA"}, "en"}, // a pseudo-locale is for nobody
		{[]string{"ar-XB"}, "en"},
		{[]string{"fr"}, "en"},
		{[]string{"", "zh-CN", "en"}, "zh-CN"},
		{[]string{"en", "zh-CN"}, "en"},
		{[]string{"fr", "zh-CN"}, "zh-CN"}, // the first that names a language we have
		{[]string{"../../etc", "zh"}, "zh-CN"},
		{[]string{"fr;q=0.9, zh;q=0.8, en;q=0.1"}, "zh-CN"},
		{[]string{"en;q=0.1, zh;q=0.8"}, "zh-CN"},
		{[]string{"*"}, "en"},
		{[]string{strings.Repeat("zh,", 200), "zh"}, "zh-CN"},
		{[]string{strings.Repeat("zh,", 200)}, "en"}, // too long to read
	}
	for _, tt := range tests {
		if got := b.Match(tt.wishes...).Locale(); got != tt.want {
			t.Errorf("%.60q: %s, want %s", tt.wishes, got, tt.want)
		}
	}
	if l, ok := b.Locale("ZH-cn"); !ok || l.Locale() != "zh-CN" {
		t.Error("zh-CN is not found by its tag")
	}
	for _, tag := range []string{"", "zh", "fr", "zh-CN ", "en-XA", "ar-XB"} {
		if _, ok := b.Locale(tag); ok {
			t.Errorf("%q is found, which is no tag of ours", tag)
		}
	}
}

// TestMatchChinese: Chinese has many names, in Accept-Language and in a lang parameter alike.
func TestMatchChinese(t *testing.T) {
	t.Parallel()
	b := mustLoad(t)
	for want, wishes := range map[string]string{
		"zh-CN": `yue yue-CN yue-Hans yue-Hans-CN yue-Hans-HK zh-yue zh-yue-Hans zh-cmn zh-cmn-Hans-CN zh-guoyu cmn cmn-CN cmn-Hans cmn-Hans-TW
			wuu wuu-CN hak nan nan-CN hsn gan cdo cjy cpx czh czo mnp lzh zh-min-nan zh-hakka zh-xiang zh-gan i-hak zho YUE-hans
			yue;q=0.9,en;q=0.8 yue,en;q=0.9 fr,wuu;q=0.8,en;q=0.5 nan-Hans-TW`,
		"zh-TW": `yue-HK yue-MO yue-TW yue-Hant yue-Hant-HK yue-Hant-CN zh-yue-HK zh-yue-Hant zh-cmn-Hant cmn-TW cmn-HK cmn-Hant cmn-Hant-CN
			wuu-Hant hak-TW hak-HK nan-TW nan-Hant nan-Hant-TW zh-min-nan-TW lzh-Hant gan-Hant Yue-hant-hk
			hnm,zh-TW;q=0.9 ../../etc,nan-TW;q=0.8,en;q=0.1 en;q=0.1,zh-hakka-TW;q=0.9,zh-HK;q=0.8
			yue-HK,yue;q=0.9,zh;q=0.8,en;q=0.7 yue-Hant-HK,zh-CN;q=0.9 fr,nan-TW;q=0.8,en;q=0.5 yue-HK-u-ca-buddhist nan-TW-x-own`,
		"en": "en,yue;q=0.9 en-HK,yue-HK;q=0.9 yue-Latn nan-Latn-TW ii yuf",
		"ja": "ja,yue-HK;q=0.9 jpn yue-Latn,ja;q=0.5",
		"ko": "ko,zh-yue;q=0.9 kor",
	} {
		for wish := range strings.FieldsSeq(wishes) {
			if got := b.Match(wish).Locale(); got != want {
				t.Errorf("%s gets %s, want %s", wish, got, want)
			}
			if got := b.Match("", wish, "ko").Locale(); got != want && want != "en" {
				t.Errorf("%s before ko gets %s, want %s", wish, got, want)
			}
		}
	}
}

// Members of macrolanguages that x/text knows are found without a line of ours.
func TestMatchMembers(t *testing.T) {
	t.Parallel()
	for locale, members := range map[string]string{"ar": "arb ar-EG", "ms": "zsm", "fa": "pes", "nb": "no nn", "no": "nb", "sw": "swh", "uz": "uzn"} {
		b, err := load(fstest.MapFS{
			"locales/en.json":             {Data: []byte(`{}`)},
			"locales/" + locale + ".json": {Data: []byte(`{}`)},
		})
		if err != nil {
			t.Fatal(err)
		}
		for member := range strings.FieldsSeq(members) {
			if got := b.Match(member).Locale(); got != locale {
				t.Errorf("%s gets %s, want %s", member, got, locale)
			}
		}
	}
}

func FuzzMatch(f *testing.F) {
	b := mustLoad(f)
	f.Add("zh-CN,zh;q=0.9", "en")
	f.Add("*;q=0.1", "\xff")
	f.Add("zh-yue-Hant-HK-x-a", "nan-TW;q=0.1,i-hak")
	f.Fuzz(func(t *testing.T, a, c string) {
		if l := b.Match(a, c); l == nil || !slices.Contains(b.Locales(), l) {
			t.Fatalf("Match(%q, %q) = %v", a, c, l)
		}
	})
}
