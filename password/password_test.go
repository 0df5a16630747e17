package password

import "testing"

func TestCommonPasswords(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]bool{
		"Password1!": true, "P@ssw0rd": true, "P@$$w0rd2024!": true, "Qwerty123!": true, "1qaz2wsx": true, "Iloveyou1!": true, "ＰＡＳＳＷＯＲＤ1!": true,
		"Quiet-river-7": false, "Demo-pass-1": false, "Li-lei-2026-x": false,
	} {
		if got := Common(password); got != want {
			t.Errorf("Common(%q) = %v", password, got)
		}
	}
	for _, tt := range []struct {
		password string
		about    []string
		want     bool
	}{
		{"Xx-hanmeimei-1", []string{"HanMeimei"}, true}, {"Xx-mei.li-1!", []string{"mei.li@example.com"}, true}, {"A-13800138000-x", []string{"+86 13800138000"}, true},
		{"Xx-bob-1", []string{"bob"}, false}, {"Xx-1", []string{""}, false},
	} {
		if got := Personal(tt.password, tt.about...); got != tt.want {
			t.Errorf("Personal(%q, %q) = %v", tt.password, tt.about, got)
		}
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	const composed, decomposed = "Caf\u00e9-\u00c5ngstr\u00f6m-1", "Cafe\u0301-A\u030angstro\u0308m-1"
	tests := []struct{ password, normal string }{
		{composed, composed},
		{decomposed, composed},
		{"Caf\u00e9-e\u0301-1", "Caf\u00e9-\u00e9-1"}, // a mixture
		{"\u1112\u1161\u11ab\u1100\u1173\u11af-Aa1", "\ud55c\uae00-Aa1"},
		{"\u212b-Aa1", "\u00c5-Aa1"},
		{"Quiet-river-7", "Quiet-river-7"},
		{"  密码 Aa1 \uff01", "  密码 Aa1 \uff01"}, // blanks and widths are the person's own
		{"\xff-Aa1", "\xff-Aa1"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := Normalize(tt.password); got != tt.normal {
			t.Errorf("Normalize(%+q) = %+q, want %+q", tt.password, got, tt.normal)
		}
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]int{"Quiet-river-7": 1, "Caf\u00e9-Aa1": 1, "Cafe\u0301-Aa1": 2, "": 1, "\xff-Aa1": 1} {
		got := Forms(typed)
		if len(got) != want || got[0] != typed || got[len(got)-1] != Normalize(typed) {
			t.Errorf("Forms(%+q) = %+q", typed, got)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add("Caf\u00e9-Aa1")
	f.Add("e\u0301\u0323\xff")
	f.Fuzz(func(t *testing.T, typed string) {
		if set := Normalize(typed); Normalize(set) != set {
			t.Errorf("%+q is not normal", set)
		}
	})
}
