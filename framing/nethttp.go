package framing

import (
	"bytes"
	"net"
)

// NewServerListener puts a Scanner before every connection of an [http.Server], and adds fields,
// each with the CRLF at its end, to what that server refuses before any handler hears of it.
//
// net/http is strict about most of it. It takes Content-Length beside Transfer-Encoding, though, and
// what follows as the next request; line ends without CR; and folded lines.
func NewServerListener(ln net.Listener, fields string) net.Listener {
	return serverListener{ln, []byte(fields)}
}

type serverListener struct {
	net.Listener
	fields []byte
}

func (l serverListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &serverConn{Conn: c, fields: l.fields}, nil
}

// serverConn is Conn for a server that needs the errors of a connection as they are: net/http
// interrupts its own reading by a timeout.
type serverConn struct {
	net.Conn
	scanner Scanner
	refused error
	fields  []byte
}

func (c *serverConn) Read(p []byte) (int, error) {
	if c.refused != nil {
		return 0, c.refused
	}
	n, err := c.Conn.Read(p)
	n, c.refused = c.scanner.Scan(p[:n])
	if c.refused != nil {
		err = nil
		if n == 0 {
			err = c.refused
		}
	}
	return n, err
}

// refusal is the head of net/http's own refusals, after the status. Handlers' answers have a Date.
var refusal = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

func (c *serverConn) Write(p []byte) (int, error) {
	end := bytes.Index(p, []byte("\r\n"))
	if end < 0 || !bytes.HasPrefix(p, []byte("HTTP/1.1 ")) || !bytes.HasPrefix(p[end:], refusal) {
		return c.Conn.Write(p)
	}
	if _, err := c.Conn.Write(bytes.Join([][]byte{p[:end+2], c.fields, p[end+2:]}, nil)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite lets net/http end an answer before it ends the connection, so that a caller that is
// still sending gets to read it.
func (c *serverConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
