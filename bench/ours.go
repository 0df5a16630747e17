package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const keyVariable, auditKeyVariable = "TCB_LOGIN_KEY", "TCB_LOGIN_AUDIT_KEY"

// setup is what a run of ours has different.
type setup struct {
	timeout time.Duration // backend_timeout
	trees   []string      // folders of login configs, each an environment's; none: the built-in page
}

func (b *bench) settings() setup { return setup{timeout: 10 * time.Second} }

// yaml is the settings file: what a site has, but for the limits, which must not be met.
func (s setup) yaml(addr, backend string) string {
	var y strings.Builder
	fmt.Fprintf(&y, "listen: %s\npublic_origins: [\"http://%s\"]\ntrusted_proxies: [\"127.0.0.1\"]\n", addr, addr)
	fmt.Fprintf(&y, "session: {keys: [\"env:%s\"]}\nbackend_timeout: %s\nrefusal_floor: 1ms\n", keyVariable, s.timeout)
	fmt.Fprintf(&y, "audit: {to: audit.jsonl, keys: [{id: bench, key: \"env:%s\"}]}\n", auditKeyVariable)
	y.WriteString("environments:\n")
	for i := range max(1, len(s.trees)) {
		id := benchEnv
		if i > 0 {
			id += "-" + strconv.Itoa(i)
		}
		fmt.Fprintf(&y, "  - id: %s\n    region: ap-shanghai\n    endpoint: %s\n    default_redirect_uri: http://%s/\n", id, backend, addr)
		fmt.Fprintf(&y, "    clients: [{id: %s}]\n    limits: {sms_per_number: 64, emails_per_address: 64, sms_per_hour: 1000000}\n", id)
		if len(s.trees) > 0 {
			fmt.Fprintf(&y, "    login_configs: %s\n", s.trees[i])
		}
	}
	return y.String()
}

// build makes the program, and the bare one, as "make build" does.
func (b *bench) build(ctx context.Context) error {
	b.say("building")
	b.program, b.bare = filepath.Join(b.dir, "tcb-login"), filepath.Join(b.dir, "bare")
	for file, path := range map[string]string{b.program: "tcb-login", b.bare: "tcb-login/bench/bare"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, path)
		tie(cmd)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	return nil
}

// prepareOurs writes the settings of a run.
func (b *bench) prepareOurs(name string, s setup) (addr, file string, err error) {
	if addr, err = freeAddress(); err != nil {
		return "", "", err
	}
	file = filepath.Join(b.dir, name+".yaml")
	return addr, file, os.WriteFile(file, []byte(s.yaml(addr, b.stub.origin())), 0o600)
}

func (b *bench) launchOurs(name, addr, file string) (*child, error) {
	return b.launch(name, addr, b.program, "-settings", file, "-data", filepath.Join(b.dir, "data"))
}

func (b *bench) startOurs(ctx context.Context, name string, s setup) (*child, error) {
	addr, file, err := b.prepareOurs(name, s)
	if err != nil {
		return nil, err
	}
	c, err := b.launchOurs(name, addr, file)
	if err != nil {
		return nil, err
	}
	return c, c.await(ctx)
}

func (b *bench) startTwin(ctx context.Context) (*child, error) {
	addr, file, err := b.prepareOurs("twin", b.settings())
	if err != nil {
		return nil, err
	}
	c, err := b.launch("twin", addr, b.self, "twin", "-settings", file)
	if err != nil {
		return nil, err
	}
	return c, c.await(ctx)
}

func (b *bench) startStub(ctx context.Context) error {
	addr, err := freeAddress()
	if err != nil {
		return err
	}
	if b.stub, err = b.launch("stub", addr, b.self, "stub", "-listen", addr); err != nil {
		return err
	}
	return b.stub.await(ctx)
}
