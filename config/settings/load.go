package settings

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"tcb-login/config/input"
)

// A Launch is how the program is started, as far as its settings depend on that.
type Launch struct {
	Env      func(name string) (string, bool) // looks up an environment variable, as [os.LookupEnv] does
	Listen   string                           // goes before listen of the settings; empty: that one
	Emulator bool                             // the emulator stands in for TCB, in every environment
	// NoSecrets says that secrets are neither needed nor looked up: there is none in what is read,
	// and none is missed.
	NoSecrets bool
	AuditKeys bool                  // those of the audit log are looked up all the same
	Named     func(variable string) // hears of every variable that an env: names; nil: nobody
	Now       func() time.Time      // the clock; nil: time.Now
}

func (l Launch) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

// Load reads the settings in the file at path as far as they can be read, whatever is wrong with
// the rest: they are valid only if there are no errors among the problems.
func Load(path string, launch Launch) (*Settings, input.Problems) {
	data, err := readFile(path, maxSettingsSize)
	if err != nil {
		return defaults(), input.Problems{{File: path, Severity: input.SeverityError, Message: "cannot be read: " + err.Error()}}
	}
	return Parse(path, data, launch)
}

// Parse is [Load] for what was read already. Name stands in the problems, and its folder is where
// relative file names in the settings start.
func Parse(name string, data []byte, launch Launch) (*Settings, input.Problems) {
	p := &parser{file: name, launch: launch, settings: defaults()}
	if p.parse(data) {
		p.rules()
	}
	for _, check := range p.last {
		check()
	}
	p.problems.Sort()
	return p.settings, p.problems
}

// Listener reads only where the program listens, for who asks whether it does: what else is wrong
// with the settings, or came to be since the start, does not matter. What cannot be read has its
// default, and everything has where there is no path.
func Listener(path string, launch Launch) (address, basePath string) {
	data, _ := readFile(path, maxSettingsSize)
	s, _ := Parse(path, data, launch)
	return s.Listen, s.BasePath
}

// LaunchDemo is [Demo] as the program is started. Beyond loopback it is a warning only: whoever
// asked for it in a container cannot reach it otherwise.
func LaunchDemo(launch Launch) (*Settings, input.Problems) {
	s := Demo()
	if launch.Listen == "" {
		return s, nil
	}
	s.Listen = launch.Listen
	if !isPublic(s.Listen) {
		return s, nil
	}
	return s, input.Problems{{File: "-listen ($TCB_LOGIN_LISTEN)", Severity: input.SeverityWarning, Message: input.Quote(s.Listen) +
		" is open to other machines, and everybody knows the demo's user and password; its pages answer 127.0.0.1, localhost and [::1] alone"}}
}

// readFile reads a plain file of at most limit bytes. Its errors do not repeat the path.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return nil, err
	}
	// A pipe or a device would keep us waiting, or never end.
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return nil, err
	}
	defer f.Close()
	return input.ReadLimited(f, limit)
}
