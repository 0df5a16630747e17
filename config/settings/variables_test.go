package settings

import (
	"slices"
	"strings"
	"testing"
)

// What Kubernetes sets for a Service is let through; it is not what a mistake looks like.
func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	known := []string{"TCB_LOGIN_LISTEN", "TCB_LOGIN_SETTINGS", "TCB_LOGIN_KEY", "OTHER_SECRET"}
	tests := []struct {
		variable string
		unknown  bool
		near     string
	}{
		{"TCB_LOGIN_SERVICE_HOST=10.0.0.1", false, ""},
		{"TCB_LOGIN_SERVICE_PORT=8080", false, ""},
		{"TCB_LOGIN_SERVICE_PORT_HTTP=8080", false, ""},
		{"TCB_LOGIN_SERVICE_PORT_HTTP_ADMIN=8082", false, ""},
		{"TCB_LOGIN_PORT=tcp://10.0.0.1:8080", false, ""},
		{"TCB_LOGIN_PORT_8080_TCP=tcp://10.0.0.1:8080", false, ""},
		{"TCB_LOGIN_PORT_8080_TCP_ADDR=10.0.0.1", false, ""},
		{"TCB_LOGIN_PORT_8080_TCP_PORT=8080", false, ""},
		{"TCB_LOGIN_PORT_8080_TCP_PROTO=tcp", false, ""},
		{"TCB_LOGIN_PORT_53_UDP_ADDR=10.0.0.1", false, ""},
		{"TCB_LOGIN_ADMIN_SERVICE_HOST=10.0.0.1", false, ""},
		{"TCB_LOGIN_ADMIN_SERVICE_PORT=8082", false, ""},
		{"TCB_LOGIN_ADMIN_PORT=udp://10.0.0.1:8082", false, ""},
		{"TCB_LOGIN_ADMIN_V2_PORT_8082_SCTP_PROTO=sctp", false, ""},
		{"TCB_LOGIN_PORT=8080", true, ""},
		{"TCB_LOGIN_ADMIN_PORT=8080", true, ""},
		{"TCB_LOGIN_PORT_HTTP_TCP=tcp://10.0.0.1:8080", true, ""},
		{"TCB_LOGIN_SERVICE=10.0.0.1", true, ""},
		{"tcb_login_service_host=10.0.0.1", true, ""},
		{"TCB_LOGIN_LISTEN=x", false, ""},
		{"TCB_LOGIN_LISTEN=", false, ""},
		{"OTHER_SECRETS=x", false, ""},
		{"TCB_LOGINS_LISTEN=x", false, ""},
		{"TCB_LOGIN=login:8080", false, ""}, // the compose file's, for the proxy
		{"TCB_LOGIN_=x", true, ""},
		{"TCB_LOGIN_LISTENS=x", true, "TCB_LOGIN_LISTEN"},
		{"TCB_LOGIN_listen=x", true, "TCB_LOGIN_LISTEN"},
		{"Tcb_Login_Key=x", true, "TCB_LOGIN_KEY"},
		{"TCB_LOGIN_SETTING", true, "TCB_LOGIN_SETTINGS"},
		{"TCB_LOGIN_SETTINGS_FILE=x", true, "TCB_LOGIN_SETTINGS"},
	}
	for _, tt := range tests {
		got := UnknownVariables([]string{"PATH=/bin", tt.variable}, known)
		var want []UnknownVariable
		if tt.unknown {
			name, _, _ := strings.Cut(tt.variable, "=")
			want = []UnknownVariable{{name, tt.near}}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", tt.variable, got, want)
		}
	}
	all := UnknownVariables([]string{"TCB_LOGIN_B=1", "TCB_LOGIN_A=1", "TCB_LOGIN_B=2"}, nil)
	if want := []UnknownVariable{{Name: "TCB_LOGIN_A"}, {Name: "TCB_LOGIN_B"}}; !slices.Equal(all, want) {
		t.Errorf("got %v, want each once, %v", all, want)
	}
}
