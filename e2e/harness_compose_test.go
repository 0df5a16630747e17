//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// A composition is a compose file, as far as ours say anything. What is not here is an error.
type composition struct {
	Template any `yaml:"x-login"`
	Services map[string]service
	Networks map[string]any
	Volumes  map[string]any
}

type service struct {
	Build           any
	Image           string
	Restart         string
	Command         []string
	Environment     map[string]string
	Volumes         []string
	Ports           []string
	Networks        []string
	DependsOn       []string      `yaml:"depends_on"`
	StopGracePeriod time.Duration `yaml:"stop_grace_period"`
	ReadOnly        bool          `yaml:"read_only"`
	CapDrop         []string      `yaml:"cap_drop"`
	SecurityOpt     []string      `yaml:"security_opt"`
	MemLimit        string        `yaml:"mem_limit"`
}

// readCompose reads a compose file of deploy/.
func readCompose(t *testing.T, name string) composition {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	var c composition
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil {
		t.Fatalf("deploy/%s: %v", name, err)
	}
	return c
}

// A machine stands in for the engine that would run a composition: each service is a process, with an
// address of its own on the loopback network and the ports that it has in its container.
type machine struct {
	composition
	folder    string            // of the compose file, in deploy/
	dir       string            // for what the services keep
	addresses map[string]string // by service
	variables map[string]string // of the shell that runs compose
	running   map[string]*process
}

// A process is a service that runs.
type process struct {
	cmd   *exec.Cmd
	ended chan error
	mu    sync.Mutex
	said  []byte
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, b...)
	return len(b), nil
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.said)
}

func newMachine(t *testing.T, folder string, variables map[string]string) *machine {
	t.Helper()
	m := &machine{
		composition: readCompose(t, filepath.Join(folder, "compose.yaml")), folder: folder, dir: t.TempDir(),
		addresses: map[string]string{}, variables: variables, running: map[string]*process{},
	}
	network := fmt.Sprintf("127.%d.%d", 1+rand.IntN(250), rand.IntN(250)) // others run tests too
	for name := range m.Services {
		m.addresses[name] = fmt.Sprintf("%s.%d", network, 10+len(m.addresses))
	}
	return m
}

// address is that of a service, where it is written as in the files, "login-1:8080".
func (m *machine) address(t *testing.T, hostport string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(hostport)
	if err != nil || m.addresses[host] == "" {
		t.Fatalf("no service at %s", hostport)
	}
	return net.JoinHostPort(m.addresses[host], port)
}

var substitution = regexp.MustCompile(`\$\{([A-Z_]+)(:[?-])?([^}]*)\}`)

// value is a value of the file with the shell's variables in it.
func (m *machine) value(t *testing.T, text string) string {
	t.Helper()
	return substitution.ReplaceAllStringFunc(text, func(found string) string {
		parts := substitution.FindStringSubmatch(found)
		value := m.variables[parts[1]]
		if value == "" && parts[2] == ":?" {
			t.Fatalf("%s: %s", parts[1], parts[3])
		}
		if value == "" && parts[2] == ":-" {
			value = parts[3]
		}
		return value
	})
}

// mounted is the file of the folder that a service has at a path of its container.
func (m *machine) mounted(t *testing.T, name, path string) (file string) {
	t.Helper()
	for _, v := range m.Services[name].Volumes {
		parts := strings.Split(v, ":")
		if parts[1] == path && len(parts) == 3 && parts[2] == "ro" {
			return strings.TrimPrefix(parts[0], "./")
		}
	}
	t.Fatalf("%s has nothing at %s", name, path)
	return ""
}

var imageVariable = regexp.MustCompile(`(?m)^(?:ENV|   ) (TCB_LOGIN_[A-Z]+=[^ \\\n]+)`)

// environ is that of an instance: what the image sets, then what the service does. What listens
// everywhere in a container listens at the service's address.
func (m *machine) environ(t *testing.T, name, settings string) []string {
	t.Helper()
	data, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, found := range imageVariable.FindAllStringSubmatch(string(data), -1) {
		key, value, _ := strings.Cut(found[1], "=")
		env[key] = value
	}
	for key, value := range m.Services[name].Environment {
		env[key] = m.value(t, value)
	}
	for key, value := range env {
		if !strings.HasSuffix(key, "_LISTEN") {
			continue
		}
		if !strings.HasPrefix(value, ":") {
			t.Fatalf("%s of %s is %q", key, name, value)
		}
		env[key] = m.addresses[name] + value
	}
	// The folder is mounted, since a file alone is never another in a container.
	if folder, file := path.Split(env["TCB_LOGIN_SETTINGS"]); file != "settings.yaml" || m.mounted(t, name, path.Clean(folder)) != "settings" {
		t.Errorf("%s: no settings/settings.yaml at %s", name, env["TCB_LOGIN_SETTINGS"])
	}
	env["TCB_LOGIN_SETTINGS"], env["TCB_LOGIN_DATA"] = settings, filepath.Join(m.dir, name)
	environ := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + m.dir, "TMPDIR=" + m.dir}
	for key, value := range env {
		environ = append(environ, key+"="+value)
	}
	return environ
}

// run starts a service's program and waits until it has said something, if anything has to be said.
func (m *machine) run(t *testing.T, name, says, program string, args, environ []string) {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), ended: make(chan error, 1)}
	p.cmd.Dir, p.cmd.Env = m.dir, environ
	reader, writer := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan struct{})
	go func() {
		found := sync.OnceFunc(func() { close(said) })
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			_, _ = p.Write(append(lines.Bytes(), '\n'))
			if strings.Contains(lines.Text(), says) {
				found()
			}
		}
	}()
	go func() {
		p.ended <- p.cmd.Wait()
		_ = writer.Close()
	}()
	m.running[name] = p
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s", name, p.log())
		}
		if m.running[name] == p {
			m.end(t, name, syscall.SIGKILL)
		}
	})
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-said:
	case err := <-p.ended:
		p.ended <- err
		t.Fatalf("%s ended: %v\n%s", name, err, p.log())
	case <-timer.C:
		t.Fatalf("%s has not said %q", name, says)
	}
}

// end stops a service, within the time that the engine would give it.
func (m *machine) end(t *testing.T, name string, with syscall.Signal) {
	t.Helper()
	p := m.running[name]
	delete(m.running, name)
	_ = p.cmd.Process.Signal(with)
	within := m.Services[name].StopGracePeriod
	if within == 0 {
		within = 10 * time.Second // compose's own
	}
	timer := time.AfterFunc(within, func() { _ = p.cmd.Process.Kill() })
	if err := <-p.ended; with == syscall.SIGTERM && (err != nil || !timer.Stop()) {
		t.Errorf("%s: %v after SIGTERM\n%s", name, err, p.log())
	}
}

// redisBinary is what takes Valkey's command lines: one of the machine, or what setup.sh has unpacked.
func redisBinary(t *testing.T) string {
	t.Helper()
	for _, path := range []string{os.Getenv("REDIS_SERVER"), "valkey-server", "redis-server", "../limit/redistest/build/redis-server"} {
		if found, err := exec.LookPath(path); err == nil {
			if found, err = filepath.Abs(found); err == nil {
				return found
			}
		}
	}
	t.Fatal("there is no redis-server: run e2e/setup.sh")
	return ""
}

// start runs the services that come from elsewhere, by their own commands.
func (m *machine) start(t *testing.T, name string) {
	t.Helper()
	command := slices.Clone(m.Services[name].Command)
	switch command[0] {
	case "valkey-server":
		m.run(t, name, "Ready to accept connections", redisBinary(t), append(command[1:], "--bind", m.addresses[name], "--dir", m.dir), nil)
	case "caddy":
		i := slices.Index(command, "--listen") + 1
		command[i] = m.addresses[name] + command[i]
		m.run(t, name, "Server address", caddyBinary(t), command[1:], []string{"HOME=" + m.dir, "XDG_DATA_HOME=" + m.dir, "XDG_CONFIG_HOME=" + m.dir})
	default:
		t.Fatalf("%s runs %q", name, command)
	}
}
