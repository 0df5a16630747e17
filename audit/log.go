// Package audit writes what an operator may have to show later: who came in, who was refused, what of
// an account changed. One JSON object a line, by the schema in schema.json, into a file of its own or
// to the standard output.
//
// No line names anybody. A person is a hash under a key of the log's own (HMAC-SHA-256): whoever has
// the key finds the lines of somebody whom they know (`tcb-login audit id`), and whoever has the file
// alone finds out of no line whom it is about, though there are only so many telephone numbers.
// Network addresses stand as they are, since China's law wants them kept (Cybersecurity Law, article
// 21, six months at least); so the file is personal data all the same.
//
// A line is on its way to the disk before the answer leaves. One that cannot be written stops nobody
// from signing in: it is counted, and said at /readyz. The program's own log says when losing begins
// and when it ends.
//
// What the program itself does, and what breaks, is none of this: that is slog's.
package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"tcb-login/identifier"
	"tcb-login/limit"
)

// Schema is the JSON Schema of a line.
//
//go:embed schema.json
var Schema []byte

// MinKey is the least length of a key, in bytes.
const MinKey = 32

// A Key makes the hashes, and each line names the one it was made under.
type Key struct {
	ID    string
	Bytes []byte
}

// Config is where to write, and under which key.
type Config struct {
	Path   string    // a file; or
	Writer io.Writer // something that is open
	Key    Key
	Now    func() time.Time // time.Now when nil
	Logger *slog.Logger     // hears that lines are lost; nil: nobody
}

// Log is one that is open. A nil one takes everything and writes nothing.
type Log struct {
	keyID string
	now   func() time.Time

	mu   sync.Mutex
	hash *hasher
	line line   // the last one
	text []byte // of it
	path string
	file *os.File
	info os.FileInfo // of file
	to   io.Writer
	torn bool  // what is there does not end with a line's end
	err  error // of the last line
	lost uint64

	log   *slog.Logger
	since uint64 // what lost was when the last line went well
}

// Open opens or makes the file, which nobody else may read.
func Open(cfg Config) (*Log, error) {
	if len(cfg.Key.Bytes) < MinKey || cfg.Key.ID == "" {
		return nil, errors.New("audit: the key is too short, or has no name")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{keyID: cfg.Key.ID, hash: cfg.Key.hasher(), now: cfg.Now, path: cfg.Path, to: cfg.Writer, log: cfg.Logger}
	if cfg.Path == "" {
		return l, nil
	}
	return l, l.open()
}

func (l *Log) open() error {
	file, err := openFile(l.path, os.O_CREATE)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return fmt.Errorf("audit: %w", err)
	}
	l.file, l.info, l.to = file, info, file
	l.torn = tornAt(l.path, info.Size())
	return nil
}

// tornAt reports whether a file's last line is a piece, as a full disk or a crash leaves it. A file
// that cannot be read counts as whole.
func tornAt(path string, size int64) bool {
	if size == 0 {
		return false
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	var last [1]byte
	_, err = file.ReadAt(last[:], size-1)
	return err == nil && last[0] != '\n'
}

// Close ends it.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.letGo()
}

// letGo closes the file. The next line opens it anew.
func (l *Log) letGo() error {
	if l.file == nil {
		return nil
	}
	file := l.file
	l.file = nil
	return file.Close()
}

// follow opens the file anew where somebody has moved it away, as log rotation does.
func (l *Log) follow() error {
	if l.path == "" {
		return nil
	}
	there, err := os.Stat(l.path)
	if err == nil && l.file != nil && os.SameFile(there, l.info) {
		return nil
	}
	_ = l.letGo() // it is somebody else's now
	return l.open()
}

// Write writes an event.
func (l *Log) Write(e Event) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = l.lineOf(e)
	text, err := l.line.append(append(l.text[:0], '\n'))
	if l.text = text; err == nil {
		err = l.follow()
	}
	if err == nil {
		err = l.put(text)
	}
	l.tell(err)
}

// put writes a line, which text has with a line's end before it: that goes with it where what is
// there is torn, so that no piece takes a whole line with it.
func (l *Log) put(text []byte) error {
	if !l.torn {
		text = text[1:]
	}
	n, err := l.to.Write(text) // whole lines, which O_APPEND keeps apart
	if err == nil {
		l.torn = false
		return nil
	}
	if n > 0 {
		l.torn = text[n-1] != '\n'
	}
	_ = l.letGo() // it may be no file any more, as one of a network that was deleted
	return err
}

// tell counts a line that was lost, and has the program's log know when that begins and ends: each
// line of it would fill the same disk.
func (l *Log) tell(err error) {
	switch {
	case err != nil:
		if l.lost++; l.err == nil {
			l.log.Error("audit log: lines are lost", "error", err.Error())
		}
	case l.err != nil:
		l.log.Warn("audit log: lines are written again", "lost", l.lost-l.since)
	}
	if l.err = err; err == nil {
		l.since = l.lost
	}
}

func (l *Log) lineOf(e Event) line {
	return line{
		V: Version, Time: l.now().UTC().Truncate(time.Millisecond), Event: e.Name, Outcome: e.Outcome, Reason: e.Reason, Code: e.Code,
		Method: e.Method, Provider: e.Provider, What: e.What, Flow: e.Flow, Calling: e.Calling, Rule: e.Rule, Texts: e.Texts,
		EnvID: e.EnvID, ClientID: e.ClientID, ConfigVersion: e.ConfigVersion,
		KeyID: l.keyID, Person: l.hash.person(e.EnvID, e.Sub), Identifier: l.hash.identifier(e.EnvID, e.Identifier),
		Session: l.hash.of("session", e.Session), Address: e.Address, RequestID: e.RequestID, TraceID: e.TraceID,
	}
}

// Lost is how many lines could not be written, and why the last one could not; nil once lines are
// written again.
func (l *Log) Lost() (n uint64, err error) {
	if l == nil {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost, l.err
}

// Person is what stands for an account of an environment.
func (k Key) Person(env, sub string) string { return k.hasher().person(env, sub) }

// Identifier is what stands for a username, number or address that somebody typed, in whichever way
// of writing it.
func (k Key) Identifier(env, typed string) string { return k.hasher().identifier(env, typed) }

// A hasher makes the hashes of a key, one after another.
type hasher struct {
	mac  hash.Hash
	text []byte // of the last one
	sum  []byte
}

func (k Key) hasher() *hasher { return &hasher{mac: hmac.New(sha256.New, k.Bytes)} }

func (h *hasher) person(env, sub string) string {
	if sub == "" {
		return ""
	}
	return h.of("person", env, sub)
}

func (h *hasher) identifier(env, typed string) string {
	if strings.TrimSpace(typed) == "" {
		return ""
	}
	return h.of("identifier", env, limit.NormalizeIdentifier(identifier.Names(typed)[0]))
}

// of is half of the digest: nobody makes two of these alike, and it is read by people.
func (h *hasher) of(what string, parts ...string) string {
	if len(parts) == 1 && parts[0] == "" {
		return ""
	}
	h.text = limit.AppendKey(limit.AppendKey(h.text[:0], "tcb-login audit", what), parts...)
	h.mac.Reset()
	h.mac.Write(h.text)
	h.sum = h.mac.Sum(h.sum[:0])
	return hex.EncodeToString(h.sum[:16])
}
