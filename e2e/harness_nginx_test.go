//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nginxBinary is the one of the machine, or what setup.sh has unpacked.
func nginxBinary(t *testing.T) string {
	t.Helper()
	for _, path := range []string{os.Getenv("NGINX"), "nginx", "/usr/sbin/nginx", "build/nginx/usr/sbin/nginx"} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Fatal("there is no nginx: run e2e/setup.sh")
	return ""
}

// nginxConf is the site that we ship, on a listener without TLS, with more directives for our pages.
func nginxConf(t *testing.T, dir, listen, directives, login, app string) string {
	t.Helper()
	data, err := os.ReadFile("../deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	site := string(data)
	for _, change := range [][2]string{
		{"listen 443 ssl;", "listen " + listen + ";"},
		{"gzip off;", "gzip off;\n" + directives},
		{"listen [::]:443 ssl;", ""},
		{"ssl_certificate     /etc/ssl/app.example.com/fullchain.pem;", ""},
		{"ssl_certificate_key /etc/ssl/app.example.com/privkey.pem;", ""},
		{"server 127.0.0.1:8080;", "server " + login + ";"},
		{"http://127.0.0.1:3000", "http://" + app},
		{"/var/log/nginx/tcb-login.log", accessLog(dir)},
	} {
		if strings.Count(site, change[0]) != 1 {
			t.Fatalf("deploy/nginx.conf has %q %d times, want once", change[0], strings.Count(site, change[0]))
		}
		site = strings.Replace(site, change[0], change[1], 1)
	}
	var user, paths string
	if os.Getuid() == 0 { // the folders are this user's
		user = "user root root;\n"
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		paths += fmt.Sprintf("%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	return fmt.Sprintf("%sdaemon off;\nworker_processes 1;\npid %s;\nevents { worker_connections 512; }\nhttp {\naccess_log off;\n%s%s\n}\n",
		user, filepath.Join(dir, "pid"), paths, site)
}

func accessLog(dir string) string { return filepath.Join(dir, "access.log") }

// onlyPaths looks at what nginx has logged of all that a test did: which pages, and nothing of what
// their addresses hold.
func onlyPaths(t *testing.T, dir string) {
	t.Helper()
	logged, err := os.ReadFile(accessLog(dir))
	if err != nil || !strings.Contains(string(logged), " GET /__auth/") {
		t.Errorf("nginx has logged no page: %v\n%s", err, logged)
	}
	for line := range strings.Lines(string(logged)) {
		if strings.ContainsAny(line, "?&=") || strings.Contains(line, "http") {
			t.Errorf("nginx has logged more than a path: %s", line)
		}
	}
}

// runNginx puts an nginx on a listener, before the login page and the app, until the test ends.
func runNginx(t *testing.T, front net.Listener, directives, login, app string) {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(nginxConf(t, dir, front.Addr().String(), directives, login, app)), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := front.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(nginxBinary(t), "-p", dir, "-c", conf, "-e", "stderr")
	cmd.ExtraFiles = []*os.File{file}
	// It takes over the open listener, as from an nginx that it replaces: nobody has to wait for it.
	cmd.Env = []string{"NGINX=3;"}
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if err := front.Close(); err != nil {
		t.Error(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("nginx: %v\n%s", err, said.String())
		}
		onlyPaths(t, dir)
	})
}
