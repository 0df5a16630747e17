package identifier

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// numbers are what people type, under the country that is selected: a number of E.164 with its
// blank, "-" for none, "?" and a number for a question whether it is one of mainland China. "ours"
// marks where libphonenumber says something else, each kind explained in TestNumbers.
const numbers = `
CN
13800138000 = +86 13800138000
138 0013 8000 = +86 13800138000
１３９　１２３４　５６７８ = +86 13912345678
+86 199-1234-5678 = +86 19912345678
0086 138 0013 8000 = +86 13800138000
(+86)13800138000 = +86 13800138000
8613800138000 = +86 13800138000
013800138000 = +86 13800138000
+852 9123 4567 = +852 91234567
00852 9123 4567 = +852 91234567
001 415 555 2671 = +1 4155552671
15412345678 = +86 15412345678 ours
010 6552 9988 = - ours
12800138000 = -
1380013800 = -
138001380000 = -
123456 = -
HK
9123 4567 = +852 91234567
5123-4567 = +852 51234567
６１２３　４５６７ = +852 61234567
852 9123 4567 = +852 91234567
+852 9123 4567 = +852 91234567
00852 9123 4567 = +852 91234567 ours
+86 13800138000 = +86 13800138000
001 86 138 0013 8000 = +86 13800138000
0086 138 0013 8000 = +86 13800138000 ours
00 66 81 234 5678 = +66 812345678 ours
001 44 7400 123456 = +44 7400123456
13800138000 = ? +86 13800138000 -
138 0013 8000 = ? +86 13800138000 -
86 138 0013 8000 = ? +86 13800138000 -
１５９１２３４５６７８ = ? +86 15912345678 -
0081 90 1234 5678 = - ours
1234 5678 = -
9123 456 = -
912345678 = -
011 86 13800138000 = -
MO
6612 3456 = +853 66123456
2872 1234 = +853 28721234
(853) 6612 3456 = +853 66123456
+853 6612-3456 = +853 66123456
00 86 138 0013 8000 = +86 13800138000
00 852 9123 4567 = +852 91234567
13800138000 = ? +86 13800138000 -
19912345678 = ? +86 19912345678 -
1234 5678 = -
6612 345 = -
TW
0912 345 678 = +886 912345678
912-345-678 = +886 912345678
+886 0912 345 678 = +886 912345678
+886-2-2345-6789 = +886 223456789
(02) 2345-6789 = +886 223456789
002 86 138 0013 8000 = +86 13800138000
0086 138 0013 8000 = +86 13800138000 ours
886 912 345 678 = +886 912345678
002 81 90 1234 5678 = +81 9012345678
13800138000 = ? +86 13800138000 -
138-0013-8000 = ? +86 13800138000 -
0112 345 678 = -
0912 345 67 = -
123456 = -
SG
9123 4567 = +65 91234567
8123-4567 = +65 81234567
6512 3456 = +65 65123456
+65 9123 4567 = +65 91234567
65 9123 4567 = +65 91234567
001 86 138 0013 8000 = +86 13800138000
0086 138 0013 8000 = +86 13800138000 ours
002 60 12 345 6789 = +60 123456789
018 44 7400 123456 = +44 7400123456
13800138000 = ? +86 13800138000 -
18912345678 = ? +86 18912345678 -
1234 5678 = -
9123 456 = -
JP
090-1234-5678 = +81 9012345678
80 1234 5678 = +81 8012345678
０７０　１２３４　５６７８ = +81 7012345678
03-3210-7000 = +81 332107000
+81 (0)90 1234 5678 = +81 9012345678
010 86 138 0013 8000 = +86 13800138000
0086 138 0013 8000 = +86 13800138000 ours
010 1 415 555 2671 = +1 4155552671
81 90 1234 5678 = +81 9012345678
13800138000 = ? +86 13800138000 -
8613800138000 = ? +86 13800138000 -
090-1234-56 = -
090-1234-567 = +81 901234567 ours
123456 = -
KR
010-1234-5678 = +82 1012345678
10 1234 5678 = +82 1012345678
02-312-3456 = +82 23123456
+82 010-1234-5678 = +82 1012345678
+82 10 1234 5678 = +82 1012345678
0082 10 1234 5678 = +82 1012345678 ours
001 86 138 0013 8000 = +86 13800138000
00700 86 138 0013 8000 = +86 13800138000
82 10 1234 5678 = +82 1012345678
13800138000 = ? +86 13800138000 -
177 1234 5678 = ? +86 17712345678 -
1234 = -
010-1234-567890 = -
US
(212) 555-2671 = +1 2125552671
1-212-555-2671 = +1 2125552671
212.555.2671 = +1 2125552671
+1 212 555 2671 = +1 2125552671
011 86 138 0013 8000 = +86 13800138000
011 44 20 7946 0958 = +44 2079460958
0086 138 0013 8000 = +86 13800138000 ours
1 (415) 555-2671 = ? +86 14155552671 +1 4155552671
15042345678 = ? +86 15042345678 +1 5042345678
+1 504 234 5678 = +1 5042345678
112 555 2671 = -
555 2671 = -
123456 = -
JM
876 923 4567 = +1 8769234567
1 876 923 4567 = ? +86 18769234567 +1 8769234567
+1 876 923 4567 = +1 8769234567
923 4567 = -
658 234 5678 = +1 6582345678
212 555 2671 = +1 2125552671
0876 923 4567 = -
123 4567 = -
GB
020 7946 0958 = +44 2079460958
07400 123456 = +44 7400123456
7400 123456 = +44 7400123456
+44 (0)7400 123456 = +44 7400123456
0044 7400 123456 = +44 7400123456
00 86 138 0013 8000 = +86 13800138000
020/7946-0958 = +44 2079460958
13800138000 = ? +86 13800138000 -
13812345678 = ? +86 13812345678 -
123456 = -
0 = -
07400 12345 = -
07400 1234567 = -
0123 456 = -
DE
0151 12345678 = +49 15112345678
030/123456 = +49 30123456
+49 (0) 151 1234 5678 = +49 15112345678
0049 151 12345678 = +49 15112345678
0086 138 0013 8000 = +86 13800138000
15112345678 = ? +86 15112345678 +49 15112345678
+49 15112345678 = +49 15112345678
+49 00 30 123456 = -
12 = -
FR
06 12 34 56 78 = +33 612345678
612345678 = +33 612345678
+33 (0)6 12 34 56 78 = +33 612345678
0033 6 12 34 56 78 = +33 612345678
01.23.45.67.89 = +33 123456789
06 12 34 56 7 = -
00 12 34 56 78 = -
123456 = -
IT
06 1234 5678 = +39 0612345678
312 345 6789 = +39 3123456789
+39 06 1234 5678 = +39 0612345678
+39 312 345 6789 = +39 3123456789
0039 312 345 6789 = +39 3123456789
39 312 345 6789 = +39 3123456789
+39 00 1234 5678 = -
912 345 678 = -
RU
8 (916) 123-45-67 = +7 9161234567
916 123-45-67 = +7 9161234567
+7 916 123 45 67 = +7 9161234567
7 916 123 45 67 = +7 9161234567
+7 8 916 123 45 67 = +7 9161234567
810 86 138 0013 8000 = +86 13800138000
0086 138 0013 8000 = +86 13800138000 ours
13800138000 = ? +86 13800138000 -
8 916 123 45 6 = +7 8916123456 ours
8 916 123 45 = -
216 123-45-67 = -
KZ
8 701 123 4567 = +7 7011234567
701 123 4567 = +7 7011234567
8 10 86 138 0013 8000 = +86 13800138000
101 123 4567 = -
BY
80 29 123-45-67 = +375 291234567
8 029 123-45-67 = +375 291234567
029 123-45-67 = +375 291234567
29 123-45-67 = +375 291234567
+375 29 123-45-67 = +375 291234567
+375 80 29 123 45 67 = +375 291234567
8 10 375 29 123 45 67 = +375 291234567
29 123-45-6 = -
HU
06 20 123 4567 = +36 201234567
20 123 4567 = +36 201234567
+36 (06) 20 123 4567 = +36 201234567
06 1 234 5678 = +36 12345678
0036 20 123 4567 = +36 201234567
06 20 123 45 = -
MX
55 1234 5678 = +52 5512345678
01 55 1234 5678 = +52 5512345678 ours
044 55 1234 5678 = +52 5512345678 ours
045 55 1234 5678 = +52 5512345678 ours
1 55 1234 5678 = ? +86 15512345678 +52 5512345678 ours
+52 1 55 1234 5678 = +52 5512345678 ours
+52 55 1234 5678 = +52 5512345678
+52 (01) 55 1234 5678 = +52 5512345678 ours
00 1 415 555 2671 = +1 4155552671
55 1234 567 = -
044 55 1234 567 = -
AR
011 15 2345-6789 = +54 91123456789
11 2345-6789 = +54 1123456789
9 11 2345-6789 = +54 91123456789
+54 9 11 2345 6789 = +54 91123456789
+54 11 15 2345 6789 = +54 91123456789
0 351 15 234 5678 = +54 93512345678
351 234 5678 = +54 3512345678
00 86 138 0013 8000 = +86 13800138000
0 9 11 2345 6789 = +54 91123456789
15 2345 6789 = -
11 2345 678 = -
BR
(11) 96123-4567 = +55 11961234567
011 96123-4567 = +55 11961234567
0 15 11 96123-4567 = +55 11961234567
+55 11 96123-4567 = +55 11961234567
+55 (0) 11 96123-4567 = +55 11961234567
00 15 86 138 0013 8000 = +86 13800138000
11961234567 = +55 11961234567
11 96123 45 = -
AU
0412 345 678 = +61 412345678
412 345 678 = +61 412345678
+61 (0)412 345 678 = +61 412345678
0011 86 138 0013 8000 = +86 13800138000
02 1234 5678 = +61 212345678
13800138000 = ? +86 13800138000 -
0412 345 67 = -
`

// TestNumbers reads the numbers, and asks libphonenumber of them too. It says something else, which
// is as it should be, of
//   - a mainland number without its code: it makes it one of the selected country, or none;
//   - ranges that are not in use, which may be tomorrow, and mainland landlines, which get no code;
//   - 00 where another prefix is dialled, and such a prefix that can be read in two ways;
//   - prefixes that are dialled no more;
//   - a calling code without plus in front of what could be a number as it stands.
func TestNumbers(t *testing.T) {
	t.Parallel()
	region, count, regions := "", 0, map[string]bool{}
	for line := range strings.Lines(strings.TrimSpace(numbers)) {
		typed, want, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok {
			region = typed
			continue
		}
		count++
		regions[region] = true
		want, ours := strings.CutSuffix(want, " ours")
		got := "-"
		phone, err := ParsePhone(typed, region)
		if err == nil {
			got = phone
		}
		var mainland *MainlandError
		if errors.As(err, &mainland) {
			got = "? " + mainland.Mainland + " " + orDash(mainland.Selected)
			phone = mainland.Selected
		}
		if got != want {
			t.Errorf("%s selected, %q typed: %s, want %s", region, typed, got, want)
		}
		if theirs := libphonenumber(typed, region); (theirs != phone) != ours {
			t.Errorf("%s selected, %q typed: libphonenumber says %q, we %q; that they differ is marked: %t", region, typed, theirs, phone, ours)
		}
	}
	if count < 200 || len(regions) < 20 {
		t.Errorf("%d numbers of %d countries", count, len(regions))
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// libphonenumber is what it makes of a number, in our form, and "" for none that is valid.
func libphonenumber(typed, region string) string {
	n, err := phonenumbers.Parse(typed, region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return ""
	}
	e164 := phonenumbers.Format(n, phonenumbers.E164)
	national := phonenumbers.GetNationalSignificantNumber(n)
	return strings.TrimSuffix(e164, national) + " " + national
}

// TestExamples: libphonenumber's examples, of landlines and of mobile phones, are numbers of the
// same places to us, however they are written.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, p := range plans {
		for _, kind := range []phonenumbers.PhoneNumberType{phonenumbers.FIXED_LINE, phonenumbers.MOBILE} {
			example := phonenumbers.GetExampleNumberForType(p.region, kind)
			if example == nil || p.region == "CN" && kind == phonenumbers.FIXED_LINE {
				continue
			}
			national := phonenumbers.GetNationalSignificantNumber(example)
			want := "+" + p.code + " " + national
			if p.region == "AR" && kind == phonenumbers.MOBILE {
				// The Go port writes it as 09 15-2345-6789; TestNumbers has such numbers.
				continue
			}
			for _, format := range []phonenumbers.PhoneNumberFormat{phonenumbers.NATIONAL, phonenumbers.INTERNATIONAL, phonenumbers.E164} {
				typed := phonenumbers.Format(example, format)
				phone, err := ParsePhone(typed, p.region)
				var mainland *MainlandError
				if errors.As(err, &mainland) {
					phone = mainland.Selected
				}
				if phone != want {
					t.Errorf("%s: %q is %q, %v, want %q", p.region, typed, phone, err, want)
				}
			}
			region := phonenumbers.GetRegionCodeForNumber(example)
			if got, rest := SplitPhone(want); got != region || rest != national {
				t.Errorf("SplitPhone(%q) = %q, %q, want %q", want, got, rest, region)
			}
			if !InRegions(want, []string{p.region}) {
				t.Errorf("%q is not of %s", want, p.region)
			}
			if others := byPlace().code[p.code]; len(others) > 1 && kind == phonenumbers.FIXED_LINE && region == p.region {
				i := slices.IndexFunc(others, func(o *plan) bool { return !InRegions(want, []string{o.region}) })
				if i < 0 {
					t.Errorf("%q is of all places of its code", want)
				}
			}
		}
	}
}

func BenchmarkParsePhone(b *testing.B) {
	for b.Loop() {
		if _, err := ParsePhone("13800138000", "CN"); err != nil {
			b.Fatal(err)
		}
	}
}

// What the first number of a country costs.
func BenchmarkFirstNumber(b *testing.B) {
	for b.Loop() {
		compiled.Clear()
		if _, err := ParsePhone("0151 12345678", "DE"); err != nil {
			b.Fatal(err)
		}
	}
}
