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
