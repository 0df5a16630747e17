package identifier

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

func TestCountries(t *testing.T) {
	t.Parallel()
	if len(plans) < 230 {
		t.Errorf("%d places, want the whole list", len(plans))
	}
	seen := map[string]bool{}
	for _, p := range plans {
		if !regexp.MustCompile(`^[A-Z]{2}$`).MatchString(p.region) || !regexp.MustCompile(`^[1-9]\d{0,2}$`).MatchString(p.code) {
			t.Errorf("odd entry %+v", p)
		}
		if seen[p.region] {
			t.Errorf("%s is there twice", p.region)
		}
		seen[p.region] = true
		if _, err := language.ParseRegion(p.region); err != nil {
			t.Errorf("%s is no region: %v", p.region, err)
		}
		if p.lengths>>minNational == 0 || p.lengths&(1<<minNational-1) != 0 || p.lengths>>(maxE164+1) != 0 {
			t.Errorf("%s has numbers of odd lengths: %#x", p.region, p.lengths)
		}
		for _, pattern := range []string{p.exit, p.trunk, p.national, p.own, formerTrunks[p.code]} {
			beginning(pattern)
			matches(pattern, "")
		}
	}
	// No calling code is the beginning of another: that makes cutting one off unambiguous.
	for a := range byPlace().code {
		for b := range byPlace().code {
			if a != b && strings.HasPrefix(a, b) {
				t.Errorf("code %s begins with code %s", a, b)
			}
		}
	}
	without := []string{
		"AQ", "BV", "CP", "GS", "HM", "PN", "TF", "UM", // nobody's home, or nearly
		"CQ", "DG", "EA", "IC", // numbers of the country they belong to
		"AN", "CS", "FQ", "NT", "PC", "SU", "YU", // no more
		"EZ", "UN", // no places
	}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			region, err := language.ParseRegion(string([]rune{a, b}))
			if err != nil || !region.IsCountry() || region.Canonicalize() != region || region.IsPrivateUse() {
				continue
			}
			if !seen[region.String()] && !slices.Contains(without, region.String()) {
				t.Errorf("%s is missing", region)
			}
		}
	}
}

func TestParsePhone(t *testing.T) {
	t.Parallel()
	const demo = "+86 13800138000"
	tests := []struct{ typed, region, want string }{
		{"13800138000", "CN", demo},
		{" 138 0013 8000 ", "CN", demo},
		{"138-0013-8000", "CN", demo},
		{"138.0013.8000", "CN", demo},
		{"138\u00a00013\u00a08000", "CN", demo},
		{"138\u30000013\u30008000", "CN", demo},
		{"138\u20110013\u20138000", "CN", demo},
		{"１３８００１３８０００", "CN", demo},
		{"＋８６　１３８００１３８０００", "US", demo},
		{"+8613800138000", "CN", demo},
		{"+8613800138000", "US", demo},
		{"+8613800138000", "", demo},
		{"+86 139-1234 5678", "GB", "+86 13912345678"},
		{"(+86) 138 0013 8000", "CN", demo},
		{"+86 (0) 138 0013 8000", "CN", demo},
		{"\u202a+86 138 0013 8000\u202c", "CN", demo},
		{"008613800138000", "CN", demo},
		{"00 86 138 0013 8000", "DE", demo},
		{"8613800138000", "CN", demo},
		{"86 138 0013 8000", "CN", demo},
		{"013800138000", "CN", demo},
		{"12800138000", "CN", ""},
		{"1380013800", "CN", ""},
		{"138001380000", "CN", ""},
		{"01012345678", "CN", ""},
		{"+86 01012345678", "CN", ""},

		{"020 7946 0958", "GB", "+44 2079460958"},
		{"+44 (0)20 7946 0958", "CN", "+44 2079460958"},
		{"0044 20 7946 0958", "CN", "+44 2079460958"},
		{"020 7946 0958", "IM", "+44 2079460958"},
		{"06 1234 5678", "IT", "+39 0612345678"},
		{"+39 06 1234 5678", "IT", "+39 0612345678"},
		{"+39 00 1234 5678", "IT", ""},
		{"030/123456", "DE", "+49 30123456"},
		{"+49 00 30 123456", "DE", ""},
		{"(212) 555-0123", "US", "+1 2125550123"},
		{"1-212-555-0123", "US", "+1 2125550123"},
		{"+1 212 555 0123", "CN", "+1 2125550123"},
		{"876 555 0123", "JM", "+1 8765550123"},
		{"112 555 0123", "US", ""},
		{"555 0123", "US", ""},
		{"8 (916) 123-45-67", "RU", "+7 9161234567"},
		{"9161234567", "RU", "+7 9161234567"},
		{"06 30 123 4567", "HU", "+36 301234567"},
		{"9123 4567", "HK", "+852 91234567"},
		{"+85291234567", "CN", "+852 91234567"},
		{"0912 345 678", "TW", "+886 912345678"},
		{"07 01 02 03 04", "CI", "+225 0701020304"},
		{"8123", "TA", "+290 8123"},
		{"123", "TA", ""},
		{"+49 30 12345678901", "DE", "+49 3012345678901"},
		{"+49 30 123456789012", "DE", ""},

		{"", "CN", ""},
		{"   ", "CN", ""},
		{"+", "CN", ""},
		{"00", "CN", ""},
		{"000", "CN", ""},
		{"+999 1234567", "CN", ""},
		{"+86+13800138000", "CN", ""},
		{"++8613800138000", "CN", ""},
		{"138+00138000", "CN", ""},
		{"13800138000 ext. 5", "CN", ""},
		{"13800138000;5", "CN", ""},
		{"13800138000#5", "CN", ""},
		{"tel:+8613800138000", "CN", ""},
		{"demo", "CN", ""},
		{"1380013800o", "CN", ""},
		{"١٣٨٠٠١٣٨٠٠٠", "CN", ""},
		{"13800138000\x00", "CN", ""},
		{strings.Repeat("1", 10_000), "DE", ""},
	}
	for _, tt := range tests {
		got, err := ParsePhone(tt.typed, tt.region)
		if got != tt.want || tt.want == "" && !errors.Is(err, ErrNoPhone) || tt.want != "" && err != nil {
			t.Errorf("ParsePhone(%q, %q) = %q, %v, want %q", tt.typed, tt.region, got, err, tt.want)
		}
	}
}

// A mainland number that is typed for elsewhere goes to nobody before its owner was asked.
func TestMainlandError(t *testing.T) {
	t.Parallel()
	tests := []struct{ typed, region, mainland, selected string }{
		{"13800138000", "HK", "+86 13800138000", ""},
		{"138 0013 8000", "TW", "+86 13800138000", ""},
		{"13800138000", "", "+86 13800138000", ""},
		{"13800138000", "cn", "+86 13800138000", ""},
		{"13800138000", "ZZ", "+86 13800138000", ""},
		{"15112345678", "DE", "+86 15112345678", "+49 15112345678"},
		{"8613800138000", "DE", "+86 13800138000", "+49 8613800138000"},
	}
	for _, tt := range tests {
		got, err := ParsePhone(tt.typed, tt.region)
		var mainland *MainlandError
		if !errors.As(err, &mainland) || got != "" || *mainland != (MainlandError{tt.mainland, tt.selected}) {
			t.Errorf("ParsePhone(%q, %q) = %q, %v, want the question %q or %q", tt.typed, tt.region, got, err, tt.mainland, tt.selected)
			continue
		}
		for _, answer := range []string{tt.mainland, tt.selected} {
			if phone, err := ParsePhone(answer, tt.region); answer != "" && (phone != answer || err != nil) {
				t.Errorf("the answer %q is %q, %v", answer, phone, err)
			}
		}
		if strings.Contains(err.Error(), "138") {
			t.Errorf("the error tells the number: %v", err)
		}
	}
}

func TestInRegions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		phone, regions string
		want           bool
	}{
		{"+86 13800138000", "", true},
		{"+86 13800138000", "CN", true},
		{"+86 13800138000", "HK MO", false},
		{"+1 2125552671", "US", true},
		{"+1 2125552671", "CA", false},
		{"+1 4165552671", "CA", true},
		{"+1 8769234567", "US CA", false},
		{"+1 8769234567", "JM", true},
		{"+7 7011234567", "RU", false},
		{"+7 7011234567", "KZ", true},
		{"+44 7781123456", "GG", true},
		{"+44 7781123456", "GB", false},
		{"+590 690001234", "GP", true}, // the three have these numbers together
		{"+590 690001234", "BL", true},
		{"+1 9999999999", "US", true}, // nobody's yet
		{"+1 9999999999", "CA", false},
		{"", "CN", false},
	}
	for _, tt := range tests {
		if got := InRegions(tt.phone, strings.Fields(tt.regions)); got != tt.want {
			t.Errorf("InRegions(%q, %s) = %t", tt.phone, tt.regions, got)
		}
	}
}

func TestSplitPhone(t *testing.T) {
	t.Parallel()
	tests := []struct{ phone, region, national string }{
		{"+86 13800138000", "CN", "13800138000"},
		{"+1 2125550123", "US", "2125550123"},
		{"+7 9161234567", "RU", "9161234567"},
		{"+7 7011234567", "KZ", "7011234567"},
		{"+44 2079460958", "GB", "2079460958"},
		{"+39 0612345678", "IT", "0612345678"},
		{"+999 123456", "", ""},
		{"+8613800138000", "", ""},
		{"demo", "", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		if region, national := SplitPhone(tt.phone); region != tt.region || national != tt.national {
			t.Errorf("SplitPhone(%q) = %q, %q, want %q, %q", tt.phone, region, national, tt.region, tt.national)
		}
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	phones := map[string]string{
		"+86 13800138000":   "+86 138****8000",
		"+1 2125550123":     "+1 21****123",
		"+852 91234567":     "+852 9****67",
		"+49 30123":         "+49 ****3",
		"+290 1234":         "+290 ****4",
		"+49 1234567890123": "+49 123****0123",
		"13800138000":       "****",
		"+86 1":             "+86 ****",
		"":                  "****",
	}
	for phone, want := range phones {
		if got := MaskPhone(phone); got != want {
			t.Errorf("MaskPhone(%q) = %q, want %q", phone, got, want)
		}
	}
	emails := map[string]string{
		"someone@example.com": "so***@example.com",
		"four@example.com":    "fo***@example.com",
		"abc@example.com":     "a***@example.com",
		"ab@example.com":      "a***@example.com",
		"a@example.com":       "***@example.com",
		"@example.com":        "***@example.com",
		"demo":                "***",
		"":                    "***",
	}
	for email, want := range emails {
		if got := MaskEmail(email); got != want {
			t.Errorf("MaskEmail(%q) = %q, want %q", email, got, want)
		}
	}
}

func TestCountryOptions(t *testing.T) {
	t.Parallel()
	name := func(tag language.Tag, region string) string {
		list := CountryOptions(tag)
		i := slices.IndexFunc(list, func(o CountryOption) bool { return o.Region == region })
		if i < 0 {
			t.Fatalf("%v: no %s", tag, region)
		}
		return list[i].Name
	}
	for _, tt := range []struct {
		tag          language.Tag
		region, want string
	}{
		{language.English, "CN", "China"},
		{language.English, "DE", "Germany"},
		{language.English, "MK", "North Macedonia"},
		{language.MustParse("zh-CN"), "CN", "中国"},
		{language.MustParse("zh-CN"), "DE", "德国"},
		{language.MustParse("zh-TW"), "DE", "德國"},
		{language.Japanese, "DE", "ドイツ"},
	} {
		if got := name(tt.tag, tt.region); got != tt.want {
			t.Errorf("%v: %s is %q, want %q", tt.tag, tt.region, got, tt.want)
		}
	}
	for _, tag := range []language.Tag{language.English, language.MustParse("zh-CN")} {
		list := CountryOptions(tag)
		if len(list) != len(plans) {
			t.Errorf("%v: %d options, want %d", tag, len(list), len(plans))
		}
		for _, o := range list {
			if o.Name == "" || o.Name == o.Region || byPlace().region[o.Region].code != o.Code {
				t.Errorf("%v: odd option %+v", tag, o)
			}
		}
		if again := CountryOptions(tag); &again[0] != &list[0] {
			t.Errorf("%v: the list is made anew for every page", tag)
		}
	}
	before := func(tag language.Tag, names ...string) {
		t.Helper()
		last := -1
		for _, n := range names {
			i := slices.IndexFunc(CountryOptions(tag), func(o CountryOption) bool { return o.Name == n })
			if i <= last {
				t.Errorf("%v: %s is at %d, want it behind %d", tag, n, i, last)
			}
			last = i
		}
	}
	before(language.English, "Afghanistan", "Åland Islands", "Albania", "China", "Zimbabwe")
	before(language.MustParse("zh-CN"), "阿富汗", "德国", "法国", "美国", "中国") // by pinyin
}

func TestDefaultCountry(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"zh-Hans": "CN", "zh": "CN", "zh-CN": "CN", "zh-Hant": "TW", "zh-TW": "TW", "zh-HK": "HK", "zh-Hant-MO": "MO",
		"ja": "JP", "ko": "KR", "en-US": "US", "en-GB": "GB", "en": "", "fr": "", "de-CH": "CH", "es-419": "", "und": "",
	} {
		if got := DefaultCountry(language.MustParse(tag)); got != want {
			t.Errorf("DefaultCountry(%s) = %q, want %q", tag, got, want)
		}
	}
}

func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{"13800138000", "+86 138-0013-8000", "＋８６１３８００１３８０００", "0044 20 7946 0958", "+39 06 1234", "06 30 123 4567", "8 916 123 45 67"} {
		for _, region := range []string{"CN", "US", "IT", "HU", "RU", "MX", "AR", "BR", "HK", "JM", "DE", ""} {
			f.Add(s, region)
		}
	}
	shape := regexp.MustCompile(`^\+\d{1,3} \d{4,14}$`)
	f.Fuzz(func(t *testing.T, typed, region string) {
		phone, err := ParsePhone(typed, region)
		if err != nil {
			if phone != "" {
				t.Errorf("ParsePhone(%q, %q) refuses and returns %q", typed, region, phone)
			}
			var mainland *MainlandError
			if !errors.As(err, &mainland) {
				return
			}
			if again, err := ParsePhone(mainland.Mainland, region); err != nil || again != mainland.Mainland {
				t.Errorf("ParsePhone(%q, %q) asks for %q, which is %q, %v", typed, region, mainland.Mainland, again, err)
			}
			if phone = mainland.Selected; phone == "" {
				return
			}
		}
		if !shape.MatchString(phone) || len(phone) > len("+ ")+maxE164 {
			t.Fatalf("ParsePhone(%q, %q) = %q", typed, region, phone)
		}
		r, national := SplitPhone(phone)
		again, err := ParsePhone(national, r)
		if mainland := (*MainlandError)(nil); errors.As(err, &mainland) {
			again = mainland.Selected
		}
		if again != phone {
			t.Errorf("ParsePhone(%q, %q) = %q, in parts %q, %q, which is %q, %v", typed, region, phone, r, national, again, err)
		}
		if again, err := ParsePhone(phone, region); err != nil || again != phone {
			t.Errorf("ParsePhone(%q, %q) = %q, which itself is %q, %v", typed, region, phone, again, err)
		}
		if masked := MaskPhone(phone); !strings.Contains(masked, "****") || strings.Contains(masked, national) {
			t.Errorf("MaskPhone(%q) = %q", phone, masked)
		}
	})
}

func BenchmarkCountryOptions(b *testing.B) {
	for b.Loop() {
		CountryOptions(language.English)
	}
}

func TestShowPhone(t *testing.T) {
	t.Parallel()
	for phone, want := range map[string]string{
		"+86 13800138000": "+86 138 0013 8000", "+852 51234567": "+852 5123 4567", "+1 4155550123": "+1 415 555 0123",
		"+81 9012345678": "+81 90 1234 5678", "+82 1012345678": "+82 10 1234 5678", "+886 912345678": "+886 912 345 678",
		"+86 1380013800": "+86 1380013800", "+49 15123456789": "+49 15123456789", "": "",
	} {
		if got := ShowPhone(phone); got != want {
			t.Errorf("ShowPhone(%q) = %q, want %q", phone, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string][]string{
		"13800138000":               {"+86 13800138000", "13800138000"},
		"１３８００１３８０００":               {"+86 13800138000", "13800138000"},
		"8613800138000":             {"+86 13800138000", "8613800138000"},
		"008613800138000":           {"+86 13800138000", "008613800138000"},
		"\u202d13800138000\u202c":   {"+86 13800138000", "13800138000"},
		"138 0013 8000":             {"+86 13800138000"},
		"\u202d138 0013 8000\u202c": {"+86 13800138000"},
		"138-0013-8000":             {"+86 13800138000"},
		"+8613800138000":            {"+86 13800138000"},
		"123456":                    {"123456"},
		"91234567":                  {"91234567"},
		"demo":                      {"demo"},
		"demo\u200b":                {"demo"},
		"demo1":                     {"demo1"},
		"Ana@bücher.example":        {"Ana@xn--bcher-kva.example"},
		"":                          {""},
	} {
		if got := Names(typed); !slices.Equal(got, want) {
			t.Errorf("Names(%q) = %q, want %q", typed, got, want)
		}
	}
}
