package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// A logBuffer gathers lines and writes them in one piece: a write for each costs more than the line.
// What is in it is written within flushEvery, when there is much, and when it is flushed. It is safe
// for concurrent use, and for a logger that writes each line at once.
type logBuffer struct {
	to io.Writer

	mu    sync.Mutex
	lines bytes.Buffer
	timer *time.Timer // nil while there is nothing
	err   error
}

const (
	flushEvery = 20 * time.Millisecond
	flushAt    = 32 << 10
)

// Write takes lines. An error is that of the lines before.
func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines.Write(line)
	switch {
	case b.lines.Len() >= flushAt:
		b.flush()
	case b.timer == nil:
		b.timer = time.AfterFunc(flushEvery, b.Flush)
	}
	err := b.err
	b.err = nil
	return len(line), err
}

// Flush writes what there is.
func (b *logBuffer) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flush()
}

func (b *logBuffer) flush() {
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	if b.lines.Len() > 0 {
		_, b.err = b.to.Write(b.lines.Bytes())
		b.lines.Reset()
	}
}

// A promptHandler has what is wrong written at once.
type promptHandler struct {
	slog.Handler
	flush func()
}

// Handle implements slog.Handler.
func (h promptHandler) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level > slog.LevelInfo {
		h.flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h promptHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return promptHandler{h.Handler.WithAttrs(attrs), h.flush}
}

// WithGroup implements slog.Handler.
func (h promptHandler) WithGroup(name string) slog.Handler {
	return promptHandler{h.Handler.WithGroup(name), h.flush}
}
