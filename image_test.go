package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An instruction is one of a Dockerfile, its continued lines joined.
type instruction struct {
	line int
	name string // in capitals
	rest string
}

// A stage is what one FROM begins.
type stage struct {
	name         string
	instructions []instruction
}

// readDockerfile reads what a Dockerfile may say here. What it does not know is an error: a
// reader that passes something over checks nothing.
func readDockerfile(data []byte) (stages []stage, err error) {
	known := []string{"ARG", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "RUN", "USER", "VOLUME", "WORKDIR"}
	scanner, joined, first := bufio.NewScanner(bytes.NewReader(data)), "", 0
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if strings.HasPrefix(line, "#") || line == "" && joined == "" {
			continue
		}
		if joined == "" {
			first = n
		}
		if part, more := strings.CutSuffix(line, `\`); more {
			joined += part
			continue
		}
		name, rest, _ := strings.Cut(joined+line, " ")
		joined = ""
		switch name, rest = strings.ToUpper(name), strings.TrimSpace(rest); {
		case name == "FROM":
			words := strings.Fields(rest)
			s := stage{}
			if len(words) == 3 && strings.EqualFold(words[1], "as") {
				s.name = words[2]
			} else if len(words) != 1 {
				return nil, fmt.Errorf("line %d: FROM %s", first, rest)
			}
			stages = append(stages, s)
		case !slices.Contains(known, name) || len(stages) == 0 || rest == "":
			return nil, fmt.Errorf("line %d: %s %s", first, name, rest)
		default:
			s := &stages[len(stages)-1]
			s.instructions = append(s.instructions, instruction{first, name, rest})
		}
	}
	if joined != "" {
		return nil, fmt.Errorf("line %d goes on after the end", first)
	}
	return stages, scanner.Err()
}

// all are the rests of the instructions of a name.
func (s stage) all(name string) (rests []string) {
	for _, i := range s.instructions {
		if i.name == name {
			rests = append(rests, i.rest)
		}
	}
	return rests
}

var (
	pair     = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_.]*)(?:=("[^"]*"|[^\s"]*))?\s*`)
	variable = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?`)
)

// pairs are the names and values of an ARG, ENV or LABEL.
func pairs(t *testing.T, rest string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for left := rest; left != ""; {
		m := pair.FindStringSubmatch(left)
		if m == nil {
			t.Fatalf("no NAME=VALUE: %s", left)
		}
		got[m[1]], left = strings.Trim(m[2], `"`), left[len(m[0]):]
	}
	return got
}

// merged are those of all instructions of a name.
func (s stage) merged(t *testing.T, name string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, rest := range s.all(name) {
		maps.Copy(got, pairs(t, rest))
	}
	return got
}

// dockerfile is ours: the stage that builds, and the image.
func dockerfile(t *testing.T) (build, image stage) {
	t.Helper()
	data, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	stages, err := readDockerfile(data)
	if err != nil || len(stages) != 2 || stages[0].name == "" {
		t.Fatalf("%+v, %v", stages, err)
	}
	return stages[0], stages[1]
}

// imageEnvironment is what the image sets.
func imageEnvironment(t *testing.T) map[string]string {
	t.Helper()
	_, image := dockerfile(t)
	return image.merged(t, "ENV")
}

func TestReadDockerfile(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"RUN true", "FROM a\nADD x y", "FROM a b", "FROM a\nRUN", "FROM a\nRUN x \\\n", "FROM a\nRUNNING x"} {
		if got, err := readDockerfile([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

// TestImage: what the image starts is our program, by flags and variables that it has, as nobody in
// particular; and its labels say what was built from which commit.
func TestImage(t *testing.T) {
	t.Parallel()
	build, image := dockerfile(t)
	env := image.merged(t, "ENV")
	for _, name := range []string{"TCB_LOGIN_CONTAINER", "TCB_LOGIN_LISTEN", "TCB_LOGIN_DATA"} {
		if env[name] == "" {
			t.Errorf("the image sets no %s", name)
		}
	}
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	if code, _, stderr := runOnce(t, environ); code != 2 || !strings.Contains(stderr, "nothing to run: name a settings file") {
		t.Errorf("without settings: exit %d, %s", code, stderr)
	}
	var entry, health []string
	if err := json.Unmarshal([]byte(strings.Join(image.all("ENTRYPOINT"), "")), &entry); err != nil || len(entry) == 0 {
		t.Fatalf("ENTRYPOINT: %v, %v", entry, err)
	}
	_, command, _ := strings.Cut(strings.Join(image.all("HEALTHCHECK"), ""), " CMD ")
	if err := json.Unmarshal([]byte(command), &health); err != nil || len(health) != 2 || health[0] != entry[0] || health[1] != "-health" {
		t.Errorf("HEALTHCHECK: %v, %v", health, err)
	}
	for _, args := range [][]string{entry[1:], health[1:]} {
		if _, err := parseFlags(args, lookUp(environ), os.Stderr); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
	if !slices.ContainsFunc(image.all("COPY"), func(rest string) bool { return strings.HasSuffix(rest, " "+entry[0]) }) {
		t.Errorf("nothing copies %s into the image", entry[0])
	}
	if got := image.all("USER"); len(got) != 1 || !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(got[0]) {
		t.Errorf("USER %q, want numbers that are not root's", got)
	}
	if got := strings.Join(image.all("EXPOSE"), " "); got != "8080 8082" || env["TCB_LOGIN_LISTEN"] != ":8080" {
		t.Errorf("EXPOSE %s, the pages at %s", got, env["TCB_LOGIN_LISTEN"])
	}
	labels, args := image.merged(t, "LABEL"), image.merged(t, "ARG")
	for _, name := range []string{"title", "description", "version", "revision", "created", "source"} {
		value := labels["org.opencontainers.image."+name]
		if m := variable.FindStringSubmatch(value); value == "" || m != nil && m[1] != strings.ToUpper(name) {
			t.Errorf("the label %s is %q", name, value)
		}
	}
	for _, s := range []stage{build, image} {
		declared := s.merged(t, "ARG")
		for _, i := range s.instructions {
			for _, m := range variable.FindAllStringSubmatch(i.rest, -1) {
				if _, ok := declared[m[1]]; !ok {
					t.Errorf("line %d: no ARG %s in this stage", i.line, m[1])
				}
			}
		}
	}
	if _, err := os.Stat("LICENSE"); err == nil != (labels["org.opencontainers.image.licenses"] != "") {
		t.Errorf("LICENSE: %v; the label licenses is %q", err, labels["org.opencontainers.image.licenses"])
	}
	if len(args) != 4 {
		t.Errorf("build arguments %v", args)
	}
}

// buildContext copies what .dockerignore leaves for a build.
func buildContext(t *testing.T, to string) {
	t.Helper()
	data, err := os.ReadFile(".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	var anywhere, here []string
	for _, line := range strings.Split(string(data), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "!") {
			t.Fatalf(".dockerignore: %s: this reader knows no exceptions", line)
		}
		if name, deep := strings.CutPrefix(line, "**/"); deep {
			anywhere = append(anywhere, name)
		} else {
			here = append(here, line)
		}
	}
	match := func(patterns []string, name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			ok, err := filepath.Match(p, name)
			return err == nil && ok
		})
	}
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		if match(here, path) || match(anywhere, d.Name()) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		target := filepath.Join(to, path)
		if d.IsDir() {
			return os.Mkdir(target, 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestImageBuilds runs the commands of the Dockerfile, on what it copies of what .dockerignore leaves.
func TestImageBuilds(t *testing.T) {
	t.Parallel()
	build, image := dockerfile(t)
	root := t.TempDir()
	out, src := filepath.Join(root, "out"), filepath.Join(root, "src")
	if err := errors.Join(os.Mkdir(out, 0o755), os.Mkdir(src, 0o755)); err != nil {
		t.Fatal(err)
	}
	buildContext(t, src)
	for _, s := range []stage{build, image} {
		for _, rest := range s.all("COPY") {
			words := strings.Fields(rest)
			from, other := strings.CutPrefix(words[0], "--from=")
			if other && from != build.name {
				t.Errorf("COPY %s: no stage %s", rest, from)
			}
			for _, name := range words[:len(words)-1] {
				if strings.HasPrefix(name, "--") || other && strings.HasPrefix(name, "/etc/") { // of the base image
					continue
				}
				name = strings.TrimPrefix(name, strings.Join(build.all("WORKDIR"), "")+"/")
				if _, err := os.Stat(filepath.Join(src, name)); err != nil && !strings.HasPrefix(name, "/out/") {
					t.Errorf("COPY %s: %v", rest, err)
				}
			}
		}
	}
	const version = "9.8.7-image.1"
	for _, command := range build.all("RUN") {
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", strings.ReplaceAll(command, "/out/", out+"/"))
		cmd.Dir, cmd.Env = src, append(os.Environ(), "VERSION="+version)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("RUN %s: %v\n%s", command, err, said)
		}
	}
	for _, rest := range image.all("COPY") {
		for _, name := range strings.Fields(rest) {
			if inside, ours := strings.CutPrefix(name, "/out/"); ours {
				if _, err := os.Stat(filepath.Join(out, inside)); err != nil {
					t.Errorf("COPY %s: %v", rest, err)
				}
			}
		}
	}
	said, err := exec.CommandContext(t.Context(), filepath.Join(out, "tcb-login"), "-version").Output()
	if err != nil || string(said) != version+"\n" {
		t.Errorf("the program says %q, %v", said, err)
	}
}
