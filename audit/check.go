package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// openFile opens a file to add to it. It never waits: a named pipe that nobody reads would keep us for good, and
// all who sign in.
func openFile(path string, how int) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf(`%s is not a regular file: want one, or "stdout"`, path)
	}
	return os.OpenFile(path, how|os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0o600) // whatever has come there since
}

// Check tells whether a log could be opened at path. It does not make the file: whoever checks may be another
// user than the one who has to write it.
func Check(path string) error {
	file, err := openFile(path, 0)
	if err == nil {
		return file.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	trial, err := os.CreateTemp(filepath.Dir(path), ".tcb-login-check-*")
	if err != nil {
		return fmt.Errorf("%s cannot be made: %w", path, err)
	}
	return errors.Join(trial.Close(), os.Remove(trial.Name()))
}
