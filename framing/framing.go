// Package framing refuses HTTP/1 requests whose bytes can be read in more than
// one way. Where a proxy and we find different ends of a request, somebody's
// next request begins with what an attacker wrote (request smuggling, RFC 9112
// §11.2), so what is ambiguous is not read at all, and nothing after it.
//
// Scanner judges bytes and knows no server. Listener puts one before every
// connection of a server: a parser that has already read a request can no
// longer tell how its lines ended. What requests mean is not for this package.
package framing

import (
	"bytes"
	"strings"
)

// Error is why a request is refused: one of a few texts, with nothing of the request in it.
type Error string

func (e Error) Error() string { return "framing: " + string(e) }

// What is refused, although parsers are known that take it.
const (
	ErrLineEnd          Error = "a line that does not end in CRLF"
	ErrControl          Error = "a control character"
	ErrLine             Error = "a line without end"
	ErrRequestLine      Error = "a malformed request line"
	ErrFold             Error = "a folded header line"
	ErrName             Error = "a malformed header name"
	ErrHost             Error = "no Host, two, or another than the address"
	ErrContentLength    Error = "a malformed or repeated Content-Length"
	ErrTransferEncoding Error = "a Transfer-Encoding other than one chunked"
	ErrBoth             Error = "Content-Length beside Transfer-Encoding"
	ErrChunk            Error = "a malformed chunk"
	ErrTrailer          Error = "a trailer"
)

// maxLine bounds what is kept of a line that has not ended yet; servers bound
// the whole head, and lower.
const maxLine = 64 << 10

// where a Scanner is.
type state int

const (
	atStart state = iota
	inHead
	inBody
	atChunkSize
	inChunk
	afterChunk
	afterLastChunk
)

// Scanner follows the requests of one connection. Its zero value is at the start.
type Scanner struct {
	state state
	line  []byte // as much as has arrived of one that has not ended
	left  int64  // of the body or chunk
	ended []byte // as much as has arrived of the CRLF after a chunk
	head  head
}

// head is what is known of the request under way.
type head struct {
	version11 bool
	authority []byte // of a target in absolute form
	host      []byte
	hosts     int
	length    int64
	lengths   int
	chunked   bool
	language  []byte
}

// Scan reads the next bytes of the connection. When they are no good it returns
// how many may still be passed on: never the one that would end a refused head,
// chunk or line. A Scanner that has refused something must not be used again.
func (s *Scanner) Scan(p []byte) (int, error) {
	for n := 0; n < len(p); {
		used, err := s.step(p[n:])
		n += used
		if err != nil {
			return n, err
		}
	}
	return len(p), nil
}

// Between tells that all requests so far are whole: nothing has arrived of another.
func (s *Scanner) Between() bool { return s.state == atStart && len(s.line) == 0 }

// Language is the Accept-Language of the request under way, for the page that refuses it.
func (s *Scanner) Language() string { return string(s.head.language) }

func (s *Scanner) step(p []byte) (int, error) {
	switch s.state {
	case inBody, inChunk:
		return s.skip(p), nil
	case afterChunk:
		if want := "\r\n"[len(s.ended)]; p[0] != want {
			return 0, ErrChunk
		}
		if s.ended = append(s.ended, p[0]); len(s.ended) == 2 {
			s.state, s.ended = atChunkSize, s.ended[:0]
		}
		return 1, nil
	}
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		if len(s.line)+len(p) > maxLine {
			return 0, ErrLine
		}
		s.line = append(s.line, p...)
		return len(p), nil
	}
	line := p[:end]
	if len(s.line) > 0 {
		s.line = append(s.line, line...)
		line = s.line
	}
	if err := s.readLine(line); err != nil {
		return end, err
	}
	s.line = s.line[:0]
	return end + 1, nil
}

// skip passes over a body's bytes, which may be any.
func (s *Scanner) skip(p []byte) int {
	n := min(s.left, int64(len(p)))
	if s.left -= n; s.left == 0 {
		if s.state == inChunk {
			s.state = afterChunk
		} else {
			s.state = atStart
		}
	}
	return int(n)
}

func (s *Scanner) readLine(line []byte) error {
	line, ok := bytes.CutSuffix(line, []byte("\r"))
	if !ok {
		return ErrLineEnd
	}
	for _, c := range line {
		if controlBytes[c] {
			return ErrControl
		}
	}
	switch s.state {
	case atStart:
		if len(line) == 0 {
			return nil // RFC 9112 §2.2: some clients send one too many after a body
		}
		return s.readRequestLine(line)
	case inHead:
		if len(line) == 0 {
			return s.endHead()
		}
		return s.head.readField(line)
	case atChunkSize:
		size, ok := number(string(line), 16, 15)
		switch {
		case !ok: // an extension too: nobody sends one, and parsers differ over them
			return ErrChunk
		case size == 0:
			s.state = afterLastChunk
		default:
			s.state, s.left = inChunk, size
		}
		return nil
	default: // after the last chunk
		if len(line) > 0 {
			return ErrTrailer
		}
		s.state = atStart
		return nil
	}
}

func (s *Scanner) readRequestLine(line []byte) error {
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, ok := bytes.Cut(rest, []byte(" "))
	version11 := string(version) == "HTTP/1.1"
	if !ok || !isToken(method) || len(target) == 0 || bytes.IndexByte(target, '\t') >= 0 ||
		!version11 && string(version) != "HTTP/1.0" {
		return ErrRequestLine
	}
	s.state = inHead
	s.head = head{version11: version11, host: s.head.host[:0], language: s.head.language[:0]}
	if scheme, rest, ok := bytes.Cut(target, []byte("://")); ok && isToken(scheme) {
		if i := bytes.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i]
		}
		if len(rest) == 0 {
			return ErrRequestLine
		}
		s.head.authority = bytes.Clone(rest)
	}
	return nil
}

// readField looks at one header line. RFC 9112 §5.
func (h *head) readField(line []byte) error {
	if line[0] == ' ' || line[0] == '\t' {
		return ErrFold
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isToken(name) { // a space before the colon is in no token
		return ErrName
	}
	switch {
	case is(name, "Host"):
		h.host = append(h.host[:0], trim(value)...)
		if h.hosts++; h.hosts > 1 || bytes.ContainsAny(h.host, ", \t/@") {
			return ErrHost
		}
	case is(name, "Content-Length"):
		h.length, ok = number(string(trim(value)), 10, 18)
		if h.lengths++; h.lengths > 1 || !ok {
			return ErrContentLength
		}
	case is(name, "Transfer-Encoding"):
		if h.chunked || !is(trim(value), "chunked") {
			return ErrTransferEncoding
		}
		h.chunked = true
	case is(name, "Accept-Language"):
		h.language = append(h.language[:0], trim(value)...)
	}
	return nil
}

// endHead judges the head as a whole and finds where the request ends.
func (s *Scanner) endHead() error {
	h := &s.head
	switch {
	case h.version11 && len(h.host) == 0, len(h.authority) > 0 && !bytes.Equal(h.authority, h.host):
		return ErrHost
	case h.chunked && !h.version11:
		return ErrTransferEncoding
	case h.chunked && h.lengths > 0:
		return ErrBoth
	case h.chunked:
		s.state = atChunkSize
	case h.length > 0:
		s.state, s.left = inBody, h.length
	default:
		s.state = atStart
	}
	return nil
}

// trim is a field's value without the white space around it.
func trim(value []byte) []byte { return bytes.Trim(value, " \t") }

func is(b []byte, s string) bool { return len(b) == len(s) && strings.EqualFold(string(b), s) }

// number reads digits of a base, and nothing else.
func number(s string, base int64, most int) (n int64, ok bool) {
	if s == "" || len(s) > most {
		return 0, false
	}
	for i := range len(s) {
		d := int64(strings.IndexByte("0123456789abcdef", s[i]|0x20))
		if d < 0 || d >= base || s[i] < '0' {
			return 0, false
		}
		n = n*base + d
	}
	return n, true
}

// isToken is RFC 9110 §5.6.2.
func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenBytes[c] {
			return false
		}
	}
	return len(b) > 0
}

// controlBytes are in no line: all controls but the tab.
var controlBytes = func() (of [256]bool) {
	for c := range ' ' {
		of[c] = c != '\t'
	}
	of[0x7f] = true
	return of
}()

var tokenBytes = func() (of [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		of[c] = true
	}
	return of
}()
