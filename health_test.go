package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHealthAlone: a container asks for health without the flags of the server, and
// goes on asking when files have broken that the server read long ago: whoever is
// told no here is started anew, and then finds the broken files.
func TestHealthAlone(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	listen := strings.TrimPrefix(server.URL, "http://")
	const tree = "\nenvironments: [{id: demo, login_configs: gone}]\n"
	tests := []struct {
		name    string
		environ []string
		args    []string
		code    int
	}{
		{"a demo in a container", []string{containerVariable + "=1", "TCB_LOGIN_LISTEN=" + listen}, nil, 0},
		{"listening by the settings", nil, []string{"-settings", settingsFile(t, "listen: "+listen+tree)}, 0},
		{"login configs that are gone", []string{"TCB_LOGIN_LISTEN=" + listen}, []string{"-settings", settingsFile(t, tree)}, 0},
		{"a mistake in the settings", nil, []string{"-settings", settingsFile(t, "listen: "+listen+"\nlog_level: loud"+tree)}, 0},
		{"settings that are gone", []string{"TCB_LOGIN_LISTEN=" + listen}, []string{"-settings", "gone.yaml"}, 0},
		{"nobody there", []string{"TCB_LOGIN_LISTEN=127.0.0.1:1"}, nil, 1},
	}
	for _, tt := range tests {
		if code, _, stderr := runOnce(t, tt.environ, append([]string{"-health"}, tt.args...)...); code != tt.code {
			t.Errorf("%s: exit code %d, want %d\n%s", tt.name, code, tt.code, stderr)
		}
	}
}
