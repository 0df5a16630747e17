package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"
)

// TestLineHandler: lines are those of slog's own handler, and those of a request are not left to it.
func TestLineHandler(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 9, 8, 7, 6543000, time.FixedZone("", 8*3600))
	for _, tt := range []struct {
		name    string
		at      time.Time
		level   slog.Level
		message string
		attrs   []slog.Attr
		plain   bool
	}{
		{"a request", at, slog.LevelInfo, "request", []slog.Attr{slog.String("route", "/__auth/"), slog.Int("status", 200), slog.Float64("took_ms", 1.027)}, true},
		{"of no attributes", at, slog.LevelError, "it's over", nil, true},
		{"numbers", at, slog.LevelDebug - 1, "n", []slog.Attr{slog.Float64("a", 0), slog.Float64("b", math.Copysign(0, -1)), slog.Float64("c", 1e-6), slog.Float64("d", 1e20), slog.Int64("e", math.MinInt64)}, true},
		{"small", at, slog.LevelInfo, "n", []slog.Attr{slog.Float64("a", 1e-7)}, false},
		{"large", at, slog.LevelInfo, "n", []slog.Attr{slog.Float64("a", -1e21)}, false},
		{"no number", at, slog.LevelInfo, "n", []slog.Attr{slog.Float64("a", math.NaN())}, false},
		{"a quote", at, slog.LevelInfo, "m", []slog.Attr{slog.String("a", `"`)}, false},
		{"a quote in a key", at, slog.LevelInfo, "m", []slog.Attr{slog.Int(`"`, 1)}, false},
		{"a backslash in the message", at, slog.LevelInfo, `\`, []slog.Attr{slog.Int("a", 1)}, false},
		{"two lines", at, slog.LevelInfo, "m", []slog.Attr{slog.String("a", "x\ny")}, false},
		{"delete", at, slog.LevelInfo, "m", []slog.Attr{slog.String("a", "\x7f")}, false},
		{"Chinese", at, slog.LevelInfo, "m", []slog.Attr{slog.String("a", "登录")}, false},
		{"no text", at, slog.LevelInfo, "m", []slog.Attr{slog.String("a", "\xff\u2028")}, false},
		{"an error", at, slog.LevelInfo, "m", []slog.Attr{slog.Any("a", errors.New("x"))}, false},
		{"a time", at, slog.LevelInfo, "m", []slog.Attr{slog.Time("a", at), slog.Duration("b", time.Second), slog.Bool("c", true), slog.Uint64("d", 1)}, false},
		{"a group", at, slog.LevelInfo, "m", []slog.Attr{slog.Group("g", slog.Int("a", 1)), slog.Group("", slog.Int("a", 1)), slog.Group("e")}, false},
		{"nothing", at, slog.LevelInfo, "m", []slog.Attr{{}}, false},
		{"no time", time.Time{}, slog.LevelInfo, "m", nil, false},
		{"the year 10000", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), slog.LevelInfo, "m", nil, false},
	} {
		r := slog.NewRecord(tt.at, tt.level, tt.message, 0)
		r.AddAttrs(tt.attrs...)
		sameLine(t, r)
		if _, plain := appendLine(nil, r); plain != tt.plain {
			t.Errorf("%s: plain is %t", tt.name, plain)
		}
	}
	var to bytes.Buffer
	log := slog.New(lineHandler{slog.NewJSONHandler(&to, nil), &to})
	log.With("a", 1).WithGroup("g").Info("m", "b", 2)
	log.Debug("not written")
	if got := to.String(); !strings.HasSuffix(got, `"msg":"m","a":1,"g":{"b":2}}`+"\n") || strings.Count(got, "\n") != 1 {
		t.Errorf("with attributes of its own it writes %s", got)
	}
}

// sameLine wants of a record what slog's own handler writes.
func sameLine(t *testing.T, r slog.Record) {
	t.Helper()
	var got, want bytes.Buffer
	own := slog.NewJSONHandler(&want, nil)
	wantErr := own.Handle(context.Background(), r)
	gotErr := lineHandler{slog.NewJSONHandler(&got, nil), &got}.Handle(context.Background(), r)
	if got.String() != want.String() || (gotErr == nil) != (wantErr == nil) {
		t.Errorf("it writes %s(%v), slog %s(%v)", got.String(), gotErr, want.String(), wantErr)
	}
}

func FuzzLineHandler(f *testing.F) {
	f.Add("request", "route", "/__auth/", "took_ms", 1.5, int64(200), int64(0), 0)
	f.Add("a\"b", "k\\", "\u2028\xff<&>", "", 1e-7, int64(-1), int64(-62135596801), 4)
	f.Fuzz(func(t *testing.T, message, key, text, other string, f float64, n, seconds int64, level int) {
		r := slog.NewRecord(time.Unix(seconds, n&0xffff), slog.Level(level), message, 0)
		r.AddAttrs(slog.String(key, text), slog.Float64(other, f), slog.Int64("n", n), slog.String("last", other))
		sameLine(t, r)
	})
}
