//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// twoInstances are those of the compose file, with an emulator for TCB, behind both proxies that files
// are shipped for.
type twoInstances struct {
	*machine
	caddy, nginx       string // origins
	file               string // the instances' settings
	caddyLog, nginxLog func() string
	tcb                *emulator
}

func runTwoInstances(t *testing.T) *twoInstances {
	t.Helper()
	m := newMachine(t, "two-instances", map[string]string{
		"TCB_LOGIN_KEY": "Kq7vXw2Zp9LmB4nRt8YsHc6TfJ3dGk5Q", "TCB_LOGIN_STORE_KEY": "Zp9LmB4nRt8YsHc6TfJ3dGk5QaUeKq7v",
	})
	front, err := net.Listen("tcp", m.addresses["caddy"]+":0") // it stands in for Caddy in its network
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(m.dir, "nginx.log")
	two := &twoInstances{
		machine: m, caddy: "http://" + m.addresses["caddy"] + ":8000", nginx: "http://" + front.Addr().String(),
		nginxLog: func() string { return readAll(t, log) },
	}
	two.tcb = m.runEmulator(t, two.caddy, two.nginx)
	m.start(t, "valkey")
	m.start(t, "app")
	two.file, _ = m.settings(t, "login-1", shipped(t, "two-instances/settings.example.yaml",
		`["https://app.example.com"]`, fmt.Sprintf("[%q, %q]", two.caddy, two.nginx),
		`["172.30.84.0/24"]`, `["127.0.0.0/24"]`,
		"redis://valkey:6379", "redis://"+m.address(t, "valkey:6379"),
		"    name: My App ", "    endpoint: http://"+m.addresses["emulator"]+":8081\n    name: My App ",
		"default_redirect_uri: https://app.example.com/", "default_redirect_uri: "+two.caddy+"/",
	))
	for _, name := range []string{"login-1", "login-2"} {
		m.runInstance(t, name, two.file)
	}
	runNginx(t, front, nginxSite(t, "two-instances/nginx.conf", front.Addr().String(), log,
		"10.0.0.11:8080", m.address(t, "login-1:8080"), "10.0.0.12:8080", m.address(t, "login-2:8080"),
		"http://127.0.0.1:3000", "http://"+m.address(t, "app:3000")), log)
	// Unasked it listens at every address, beside the Caddys of other tests, and gets some of their requests.
	two.caddyLog = runCaddy(t, shipped(t, "two-instances/Caddyfile", "\napp.example.com {", "\n"+two.caddy+" {\n\tbind "+m.addresses["caddy"],
		"login-1:8080 login-2:8080", m.address(t, "login-1:8080")+" "+m.address(t, "login-2:8080"), "app:3000", m.address(t, "app:3000")))
	return two
}

func readAll(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// runEmulator runs what stands in for TCB, with the environment of the settings.
func (m *machine) runEmulator(t *testing.T, origins ...string) *emulator {
	t.Helper()
	m.addresses["emulator"] = m.addresses["app"][:strings.LastIndex(m.addresses["app"], ".")] + ".2"
	file := filepath.Join(m.dir, "emulator.yaml")
	text := "public_origins:\n  - \"" + strings.Join(origins, "\"\n  - \"") + "\"\nsession: {keys: [Kq7vXw2Zp9LmB4nRt8YsHc6TfJ3dGk5Q]}\nenvironments: [{id: my-env-1a2b3c}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m.runBinary(t, "emulator", `"name":"login"`, []string{
		"-settings", file, "-emulator", "-listen", "127.0.0.1:0", "-emulator-listen", m.addresses["emulator"] + ":8081", "-data", filepath.Join(m.dir, "emulator"),
	}, nil)
	control := &url.URL{Scheme: "http", Host: m.addresses["emulator"] + ":8081"}
	return &emulator{url: control, read: map[string]int{}}
}
