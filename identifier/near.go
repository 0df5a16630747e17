package identifier

import "golang.org/x/text/language"

// near are the countries that most readers of a language have a number of, who use an app of China's:
// where it is spoken, and where many of them live or work.
var near = map[string][]string{
	"zh": {"AU", "CA", "CN", "GB", "HK", "JP", "KR", "MO", "MY", "SG", "TH", "TW", "US"},
	"ja": {"AU", "CN", "GB", "HK", "JP", "KR", "SG", "TH", "TW", "US"},
	"ko": {"AU", "CA", "CN", "HK", "JP", "KR", "SG", "TW", "US", "VN"},
	"ar": {"AE", "BH", "CN", "DZ", "EG", "IQ", "JO", "KW", "LB", "LY", "MA", "OM", "QA", "SA", "TN", "US", "YE"},
}

var nearElsewhere = []string{"AU", "CA", "CN", "DE", "FR", "GB", "HK", "IN", "JP", "KR", "MO", "MY", "SG", "TW", "US"}

// nearCountries are the regions to offer first to readers of a language.
func nearCountries(tag language.Tag) []string {
	base, _ := tag.Base()
	if regions, ok := near[base.String()]; ok {
		return regions
	}
	return nearElsewhere
}
