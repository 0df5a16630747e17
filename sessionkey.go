package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"tcb-login/config/input"
	"tcb-login/session"
)

// keptKey is the session key of a data folder, which is made there where there is none.
func keptKey(data string) ([]byte, error) {
	path := filepath.Join(data, "session.key")
	written, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		random := make([]byte, session.MinKey)
		rand.Read(random)
		written = []byte(base64.RawURLEncoding.EncodeToString(random))
		err = writeWhole(path, written)
	}
	if err != nil {
		return nil, fmt.Errorf("session key: %w", err)
	}
	key, _ := input.TrimSecret(string(written)) // as an operator's own; an editor may have been at it
	if len(key) < session.MinKey {
		return nil, fmt.Errorf("session key: the file %s has %d bytes of one, fewer than %d: put the key back, or remove the file, and another is made; who is signing in then begins again",
			path, len(key), session.MinKey)
	}
	return []byte(key), nil
}

// writeWhole makes a file that only its owner reads, which is on the disk whole or not there at all: a
// piece of it, as a full disk leaves one, would be taken for it at the next start.
func writeWhole(path string, data []byte) error {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if runtime.GOOS == "windows" { // which has no handles of folders to flush
		return nil
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
