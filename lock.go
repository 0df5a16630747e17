package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"tcb-login/filelock"
)

// lockFolder makes the data folder and takes it for this process alone: two emulators
// on one database lose each other's settings and codes, and two that make a session key
// at once refuse each other's cookies.
func lockFolder(folder string) (unlock func(), err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	holder, err := filelock.Take(f)
	switch {
	case err == nil:
		return func() { f.Close() }, nil
	case errors.Is(err, filelock.ErrLocked):
		err = fmt.Errorf("another tcb-login (process %s) runs with the data folder %s: stop it, or name another folder with -data ($TCB_LOGIN_DATA)", holder, folder)
	default:
		err = fmt.Errorf("data folder %s: lock: %w", folder, err)
	}
	f.Close()
	return nil, err
}

// folderLock is what a process has of its data folder, whose settings may begin and cease to need it.
type folderLock struct {
	mu     sync.Mutex
	unlock func() // nil: it is not locked
}

// take locks the folder, unless it is.
func (l *folderLock) take(folder string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unlock != nil {
		return nil
	}
	var err error
	l.unlock, err = lockFolder(folder)
	return err
}

func (l *folderLock) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unlock != nil {
		l.unlock()
		l.unlock = nil
	}
}
