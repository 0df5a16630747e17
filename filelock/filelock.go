// Package filelock lets one process at a time do what must not be done twice at once. The kernel
// lets go of a lock when its process ends, however it ends. The file that is locked stays, since
// removing it would let two in.
package filelock

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
)

// ErrLocked says that another process has the lock.
var ErrLocked = errors.New("locked")

// Take locks an open file until it is closed, and writes the process into it for people to read. If
// another has it the error is [ErrLocked], and holder is what that one wrote.
func Take(f *os.File) (holder string, err error) {
	if err := lockFile(f); err != nil {
		if !errors.Is(err, ErrLocked) {
			return "", err
		}
		who, _ := io.ReadAll(io.LimitReader(f, 20))
		return strings.TrimSpace(string(who)), err
	}
	// Only for people to read, so that a failure says nothing.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return "", nil
}
