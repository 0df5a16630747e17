package framing

import (
	"errors"
	"io"
	"net"
)

// NewListener puts a Scanner before every connection of ln.
func NewListener(ln net.Listener) net.Listener { return listener{ln} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c}, nil
}

// Conn gives its reader whole requests that can be read in one way only, then
// an error for good. One goroutine reads it, as a server's does.
type Conn struct {
	net.Conn
	scanner Scanner
	refused error
	gone    bool
}

// Gone tells that the connection broke within a request: there is nobody to answer.
func (c *Conn) Gone() bool { return c.gone }

// Refused is the Error that ended the connection's requests, if one did.
func (c *Conn) Refused() error { return c.refused }

// Language is the Accept-Language of the request under way.
func (c *Conn) Language() string { return c.scanner.Language() }

func (c *Conn) Read(p []byte) (int, error) {
	if c.refused != nil {
		return 0, c.refused
	}
	n, err := c.Conn.Read(p)
	n, c.refused = c.scanner.Scan(p[:n])
	switch {
	case c.refused != nil && n == 0:
		return 0, c.refused
	case c.refused != nil || err == nil:
		return n, nil
	case c.scanner.Between():
		// Probes and browsers open connections that they send nothing on, and end
		// them as they like. Nobody asked anything: no answer, and no error.
		return n, io.EOF
	}
	var wire net.Error
	if errors.As(err, &wire) && wire.Timeout() {
		return n, err // the caller sent half a request and may still be told
	}
	c.gone = !errors.Is(err, io.EOF) // who has only said all that they will may be told what is missing
	return n, io.ErrUnexpectedEOF
}
