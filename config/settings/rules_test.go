package settings

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// Each case has the problems that it must have, by position and how they begin, and no others.
func TestRules(t *testing.T) {
	t.Parallel()
	const (
		environments = "environments: [{id: x}]\n"
		key          = "session: {keys: ['" + longSecret + "']}\n"
		origins      = "public_origins: ['https://app.example.com']\n"
		proxy        = "trusted_proxies: [10.0.0.5]\n"
		fine         = environments + key
		open         = "error: public_origins is missing: listen "
		flagOpen     = "1:1: error: public_origins is missing: -listen ($TCB_LOGIN_LISTEN) "
		wide         = "whoever has an address in it can choose"
		translated   = "wider than /120, which is /24 of the IPv4 addresses that these carry: " + wide
	)
	listen := func(address string) Launch { return Launch{Listen: address, Env: testEnv} }
	tests := []struct {
		name   string
		launch Launch
		yaml   string
		want   []string
	}{
		{"nothing wrong", Launch{}, fine, nil},
		{"nothing wrong in public", listen(":8080"), fine + origins + proxy, nil},

		{"listening everywhere", Launch{}, fine + "listen: :8080", []string{"3:9: " + open + `":8080" is open to other machines`}},
		{"everywhere by IPv4", Launch{}, fine + "listen: 0.0.0.0:80", []string{"3:9: " + open}},
		{"everywhere by IPv6", Launch{}, fine + `listen: "[::]:80"`, []string{"3:9: " + open}},
		{"an address", Launch{}, fine + "listen: 192.0.2.1:80", []string{"3:9: " + open}},
		{"a name", Launch{}, fine + "listen: login.internal:80", []string{"3:9: " + open}},
		{"a name like loopback", Launch{}, fine + "listen: localhost.example.com:80", []string{"3:9: " + open}},
		{"loopback", Launch{}, fine + "listen: 127.8.9.1:80", nil},
		{"loopback by IPv6", Launch{}, fine + `listen: "[::1]:80"`, nil},
		{"loopback by name", Launch{}, fine + "listen: LocalHost:80", nil},
		{"no origins in the list", Launch{}, fine + "listen: :8080\npublic_origins: []", []string{"4:17: " + open}},
		{"null for origins", Launch{}, fine + "listen: :8080\npublic_origins:", []string{"3:9: " + open}},
		{"a wrong origin is told alone", Launch{}, fine + "listen: :8080\npublic_origins: [x]", []string{"4:18: error: public_origins[0]"}},
		{"the flag opens", listen(":8080"), fine, []string{flagOpen + `":8080"`}},
		{"the flag opens what the settings close", listen("0.0.0.0:0"), fine + "listen: 127.0.0.1:80", []string{flagOpen + `"0.0.0.0:0"`}},
		{"the flag closes what the settings open", listen("127.0.0.1:0"), fine + "listen: :8080", nil},
		{"with the emulator too", Launch{Listen: ":1", Emulator: true}, environments, []string{flagOpen}},

		{"the emulator for others", Launch{Emulator: true}, fine + proxy + origins, []string{`4:17: warning: -emulator ($TCB_LOGIN_EMULATOR) stands in for TCB, and everybody knows its demo user and password: "https://app.example.com"`}},
		{"the emulator for other machines", Launch{Listen: ":1", Emulator: true}, fine + "public_origins: ['http://localhost:1']", []string{`3:17: warning: -emulator ($TCB_LOGIN_EMULATOR) stands in for TCB, and everybody knows its demo user and password: ":1"`}},
		{"the emulator for this machine", Launch{Emulator: true}, fine + "public_origins: ['http://localhost:1']", nil},

		{"https without proxies", Launch{}, fine + origins, []string{"3:17: warning: trusted_proxies is missing: \"https://app.example.com\" is https"}},
		{"https with an empty list", Launch{}, fine + origins + "trusted_proxies: []", []string{"4:18: warning: trusted_proxies is missing"}},
		{"http alone", Launch{}, fine + "public_origins: ['http://localhost:1']", nil},
		{"http first", Launch{}, fine + "public_origins: ['http://localhost:1', 'https://b.example']", []string{"3:17: warning: trusted_proxies is missing: \"https://b.example\""}},
		{"wrong proxies are told alone", Launch{}, fine + origins + "trusted_proxies: [x]", []string{"4:19: error: trusted_proxies[0]"}},

		{"as wide as may be", Launch{}, fine + "trusted_proxies: [10.1.2.0/24, '2001:db8::/64', 10.0.0.5, '2001:db8::1']", nil},
		{"wider", Launch{}, fine + "trusted_proxies: [10.1.2.0/23, '2001:db8::/63']", []string{
			"3:19: warning: trusted_proxies[0]: wider than /24: " + wide, "3:32: warning: trusted_proxies[1]: wider than /64: " + wide}},
		{"as wide as IPv4 may be, in IPv6", Launch{}, fine + "trusted_proxies: ['64:ff9b::10.1.2.0/120', '64:ff9b::10.0.0.5', '64:ff9b:1::10.1.2.0/120', '2001::/120', '2002:a00:5::/64']", nil},
		{"IPv4 in IPv6", Launch{}, fine + "trusted_proxies: ['64:ff9b::/96', '64:ff9b::10.1.2.0/119', '64:ff9b:0::/90', '64:ff9b:1::/96', '64:ff9b:1:2::/64', '::ffff:0:0:0/97', '2001::/64', '2001:0:1:2:3:4::/96', '::/64']", []string{
			"3:19: warning: trusted_proxies[0]: " + translated, "3:35: warning: trusted_proxies[1]: " + translated, "3:60: warning: trusted_proxies[2]: " + translated,
			"3:78: warning: trusted_proxies[3]: " + translated, "3:96: warning: trusted_proxies[4]: " + translated, "3:116: warning: trusted_proxies[5]: " + translated,
			"3:135: warning: trusted_proxies[6]: " + translated, "3:148: warning: trusted_proxies[7]: " + translated, "3:171: warning: trusted_proxies[8]: " + translated}},
		{"all of IPv4 in IPv6, and more", Launch{}, fine + "trusted_proxies: ['2002::/16', '2002:a00:5::/48', '2001::/32', '64:ff9b:1::/48', '64:ff9b::/63']", []string{
			"3:19: warning: trusted_proxies[0]: wider than /64: " + wide, "3:32: warning: trusted_proxies[1]: wider than /64: " + wide, "3:51: warning: trusted_proxies[2]: wider than /64: " + wide,
			"3:64: warning: trusted_proxies[3]: wider than /64: " + wide, "3:82: warning: trusted_proxies[4]: wider than /64: " + wide}},
		{"mapped ones", Launch{}, fine + "trusted_proxies: ['::ffff:0:0/96', '::ffff:10.1.2.0/120', '::ffff:10.0.0.5']", []string{
			"3:19: error: trusted_proxies[0]: want an address or a range", "3:36: error: trusted_proxies[1]: want an address or a range"}},
		{"all private ones", Launch{}, fine + "trusted_proxies: [10.0.0.0/8]", []string{"3:19: warning: trusted_proxies[0]: wider than /24"}},
		{"half of all", Launch{}, fine + "trusted_proxies: [0.0.0.0/1]", []string{"3:19: warning: trusted_proxies[0]: wider than /24"}},
		{"all", Launch{}, fine + "trusted_proxies: [0.0.0.0/0, '::/0']", []string{"3:19: warning: trusted_proxies[0]: every", "3:30: warning: trusted_proxies[1]: every"}},
		{"this machine", Launch{}, fine + "trusted_proxies: [127.0.0.0/8, '::1']", nil},
		{"this machine and more", Launch{}, fine + "trusted_proxies: [126.0.0.0/7]", []string{"3:19: warning: trusted_proxies[0]: wider"}},

		{"no key", Launch{}, environments, []string{"1:1: warning: session.keys is missing"}},
		{"no key in a session", Launch{}, environments + "session: {store: cookie}", []string{"2:10: warning: session.keys is missing"}},
		{"no key in the list", Launch{}, environments + "session: {keys: []}", []string{"2:17: warning: session.keys is missing"}},
		{"no key with the emulator", Launch{Emulator: true}, environments, nil},
		{"a weak key", Launch{}, environments + "session: {keys: ['" + longSecret + "', " + strings.Repeat("a", 40) + "]}",
			[]string{"2:56: warning: keys[1]: one repeated character: whoever guesses it"}},
		{"a weak key with the emulator", Launch{Emulator: true}, environments + "session: {keys: [" + strings.Repeat("ab", 20) + "]}",
			[]string{"2:18: warning: keys[0]: a short pattern"}},
		{"all at once", listen(":1"), "trusted_proxies: [10.0.0.0/8]\n" + environments, []string{
			flagOpen, "1:1: warning: session.keys", "1:19: warning: trusted_proxies[0]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, problems := Parse("s", []byte(tt.yaml), tt.launch)
			if len(problems) != len(tt.want) {
				t.Fatalf("want %d problems, found\n%s", len(tt.want), problems)
			}
			for i, p := range problems {
				if !strings.HasPrefix(p.String(), "s:"+tt.want[i]) {
					t.Errorf("%s\nwant %s", p, tt.want[i])
				}
			}
		})
	}
}

func TestWeakKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		strings.Repeat("a", 32), strings.Repeat("\x00", 32), strings.Repeat("x", 63) + "!",
		strings.Repeat("ab", 16), strings.Repeat("password", 4), strings.Repeat("change-me", 4) + "!", strings.Repeat("0123456789abcdef", 2),
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ", "ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210",
		"aabbaabaabbbababbbaabaabababbabbabab",
	} {
		if weakKey(key) == "" {
			t.Errorf("%q passes", key)
		}
	}
	for range 2000 {
		b := make([]byte, 32)
		rand.Read(b)
		for _, key := range []string{string(b), hex.EncodeToString(b), hex.EncodeToString(b[:16]), base64.StdEncoding.EncodeToString(b)} {
			if complaint := weakKey(key); complaint != "" {
				t.Fatalf("a random key, %q: %s", key, complaint)
			}
		}
	}
}

// The demo is open where a container needs it, and says so.
func TestLaunchDemo(t *testing.T) {
	t.Parallel()
	for listen, warned := range map[string]bool{"": false, "127.0.0.1:0": false, "localhost:1": false, ":8080": true, "0.0.0.0:1": true, "host:1": true} {
		s, problems := LaunchDemo(Launch{Listen: listen})
		if problems.HasErrors() || len(problems) > 0 != warned || listen != "" && s.Listen != listen {
			t.Errorf("%q: listens on %s, problems %v", listen, s.Listen, problems)
		}
	}
}
