package limit

import (
	"bytes"
	"strconv"
	"testing"
	"time"
)

// held is what all values and their keys take.
func (v *values) held() (size int) {
	for key, had := range v.by {
		size += len(key) + len(had.bytes)
	}
	return size
}

// TestValues: a value is found until its time is over, as it was put last, and never after.
func TestValues(t *testing.T) {
	t.Parallel()
	m, clock := newTest(0)
	want := func(key, value string) {
		t.Helper()
		if got, ok := m.Get(t.Context(), key); ok != (value != "") || string(got) != value {
			t.Errorf("%s is %q, %t, want %q", key, got, ok, value)
		}
	}
	put := func(key, value string, ttl time.Duration) {
		own := []byte(value)
		m.Put(t.Context(), key, own, ttl)
		clear(own) // whose it is may use it again
	}
	put("a", "one", time.Minute)
	put("b", "two", time.Hour)
	want("a", "one")
	put("a", "three", 2*time.Minute)
	want("a", "three")
	clock.advance(time.Minute)
	want("a", "three")
	m.Remove(t.Context(), "b")
	want("b", "")
	clock.advance(time.Minute)
	want("a", "")
	put("c", "four", time.Minute) // and in passing what is over goes
	if len(m.values.by) != 1 || len(m.values.order) != 1 || m.values.size != m.values.held() {
		t.Errorf("%d values, %d in order, %d bytes, want one and its %d", len(m.values.by), len(m.values.order), m.values.size, m.values.held())
	}
}

// TestValuesBound: whatever is put, all of them take no more than they may, and the newest stay.
func TestValuesBound(t *testing.T) {
	t.Parallel()
	m, _ := newTest(0)
	big := bytes.Repeat([]byte("x"), maxValueBytes/16)
	key := func(i int) string {
		if i < 32 {
			return strconv.Itoa(i % 12) // takes the place of one that is there
		}
		return strconv.Itoa(i)
	}
	for i := range 64 {
		m.Put(t.Context(), key(i), big, time.Hour)
		if held := m.values.held(); held > maxValueBytes || held != m.values.size {
			t.Fatalf("after %d, %d bytes are held, and %d are counted, of %d", i+1, held, m.values.size, maxValueBytes)
		}
		for back := range min(i+1, 10) {
			if _, ok := m.Get(t.Context(), key(i-back)); !ok {
				t.Fatalf("of %d the one %d before the last is gone", i+1, back)
			}
		}
	}
}
