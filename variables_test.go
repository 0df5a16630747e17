package main

import (
	"net"
	"strings"
	"testing"
)

// TestMisspeltForCommands: every command refuses what the server does, and lets through what the
// server knows, since both are run with the same variables.
func TestMisspeltForCommands(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	tree := t.TempDir()
	named := settingsFile(t, "session: {keys: [\"env:TCB_LOGIN_KEY\"]}\naudit: {to: stdout, keys: [{id: a, key: \"env:TCB_LOGIN_DATE\"}]}\n"+
		"environments: [{id: demo, login_configs: "+tree+"}]\n")
	good := []string{"TCB_LOGIN_KEY=0123456789-abcdefghijklm-ZYXWVUTSRQ", "TCB_LOGIN_DATE=abcdefghijklm-0123456789-zyxwvutsrq", "TCB_LOGIN_LISTEN=127.0.0.1:8080",
		"TCB_LOGIN_CONTAINER=1", "TCB_LOGIN_SERVICE_HOST=10.0.0.1"}
	const near, foreign, secret = "; did you mean $TCB_LOGIN_", ": it belongs to no flag", "TCB_LOGIN_KEY, which the settings name?"
	running := []string{"emulator", "-env", "a", "-listen", "127.0.0.1:0", "-exec", "exit 7"}
	alone := []string{"emulator", "-env", "a", "-listen", taken.Addr().String()}
	print, who, diff := []string{"config", "print"}, []string{"audit", "id", "alice"}, []string{"configs", "diff", "env"}
	tests := []struct {
		name    string
		args    []string
		environ []string
		code    int
		want    string
	}{
		{"a flag's", running, []string{"TCB_LOGIN_EMULATOR_LISTN=:1"}, 2, near + "EMULATOR_LISTEN?"},
		{"the token's", running, []string{"TCB_LOGIN_CONTROL_TOKN=x"}, 2, near + "CONTROL_TOKEN?"},
		{"in small letters", running, []string{"tcb_login_control_token=x"}, 2, near + "CONTROL_TOKEN?"},
		{"beside other misuse", []string{"emulator"}, []string{"TCB_LOGIN_CONTROL_TOKN=x"}, 2, near + "CONTROL_TOKEN?"},
		{"of what runs in it", running, []string{"TCB_LOGIN_SOMETHING_ELSE=x"}, 7, ""},
		{"nobody's", alone, []string{"TCB_LOGIN_SEED=users.json"}, 2, "TCB_LOGIN_SEED is not a variable of this program" + foreign},
		{"the server's", running, good[2:], 7, ""},
		{"the settings", print, []string{"TCB_LOGIN_SETTING=" + named}, 2, near + "SETTINGS?"},
		{"the settings, too", who, []string{"TCB_LOGIN_SETTING=" + named}, 2, near + "SETTINGS?"},
		{"the settings, still", diff, []string{"TCB_LOGIN_SETTING=" + named}, 2, near + "SETTINGS?"},
		{"an address", print, []string{"TCB_LOGIN_LISTE=:1"}, 2, near + "LISTEN?"},
		{"none", print, nil, 0, "TCB is called at"},
		{"the emulator's", print, []string{"TCB_LOGIN_EMULATOR=1"}, 0, "# demo: the emulator stands in for TCB"},
		{"no emulator's", print, []string{"TCB_LOGIN_EMULATOR=false"}, 0, "TCB is called at"},
		{"neither", print, []string{"TCB_LOGIN_EMULATOR=yes"}, 2, "TCB_LOGIN_EMULATOR: want true or false"},
		{"none", who, nil, 0, "person"},
		{"none", diff, nil, 1, "diff of"}, // there is no draft
		{"nobody's", print, []string{"TCB_LOGIN_SOMETHING_ELSE=x"}, 2, foreign},
		{"nobody's", who, []string{"TCB_LOGIN_SOMETHING_ELSE=x"}, 2, foreign},
		{"nobody's", diff, []string{"TCB_LOGIN_SOMETHING_ELSE=x"}, 2, foreign},
		{"a secret's", print, []string{"TCB_LOGIN_KEYS=x"}, 2, secret},
		{"a secret's", who, []string{"TCB_LOGIN_KEYS=x"}, 2, secret},
		{"a secret's", diff, []string{"TCB_LOGIN_KEYS=x"}, 2, secret},
	}
	for _, tt := range tests {
		args, environ := tt.args, tt.environ
		if args[0] != "emulator" {
			environ = append(environ, good...)
			if !strings.HasPrefix(tt.name, "the settings") {
				environ = append(environ, "TCB_LOGIN_SETTINGS="+named)
			}
		}
		code, stdout, stderr := runOnce(t, environ, args...)
		if code != tt.code || !strings.Contains(stdout+stderr, tt.want) || tt.code != 2 && strings.Contains(stderr, "is not a variable") {
			t.Errorf("%s %q: exit code %d, want %d; want %q in\n%s%s", tt.name, args, code, tt.code, tt.want, stdout, stderr)
		}
	}
}
