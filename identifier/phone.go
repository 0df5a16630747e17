// Package identifier reads what people sign in with, phone numbers, e-mail addresses and usernames,
// in the ways in which they are typed and pasted. It brings them to TCB's form of them, shows them,
// and masks them. It knows no page and no HTTP.
package identifier

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// A country is a place with telephone numbers: its ISO 3166-1 alpha-2 code (and AC, TA and XK,
// which have numbers but no code there) and the E.164 calling code, digits only.
type country struct{ Region, Code string }

// callingCodes are the calling codes that ITU has given to places, each with its regions; the first
// is the one that a number is shown under when nothing else tells.
const callingCodes = `
1 US CA AG AI AS BB BM BS DM DO GD GU JM KN KY LC MP MS PR SX TC TT VC VG VI
7 RU KZ
20 EG|27 ZA|30 GR|31 NL|32 BE|33 FR|34 ES|36 HU|39 IT VA|40 RO|41 CH|43 AT|44 GB GG IM JE|45 DK|46 SE|47 NO SJ|48 PL|49 DE
51 PE|52 MX|53 CU|54 AR|55 BR|56 CL|57 CO|58 VE|60 MY|61 AU CC CX|62 ID|63 PH|64 NZ|65 SG|66 TH
81 JP|82 KR|84 VN|86 CN|90 TR|91 IN|92 PK|93 AF|94 LK|95 MM|98 IR
211 SS|212 MA EH|213 DZ|216 TN|218 LY
220 GM|221 SN|222 MR|223 ML|224 GN|225 CI|226 BF|227 NE|228 TG|229 BJ
230 MU|231 LR|232 SL|233 GH|234 NG|235 TD|236 CF|237 CM|238 CV|239 ST
240 GQ|241 GA|242 CG|243 CD|244 AO|245 GW|246 IO|247 AC|248 SC|249 SD
250 RW|251 ET|252 SO|253 DJ|254 KE|255 TZ|256 UG|257 BI|258 MZ
260 ZM|261 MG|262 RE YT|263 ZW|264 NA|265 MW|266 LS|267 BW|268 SZ|269 KM
290 SH TA|291 ER|297 AW|298 FO|299 GL
350 GI|351 PT|352 LU|353 IE|354 IS|355 AL|356 MT|357 CY|358 FI AX|359 BG
370 LT|371 LV|372 EE|373 MD|374 AM|375 BY|376 AD|377 MC|378 SM|380 UA|381 RS|382 ME|383 XK|385 HR|386 SI|387 BA|389 MK
420 CZ|421 SK|423 LI
500 FK|501 BZ|502 GT|503 SV|504 HN|505 NI|506 CR|507 PA|508 PM|509 HT
590 GP BL MF|591 BO|592 GY|593 EC|594 GF|595 PY|596 MQ|597 SR|598 UY|599 CW BQ
670 TL|672 NF|673 BN|674 NR|675 PG|676 TO|677 SB|678 VU|679 FJ
680 PW|681 WF|682 CK|683 NU|685 WS|686 KI|687 NC|688 TV|689 PF|690 TK|691 FM|692 MH
850 KP|852 HK|853 MO|855 KH|856 LA|880 BD|886 TW
960 MV|961 LB|962 JO|963 SY|964 IQ|965 KW|966 SA|967 YE|968 OM|970 PS|971 AE|972 IL|973 BH|974 QA|975 BT|976 MN|977 NP
992 TJ|993 TM|994 AZ|995 GE|996 KG|998 UZ`

var (
	countries    []country // in no order that means anything to people
	codeOfRegion = map[string]string{}
	regionOfCode = map[string]string{} // the first of each code
)

func init() {
	for entry := range strings.FieldsFuncSeq(callingCodes, func(r rune) bool { return r == '|' || r == '\n' }) {
		code, regions, _ := strings.Cut(entry, " ")
		for region := range strings.FieldsSeq(regions) {
			countries = append(countries, country{region, code})
			codeOfRegion[region] = code
			if regionOfCode[code] == "" {
				regionOfCode[code] = region
			}
		}
	}
}

// trunkPrefixes are what people put in front of a national number and leave away after the calling
// code, where that is not "0". "-" is for places whose numbers themselves begin with 0: dropping it
// would make another number of it.
var trunkPrefixes = map[string]string{
	"1":   "1",  // North America
	"7":   "8",  // Russia, Kazakhstan
	"36":  "06", // Hungary
	"39":  "-",  // Italy, Vatican City
	"225": "-",  // Côte d’Ivoire
	"226": "-",  // Burkina Faso
	"227": "-",  // Niger
	"229": "-",  // Benin
	"242": "-",  // Congo
	"378": "-",  // San Marino
}

// nationalShapes are for the places whose numbers we must know well: mainland China, where the
// codes go, and North America, where a leading 1 would be ambiguous otherwise.
var nationalShapes = map[string]*regexp.Regexp{
	"86": regexp.MustCompile(`^1[3-9]\d{9}$`),
	"1":  regexp.MustCompile(`^[2-9]\d{9}$`),
}

// E.164 allows 15 digits in all; shorter than minNational is no subscriber.
const (
	minNational = 4
	maxNational = 14
	maxE164     = 15
)

// ParsePhone reads a phone number as people type and paste it, and returns it in the form that TCB
// wants, "+86 13800000000" with one space. A number that brings its calling code, after + or 00,
// goes by that whatever region is selected; else the region's code is used.
func ParsePhone(typed, region string) (phone string, ok bool) {
	digits, international, ok := phoneDigits(typed)
	if !ok {
		return "", false
	}
	code := codeOfRegion[region]
	if international {
		if code, digits = cutCallingCode(digits); code == "" {
			return "", false
		}
	} else if code == "" {
		return "", false
	}
	// What a password manager fills in, or somebody types, in China: the code without its plus.
	if code == "86" && !international && len(digits) == 13 {
		digits = strings.TrimPrefix(digits, "86")
	}
	national := cutTrunkPrefix(digits, code)
	if n := len(national); n < minNational || n > maxNational || n+len(code) > maxE164 {
		return "", false
	}
	if shape := nationalShapes[code]; shape != nil && !shape.MatchString(national) {
		return "", false
	}
	// Two zeros are an international prefix wherever they stand first.
	if strings.HasPrefix(national, "00") || national[0] == '0' && trunkPrefixes[code] != "-" {
		return "", false
	}
	return "+" + code + " " + national, true
}

// phoneDigits keeps the digits. International says that they begin with a calling code.
func phoneDigits(typed string) (digits string, international, ok bool) {
	var b strings.Builder
	plus := false
	for _, r := range width.Fold.String(typed) {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case r == '+':
			if plus || b.Len() > 0 {
				return "", false, false
			}
			plus = true
		case strings.ContainsRune(" .()/\u2212", r), unicode.IsSpace(r), unicode.Is(unicode.Pd, r):
		case unicode.Is(unicode.Cf, r): // direction marks around a number copied from an address book
		default:
			return "", false, false
		}
	}
	digits = b.String()
	if rest, found := strings.CutPrefix(digits, "00"); found && !plus {
		return rest, true, rest != ""
	}
	return digits, plus, digits != ""
}

// cutCallingCode splits off the calling code; no code is the beginning of another.
func cutCallingCode(digits string) (code, national string) {
	for n := min(3, len(digits)); n > 0; n-- {
		if regionOfCode[digits[:n]] != "" {
			return digits[:n], digits[n:]
		}
	}
	return "", digits
}

// CallingCode is the calling code of a number that ParsePhone made, digits only.
func CallingCode(phone string) string {
	code, _, _ := strings.Cut(strings.TrimPrefix(phone, "+"), " ")
	return code
}

// InRegions reports whether a number, which ParsePhone made, is of one of the regions; of any where
// there are none. Places that share a calling code cannot be told apart by it.
func InRegions(phone string, regions []string) bool {
	code := CallingCode(phone)
	return len(regions) == 0 ||
		slices.ContainsFunc(regions, func(region string) bool { return codeOfRegion[region] == code })
}

func cutTrunkPrefix(digits, code string) string {
	switch prefix := cmp.Or(trunkPrefixes[code], "0"); prefix {
	case "-":
		return digits
	case "1", "8": // a digit that numbers may begin with too: only in front of all ten
		if len(digits) == 11 {
			return strings.TrimPrefix(digits, prefix)
		}
		return digits
	default:
		return strings.TrimPrefix(digits, prefix)
	}
}

// SplitPhone takes a number that ParsePhone made apart again, to fill a form. Where places share a
// code it names the largest. It returns two empty strings for anything else.
func SplitPhone(phone string) (region, national string) {
	code, national, ok := strings.Cut(strings.TrimPrefix(phone, "+"), " ")
	region = regionOfCode[code]
	if !ok || region == "" {
		return "", ""
	}
	if code == "7" && (strings.HasPrefix(national, "6") || strings.HasPrefix(national, "7")) {
		region = "KZ"
	}
	return region, national
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
