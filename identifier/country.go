package identifier

import (
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// A CountryOption is a line of the country list.
type CountryOption struct {
	Region string
	Code   string
	Name   string
	Near   bool // to be offered first to readers of the list's language
}

// Label is what the list says. isolate keeps the direction of the code apart from that of the name.
func (o CountryOption) Label(isolate func(string) string) string {
	return o.Name + " " + isolate("+"+o.Code)
}

// Countries are the places that have telephone numbers, without names.
func Countries() []CountryOption {
	all := make([]CountryOption, len(plans))
	for i, p := range plans {
		all[i] = CountryOption{Region: p.region, Code: p.code}
	}
	return all
}

var countryLists sync.Map // of a language, as countryNames has it: []CountryOption

// CountryOptions returns all countries with their names in a language, in its order; in English where
// there are none in it. The result is shared: do not change it.
func CountryOptions(tag language.Tag) []CountryOption {
	key := tag.String()
	names, ok := countryNames[key]
	if !ok {
		key, names, tag = "en", countryNames["en"], language.English
	}
	if list, ok := countryLists.Load(key); ok {
		return list.([]CountryOption)
	}
	nearby := nearCountries(tag)
	list := make([]CountryOption, 0, len(plans))
	for line := range strings.Lines(names) {
		region, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		list = append(list, CountryOption{
			Region: region, Code: byPlace().region[region].code, Name: name, Near: slices.Contains(nearby, region),
		})
	}
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
	if byPlace().region[region.String()] == nil {
		return ""
	}
	return region.String()
}
