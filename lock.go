package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// errLocked says that another process has the lock.
var errLocked = errors.New("locked")

// lockFolder makes the data folder and takes it for this process alone: two emulators
// on one database lose each other's settings and codes, and two that make a session key
// at once refuse each other's cookies. The kernel lets go of the lock when the process
// ends, however it ends; the file stays, since removing it would let two in.
func lockFolder(folder string) (unlock func(), err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := lockFile(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("data folder %s: lock: %w", folder, err)
		}
		who, _ := io.ReadAll(io.LimitReader(f, 20))
		return nil, fmt.Errorf("another tcb-login (process %s) runs with the data folder %s: stop it, or name another folder with -data ($TCB_LOGIN_DATA)",
			strings.TrimSpace(string(who)), folder)
	}
	// Only for people to read, so that a failure says nothing.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return func() { f.Close() }, nil
}
