package settings

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
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
	var s string
	if !p.text(name, n, &s, nil) {
		return Secret{}, false
	}
	variable, isVariable := strings.CutPrefix(s, "env:")
	if isVariable && p.launch.Named != nil {
		p.launch.Named(variable)
	}
	if p.launch.NoSecrets {
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
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(p.file), path)
		}
		data, err := readFile(path, maxSecretSize)
		if err != nil {
			p.errorf(n, "%s: the file %q cannot be read: %v", name, path, err)
			return Secret{}, false
		}
		where, value = fmt.Sprintf("the file %q", path), string(data)
	}
	value, invisible := input.TrimSecret(value)
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
