package settings

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"tcb-login/config/input"
	"tcb-login/pattern"
)

// A Secret is a value that must not be printed. All the usual ways of printing show that there is
// one and nothing else; only Reveal gives it away. The zero value is no secret.
type Secret struct {
	// A pointer, since fmt looks into unexported fields of others without asking String: what it
	// finds there is an address.
	value *string
}

// NewSecret wraps a value. An empty one is no secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal returns the value itself, "" when there is none.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether there is a value.
func (s Secret) IsSet() bool { return s.value != nil }

// Equal compares the values, in a time that does not tell where they differ.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// String is "[redacted]", or "" when there is nothing to redact.
func (s Secret) String() string {
	if s.value == nil {
		return ""
	}
	return "[redacted]"
}

// GoString is what %#v prints.
func (s Secret) GoString() string { return fmt.Sprintf("settings.Secret(%q)", s.String()) }

// MarshalText is what encoding/json and others write.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is what slog writes.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

var envName = pattern.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secret reads a secret: "env:NAME" is an environment variable, "file:PATH" a file's content,
// anything else the secret itself, each without what stands around it by accident. No message
// repeats a value.
func (p *parser) secret(name string, n *yaml.Node) (Secret, bool) {
	return p.secretIf(!p.launch.NoSecrets, name, n)
}

// secretIf is secret where it is wanted at all.
func (p *parser) secretIf(wanted bool, name string, n *yaml.Node) (Secret, bool) {
	var s string
	if !p.text(name, n, &s, nil) {
		return Secret{}, false
	}
	variable, isVariable := strings.CutPrefix(s, "env:")
	if isVariable && p.launch.Named != nil {
		p.launch.Named(variable)
	}
	if !wanted {
		return Secret{}, false
	}
	where, value := "it", s
	if isVariable {
		if !envName.MatchString(variable) {
			p.errorf(n, "%s: env: must be followed by the name of an environment variable", name)
			return Secret{}, false
		}
		var ok bool
		if value, ok = p.launch.Env(variable); !ok || value == "" {
			p.errorf(n, "%s: the environment variable %s is not set", name, variable)
			return Secret{}, false
		}
		where = "the environment variable " + variable
	} else if path, ok := strings.CutPrefix(s, "file:"); ok {
		path = p.beside(path)
		data, err := readFile(path, maxSecretSize)
		if err != nil {
			p.errorf(n, "%s: the file %q cannot be read: %v", name, path, err)
			return Secret{}, false
		}
		where, value = fmt.Sprintf("the file %q", path), string(data)
	}
	value, invisible := input.TrimSecret(value)
	if where == "it" {
		if mistake := p.meant(value); mistake != "" {
			p.errorf(n, "%s: %s; a secret that does look so must come by env: or file:", name, mistake)
			return Secret{}, false
		}
	}
	if value == "" && s != "" {
		p.errorf(n, "%s: %s is empty", name, where)
		return Secret{}, false
	}
	if invisible != "" {
		p.warnf(n, "%s: %s begins or ends with an invisible character, %s, which is taken for a part of the secret",
			name, where, invisible)
	}
	return NewSecret(value), true
}

var (
	// otherSource is env: or file: with other capitals or blanks.
	otherSource = pattern.New(`^(?i:env|file)\s*:`)
	onTheWay    = pattern.New(`^(?:\.\.?|~)?/|^[A-Za-z]:[\\/]`)
)

// meant says what a secret that stands in the settings themselves is more likely meant to be: where
// the secret is to come from. Taken for the secret itself it would do its work, and whoever reads
// the settings, or guesses them, would have it.
func (p *parser) meant(value string) string {
	switch {
	case strings.HasPrefix(value, "$"):
		return "it begins with $, and nothing is put in the place of a variable here; want env:NAME"
	case otherSource.MatchString(value):
		return "want env:NAME or file:PATH, in small letters and without blanks"
	case onTheWay.MatchString(value) && !isRandom(value), p.isFile(value):
		return "it looks like the path of a file; want file:PATH"
	}
	return ""
}

// isRandom reports whether a value that begins as a path does is what openssl rand -base64 makes: one
// of 64 of those begins with a slash.
func isRandom(value string) bool {
	_, err := base64.StdEncoding.DecodeString(value)
	return err == nil && strings.ContainsAny(value, "0123456789") && value != strings.ToLower(value) && value != strings.ToUpper(value)
}

// isFile reports whether there is such a file, from the settings' folder on as with file:.
func (p *parser) isFile(value string) bool {
	info, err := os.Stat(p.beside(value))
	return value != "" && err == nil && info.Mode().IsRegular()
}

// beside is a path in the settings, which begins at their folder.
func (p *parser) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(p.file), path)
}
