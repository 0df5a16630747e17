//go:build unix

package publish

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// own gives a new file the owner and group of another, where they are others.
func own(f *os.File, like fs.FileInfo) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	is, want := info.Sys().(*syscall.Stat_t), like.Sys().(*syscall.Stat_t)
	if is.Uid == want.Uid && is.Gid == want.Gid {
		return nil
	}
	if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
		return fmt.Errorf("it would no longer belong to user %d and group %d, and a server may read it as one of them: do this as that user, or as root: %w", want.Uid, want.Gid, err)
	}
	return nil
}
