package input

import (
	"errors"
	"io/fs"
)

// PlainError is an error about a file without its path, which a [Problem] names already.
func PlainError(err error) error {
	pe, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return err
	}
	// os does not export this one.
	if pe.Err.Error() == "path escapes from parent" {
		return errors.New("a link leads out of the tree")
	}
	return pe.Err
}
