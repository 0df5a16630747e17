package parts

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

// TestReader reads what was written, and fails at every place where it was cut off.
func TestReader(t *testing.T) {
	t.Parallel()
	written := Append([]byte{7}, "text")
	written = Append(written, []byte(nil))
	written = binary.AppendUvarint(written, math.MaxUint64)
	written = binary.AppendVarint(written, math.MinInt64)
	written = Append(written, bytes.Repeat([]byte("x"), 300))
	read := func(b []byte) (r Reader, same bool) {
		r = NewReader(b)
		same = r.Byte() == 7
		same = string(r.Part()) == "text" && same
		same = len(r.Part()) == 0 && same
		same = r.Uint() == math.MaxUint64 && same
		same = r.Int() == math.MinInt64 && same
		return r, len(r.Part()) == 300 && same
	}
	if r, same := read(written); !same || !r.Whole() {
		t.Error("it does not read what was written")
	}
	for i := range written {
		if r, _ := read(written[:i]); !r.Failed() || r.Whole() {
			t.Errorf("it reads %d bytes of %d", i, len(written))
		}
	}
	if r, same := read(append(written, 0)); !same || r.Failed() || r.Whole() {
		t.Error("what is left over is not told from nothing")
	}
}

// TestReaderFailed: nothing is given after something was missing, however much there is.
func TestReaderFailed(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*Reader){
		"a part that is longer than all": func(r *Reader) { r.Part() },
		"somebody's word":                (*Reader).Fail,
	} {
		r := NewReader([]byte{100, 1, 1, 1, 1})
		if fail(&r); r.Byte() != 0 || r.Part() != nil || r.Uint() != 0 || r.Int() != 0 || r.Whole() {
			t.Errorf("%s: it goes on", name)
		}
	}
	endless := bytes.Repeat([]byte{0xff}, 20)
	if r := NewReader(endless); r.Uint() != 0 || !r.Failed() {
		t.Error("a number without an end is one")
	}
}

// TestParts: a part that is given out is not written beyond its end.
func TestParts(t *testing.T) {
	t.Parallel()
	written := Append(Append(nil, "one"), "two")
	r := NewReader(written)
	_ = append(r.Part(), "xxx"...)
	if string(r.Part()) != "two" {
		t.Error("appending to a part changes the next one")
	}
}
