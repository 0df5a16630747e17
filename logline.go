package main

import (
	"context"
	"io"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"tcb-login/plainjson"
)

// A lineHandler writes records as slog's JSON handler does, to the byte, where they hold what ours
// nearly always do: plain words and numbers. That has reflection for a number with a fraction, which
// the line of every request has. Every other record is left to it.
type lineHandler struct {
	slog.Handler // slog's own, to the same writer
	to           io.Writer
}

var lines = sync.Pool{New: func() any { return new([]byte) }}

// Handle implements slog.Handler.
func (h lineHandler) Handle(ctx context.Context, r slog.Record) error {
	buffer := lines.Get().(*[]byte)
	defer lines.Put(buffer)
	line, plain := appendLine((*buffer)[:0], r)
	*buffer = line
	if !plain {
		return h.Handler.Handle(ctx, r)
	}
	_, err := h.to.Write(line)
	return err
}

// appendLine appends a record as a line of JSON. It reports false where there is more to it than words
// and numbers.
func appendLine(b []byte, r slog.Record) (line []byte, plain bool) {
	if r.Time.IsZero() || r.Time.Year() < 0 || r.Time.Year() > 9999 {
		return b, false
	}
	b = append(b, `{"time":"`...)
	b = r.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"`...)
	b = append(b, r.Level.String()...)
	b = append(b, `","msg":`...)
	b, plain = plainjson.Append(b, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if !plain || a.Key == "" {
			plain = false
			return false
		}
		if b, plain = plainjson.Append(append(b, ','), a.Key); !plain {
			return false
		}
		b = append(b, ':')
		switch v := a.Value; v.Kind() {
		case slog.KindString:
			b, plain = plainjson.Append(b, v.String())
		case slog.KindInt64:
			b = strconv.AppendInt(b, v.Int64(), 10)
		case slog.KindFloat64:
			f := v.Float64()
			if size := math.Abs(f); f != 0 && !(size >= 1e-6 && size < 1e21) {
				plain = false // encoding/json writes an exponent, or none of it
			}
			b = strconv.AppendFloat(b, f, 'f', -1, 64)
		default:
			plain = false
		}
		return plain
	})
	return append(b, "}\n"...), plain
}
