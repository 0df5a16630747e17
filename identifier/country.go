package identifier

import (
	"cmp"
	"slices"
	"sync"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// A CountryOption is a line of the country list.
type CountryOption struct {
	Region string
	Code   string
	Name   string
}

// renamed are places whose names have changed since the language data of x/text (CLDR 32).
var renamed = map[language.Base]map[string]string{
	language.MustParseBase("en"): {"MK": "North Macedonia", "SZ": "Eswatini"},
	language.MustParseBase("zh"): {"MK": "北马其顿"},
	language.MustParseBase("ar"): {"MK": "مقدونيا الشمالية", "SZ": "إسواتيني"},
}

var countryLists sync.Map // canonical tag string → []CountryOption

// CountryOptions returns all countries with their names in a language, in its order. The result is
// shared: do not change it. The tag must be one of the page's own languages, not what a browser
// sent, as the lists are kept.
func CountryOptions(tag language.Tag) []CountryOption {
	key := tag.String()
	if list, ok := countryLists.Load(key); ok {
		return list.([]CountryOption)
	}
	_, i, _ := language.NewMatcher(display.Supported.Tags()).Match(tag)
	shown := display.Supported.Tags()[i]
	names := display.Regions(shown)
	base, _ := tag.Base()
	list := make([]CountryOption, 0, len(plans))
	for _, p := range plans {
		name := renamed[base][p.region]
		if region, err := language.ParseRegion(p.region); name == "" && err == nil {
			name = names.Name(region)
		}
		list = append(list, CountryOption{Region: p.region, Code: p.code, Name: cmp.Or(name, p.region)})
	}
	order := collate.New(tag)
	slices.SortStableFunc(list, func(a, b CountryOption) int {
		return cmp.Or(order.CompareString(a.Name, b.Name), cmp.Compare(a.Region, b.Region))
	})
	kept, _ := countryLists.LoadOrStore(key, list)
	return kept.([]CountryOption)
}

// DefaultCountry guesses the region to select from a language: the one it names, or for Chinese,
// Japanese and Korean the one it is spoken in most. It is "" where that would be a guess in the
// dark.
func DefaultCountry(tag language.Tag) string {
	region, confidence := tag.Region()
	base, _ := tag.Base()
	switch base.String() {
	case "zh", "ja", "ko":
	default:
		if confidence < language.Exact {
			return ""
		}
	}
	if planOfRegion[region.String()] == nil {
		return ""
	}
	return region.String()
}
