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

// shipped is a file of deploy/ in which the addresses are those of a test. Each stands there once, so
// that nothing is left of ours where the file has changed.
func shipped(t *testing.T, name string, changes ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(changes); i += 2 {
		if n := strings.Count(text, changes[i]); n != 1 {
			t.Fatalf("deploy/%s has %q %d times, want once", name, changes[i], n)
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	return text
}

// nginxSite is a site that we ship, on a listener without TLS. All its logs go to one file.
func nginxSite(t *testing.T, name, listen, log string, changes ...string) string {
	t.Helper()
	site := shipped(t, name, append([]string{
		"listen 443 ssl;", "listen " + listen + ";",
		"listen [::]:443 ssl;", "",
		"ssl_certificate     /etc/ssl/app.example.com/fullchain.pem;", "",
		"ssl_certificate_key /etc/ssl/app.example.com/privkey.pem;", "",
	}, changes...)...)
	return strings.ReplaceAll(site, "/var/log/nginx/app.example.com.log", log)
}

// nginxConf is a whole configuration around a site. What is not said in the site is as Debian has it,
// the log of errors included.
func nginxConf(dir, site, log string) string {
	var user, paths string
	if os.Getuid() == 0 { // the folders are this user's
		user = "user root root;\n"
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		paths += fmt.Sprintf("%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	return fmt.Sprintf("%sdaemon off;\nworker_processes 1;\npid %s;\nerror_log %s;\nevents { worker_connections 512; }\nhttp {\naccess_log %s;\n%s%s\n}\n",
		user, filepath.Join(dir, "pid"), log, log, paths, site)
}

// runNginx puts an nginx with a site on a listener until the test ends.
func runNginx(t *testing.T, front net.Listener, site, log string) {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(nginxConf(dir, site, log)), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := front.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(nginxBinary(t), "-p", dir, "-c", conf, "-e", log)
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
	})
}
