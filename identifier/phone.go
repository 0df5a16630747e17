// Package identifier reads what people sign in with, phone numbers, e-mail addresses and usernames,
// and their codes and names, in the ways in which they are typed and pasted. It brings them to
// TCB's form of them, shows them, and masks them. It knows no page and no HTTP.
//
// What telephone numbers look like is in plans.go, which the generator makes of libphonenumber's
// data.
package identifier

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// A plan is how a place's telephone numbers are dialled and what they look like, as libphonenumber
// knows it. Patterns are regular expressions of digits.
type plan struct {
	region   string // ISO 3166-1 alpha-2, and AC, TA and XK, which have numbers but no code there
	code     string // the E.164 calling code
	exit     string // pattern of what is dialled in front of another country's calling code
	trunk    string // pattern of what is dialled in front of a national number, "" for nothing
	replaced string // what stands for trunk afterwards, where it is not just left away
	lengths  uint32 // bit n: a subscriber's number may have n digits
	national string // pattern of national numbers
	own      string // pattern of subscribers' numbers, where places share a calling code
}

// byPlace finds plans. It is made when somebody first looks for one.
var byPlace = sync.OnceValue(func() (t struct {
	region map[string]*plan
	code   map[string][]*plan // the largest place first
}) {
	t.region, t.code = map[string]*plan{}, map[string][]*plan{}
	for i := range plans {
		p := &plans[i]
		t.region[p.region] = p
		t.code[p.code] = append(t.code[p.code], p)
	}
	return t
})

// formerTrunks are prefixes that a place has given up and people still type: Mexico's 01, 1, 044
// and 045 for long distance and mobile phones, Uzbekistan's 8.
var formerTrunks = map[string]string{"52": "0(?:[12]|4[45])|1", "998": "8"}

// mainlandShape is of the numbers in mainland China that codes go to. Mobile carriers there begin
// new ranges more often than tables are updated, so it takes those too that nobody has yet.
const (
	mainland      = "86"
	mainlandShape = `1[3-9]\d{9}`
)

// compiled are the patterns in use, so that a program that sees a few countries pays for those
// alone.
var compiled sync.Map // string → *regexp.Regexp

// beginning compiles a pattern of what numbers begin with.
func beginning(pattern string) *regexp.Regexp {
	if re, ok := compiled.Load(pattern); ok {
		return re.(*regexp.Regexp)
	}
	re, _ := compiled.LoadOrStore(pattern, regexp.MustCompile("^(?:"+pattern+")"))
	return re.(*regexp.Regexp)
}

func matches(pattern, digits string) bool {
	return beginning("(?:" + pattern + ")$").MatchString(digits)
}

// E.164 allows 15 digits in all, and no place has numbers shorter than minNational. What is typed
// may have some prefixes in front, but not more than maxTyped together.
const (
	minNational = 4
	maxE164     = 15
	maxTyped    = 30
)

// ErrNoPhone says that a text is no phone number where it was typed.
var ErrNoPhone = errors.New("no phone number")

// A MainlandError says that a number looks like one of mainland China and was typed, without its
// calling code, for another country. Whose it is must be asked before anything is sent to it.
type MainlandError struct {
	Mainland string // the number in mainland China
	Selected string // the number in the country that was selected, "" where there is no such number
}

func (e *MainlandError) Error() string { return "a number of mainland China for another country" }

// ParsePhone reads a phone number as people type and paste it, and returns it in the form that TCB
// wants, "+86 13800138000" with one space. A number that brings its calling code, after + or what
// is dialled where it is typed, goes by that whatever region is selected; else the region's code is
// used.
//
// The error is [ErrNoPhone] or a [*MainlandError]. To take the number that the latter has as
// Selected, parse that: a number with its + is never asked about.
func ParsePhone(typed, region string) (phone string, err error) {
	digits, plus, ok := phoneDigits(typed)
	if !ok || len(digits) > maxTyped {
		return "", ErrNoPhone
	}
	if plus {
		// Some address books write the plus and what it stands for. No calling code begins with zero.
		return orNone(international(strings.TrimPrefix(digits, "00")))
	}
	here := byPlace().region[region]
	if phone = dialled(digits, here); phone == "" && here != nil {
		// The code without its plus is what a password manager fills in.
		if phone = national(digits, here); phone == "" && strings.HasPrefix(digits, here.code) {
			phone = international(digits)
		}
	}
	if there := strings.TrimPrefix(digits, mainland); matches(mainlandShape, there) && (here == nil || here.code != mainland) {
		return "", &MainlandError{Mainland: "+" + mainland + " " + there, Selected: phone}
	}
	return orNone(phone)
}

func orNone(phone string) (string, error) {
	if phone == "" {
		return "", ErrNoPhone
	}
	return phone, nil
}

// dialled reads digits that begin with what is dialled for another country: where they were typed,
// or 00, which people write everywhere. Where both make a number and neither is of the country
// itself, nobody knows which was meant.
func dialled(digits string, here *plan) (phone string) {
	if rest, ok := strings.CutPrefix(digits, "00"); ok {
		phone = international(rest)
	}
	if here == nil {
		return phone
	}
	exit := beginning(here.exit).FindString(digits)
	if exit == "" || exit == "00" {
		return phone
	}
	switch local := international(digits[len(exit):]); {
	case phone == "":
		return local
	case local == "" || CallingCode(phone) == here.code:
		return phone
	default:
		return ""
	}
}

// international reads digits that begin with a calling code. No code is the beginning of another.
func international(digits string) string {
	for n := 1; n <= min(3, len(digits)); n++ {
		if places := byPlace().code[digits[:n]]; places != nil {
			return national(digits[n:], places[0])
		}
	}
	return ""
}

// national reads digits without calling code, with or without what is dialled in front of them in
// the country itself.
func national(digits string, here *plan) string {
	for _, trunk := range []string{here.trunk, formerTrunks[here.code]} {
		if trunk == "" {
			continue
		}
		if rest := cutTrunk(digits, trunk, here.replaced); isNational(rest, here.code) {
			return "+" + here.code + " " + rest
		}
	}
	if isNational(digits, here.code) {
		return "+" + here.code + " " + digits
	}
	return ""
}

// cutTrunk takes the prefix off, or puts in its place what libphonenumber's rule says, as 9 for the
// 15 of Argentina's mobile numbers. The rule is for prefixes of which the last group was there.
func cutTrunk(digits, trunk, replaced string) string {
	re := beginning(trunk)
	at := re.FindStringSubmatchIndex(digits)
	if at == nil {
		return digits
	}
	rest := digits[at[1]:]
	if last := at[len(at)-1]; replaced != "" && len(at) > 2 && last >= 0 {
		return string(re.ExpandString(nil, replaced, digits, at)) + rest
	}
	return rest
}

// isNational reports whether a code's places have such numbers. Places that share one take each
// other's.
func isNational(digits, code string) bool {
	if code == mainland {
		return matches(mainlandShape, digits)
	}
	if strings.HasPrefix(digits, "00") || len(code)+len(digits) > maxE164 {
		return false // two zeros are dialled for another country wherever they stand first
	}
	return slices.ContainsFunc(byPlace().code[code], func(p *plan) bool {
		return p.lengths>>len(digits)&1 == 1 && matches(p.national, digits)
	})
}

// phoneDigits keeps the digits. Plus says that they begin with a calling code.
func phoneDigits(typed string) (digits string, plus, ok bool) {
	var b strings.Builder
	for _, r := range narrow(typed) {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case r == '+':
			if plus || b.Len() > 0 {
				return "", false, false
			}
			plus = true
		case strings.ContainsRune(" .()/\u2212", r), unicode.IsSpace(r), unicode.Is(unicode.Pd, r):
		case isInvisible(r): // as direction marks around a number copied from an address book
		default:
			return "", false, false
		}
	}
	return b.String(), plus, b.Len() > 0
}

// CallingCode is the calling code of a number that ParsePhone made, digits only.
func CallingCode(phone string) string {
	code, _, _ := strings.Cut(strings.TrimPrefix(phone, "+"), " ")
	return code
}

// IsCallingCode reports whether there is a place with this calling code.
func IsCallingCode(code string) bool { return len(byPlace().code[code]) > 0 }

// InRegions reports whether a number, which ParsePhone made, is of one of the regions; of any where
// there are none. Of the places that share a calling code, a few also share numbers: those are of
// all of them.
func InRegions(phone string, regions []string) bool {
	code, digits, _ := strings.Cut(strings.TrimPrefix(phone, "+"), " ")
	return len(regions) == 0 ||
		slices.ContainsFunc(owners(code, digits), func(p *plan) bool { return slices.Contains(regions, p.region) })
}

// owners are the places that a number may be of, the largest first: what none claims is the
// largest's.
func owners(code, digits string) []*plan {
	places := byPlace().code[code]
	if len(places) < 2 {
		return places
	}
	var owners []*plan
	for _, p := range places {
		if matches(p.own, digits) {
			owners = append(owners, p)
		}
	}
	if owners == nil {
		return places[:1]
	}
	return owners
}

// SplitPhone takes a number that ParsePhone made apart again, to fill a form. It returns two empty
// strings for anything else.
func SplitPhone(phone string) (region, national string) {
	code, national, ok := strings.Cut(strings.TrimPrefix(phone, "+"), " ")
	owners := owners(code, national)
	if !ok || owners == nil {
		return "", ""
	}
	return owners[0].region, national
}

// phoneGroups are how numbers of a calling code are written, as the lengths of
// their groups: of mobile numbers, which are those that get codes.
var phoneGroups = map[string][]int{
	"1": {3, 3, 4}, "7": {3, 3, 2, 2}, "33": {1, 2, 2, 2, 2}, "44": {4, 6}, "60": {2, 3, 4}, "65": {4, 4}, "81": {2, 4, 4}, "82": {2, 4, 4},
	"86": {3, 4, 4}, "91": {5, 5}, "852": {4, 4}, "853": {4, 4}, "886": {3, 3, 3},
}

// ShowPhone writes a number as people read it, "+86 138 0013 8000". The country
// stays in front of it: the page does not know where its reader is.
func ShowPhone(phone string) string {
	code, national, _ := strings.Cut(phone, " ")
	groups := phoneGroups[strings.TrimPrefix(code, "+")]
	sum := 0
	for _, n := range groups {
		sum += n
	}
	if sum != len(national) {
		return phone
	}
	for _, n := range groups {
		code += " " + national[:n]
		national = national[n:]
	}
	return code
}
