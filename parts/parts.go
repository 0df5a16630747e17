// Package parts writes texts one after another, each with its length before it, so that no two lists of
// texts are the same bytes, and reads them again without a copy.
package parts

import "encoding/binary"

// MaxLength is what the length before a part takes at most, where the part has less than 4 GiB.
const MaxLength = binary.MaxVarintLen32

// Append appends a part.
func Append[T string | []byte](to []byte, part T) []byte {
	return append(binary.AppendUvarint(to, uint64(len(part))), part...)
}

// A Reader takes one part after another. Where there is less than it is asked for it has failed, and what
// it gives from then on is empty.
type Reader struct {
	rest   []byte
	failed bool
}

// NewReader reads b, and gives out parts of it.
func NewReader(b []byte) Reader { return Reader{rest: b} }

// Part is a part, as Append wrote it.
func (r *Reader) Part() []byte { return r.take(r.Uint()) }

// Byte is one byte.
func (r *Reader) Byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint is a number, as binary.AppendUvarint wrote it.
func (r *Reader) Uint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if r.skip(size); r.failed {
		return 0
	}
	return n
}

// Int is a number, as binary.AppendVarint wrote it.
func (r *Reader) Int() int64 {
	n, size := binary.Varint(r.rest)
	if r.skip(size); r.failed {
		return 0
	}
	return n
}

// Fail says that what was read cannot be.
func (r *Reader) Fail() { r.failed = true }

// Failed reports that something was missing, or wrong.
func (r *Reader) Failed() bool { return r.failed }

// Whole reports that nothing was missing, and nothing is left.
func (r *Reader) Whole() bool { return !r.failed && len(r.rest) == 0 }

func (r *Reader) take(n uint64) []byte {
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	part := r.rest[:n:n]
	r.rest = r.rest[n:]
	return part
}

func (r *Reader) skip(size int) {
	if r.failed = r.failed || size <= 0; !r.failed {
		r.rest = r.rest[size:]
	}
}
