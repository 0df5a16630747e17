package framing

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// cases are whole streams; want nil is that all of it is passed on.
var cases = []struct {
	name   string
	stream string
	want   error
}{
	{"a GET", "GET /__auth/?redirect_uri=https://a.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n", nil},
	{"two, one after the other", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", nil},
	{"a POST", "POST / HTTP/1.1\r\nHost: a:8080\r\nContent-Length: 5\r\n\r\na=b\n\r", nil},
	{"a POST without a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", nil},
	{"chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\na=\n\r\n0A\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", nil},
	{"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", nil},
	{"an empty line before", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", nil},
	{"the address in full", "GET http://a.example:81/x HTTP/1.1\r\nHost: a.example:81\r\n\r\n", nil},
	{"a method that nobody knows", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", nil},
	{"odd values", "GET /\xe4\xb8\xad HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Tab: a\tb\r\nX-Text: \xe4\xb8\xad\r\n\r\n", nil},
	{"no space after the colon", "POST / HTTP/1.1\r\nhost:a\r\ncontent-length:1\r\n\r\nx", nil},

	{"Content-Length and Transfer-Encoding", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrBoth},
	{"Transfer-Encoding and Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", ErrBoth},
	{"two Content-Lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\nabcd", ErrContentLength},
	{"the same Content-Length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", ErrContentLength},
	{"a list of Content-Lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd", ErrContentLength},
	{"Content-Length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd", ErrContentLength},
	{"Content-Length below nothing", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", ErrContentLength},
	{"Content-Length in hex", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\nabcd", ErrContentLength},
	{"an empty Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", ErrContentLength},
	{"Content-Length beyond all numbers", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551620\r\n\r\nabcd", ErrContentLength},
	{"xchunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", ErrTransferEncoding},
	{"identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", ErrTransferEncoding},
	{"gzip, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", ErrTransferEncoding},
	{"chunked, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", ErrTransferEncoding},
	{"quoted chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", ErrTransferEncoding},
	{"two Transfer-Encodings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrTransferEncoding},
	{"an empty Transfer-Encoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\nContent-Length: 1\r\n\r\nx", ErrTransferEncoding},
	{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrTransferEncoding},
	{"a vertical tab before chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", ErrControl},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", ErrHost},
	{"the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", ErrHost},
	{"two Hosts in one", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", ErrHost},
	{"a Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", ErrHost},
	{"no Host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", ErrHost},
	{"no header at all", "GET / HTTP/1.1\r\n\r\n", ErrHost},
	{"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", ErrHost},
	{"another Host than the address", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", ErrHost},
	{"another Host than a bare address", "GET http://b?x HTTP/1.1\r\nHost: a\r\n\r\n", ErrHost},
	{"an address without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", ErrRequestLine},
	{"a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", ErrFold},
	{"a line folded with a tab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n", ErrTransferEncoding},
	{"a fold before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", ErrFold},
	{"a space before the colon", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\nabcd", ErrName},
	{"a space in a name", "POST / HTTP/1.1\r\nHost: a\r\nContent Length: 4\r\n\r\nabcd", ErrName},
	{"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", ErrName},
	{"no name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", ErrName},
	{"a name that is not ASCII", "GET / HTTP/1.1\r\nHost: a\r\nContent\xa0Length: 4\r\n\r\n", ErrName},
	{"LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", ErrLineEnd},
	{"LF after a header", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", ErrLineEnd},
	{"LF at the end of the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", ErrLineEnd},
	{"LF before the request", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ErrLineEnd},
	{"LF alone", "GET / HTTP/1.1\nHost: a\n\n", ErrLineEnd},
	{"CR alone", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", ErrControl},
	{"CR twice", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", ErrControl},
	{"NUL", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", ErrControl},
	{"HTTP/0.9", "GET /\r\n", ErrRequestLine},
	{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", ErrRequestLine},
	{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ErrRequestLine},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", ErrRequestLine},
	{"a space in the address", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", ErrRequestLine},
	{"a space at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", ErrRequestLine},
	{"a tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", ErrRequestLine},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", ErrLineEnd},
	{"LF in a chunk extension", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;\nxx\r\n10\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", ErrLineEnd},
	{"a chunk extension", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n", ErrChunk},
	{"a space after a chunk's size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n", ErrChunk},
	{"a chunk's size with 0x", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", ErrChunk},
	{"a chunk's size below nothing", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n", ErrChunk},
	{"a chunk's size beyond all numbers", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n", ErrChunk},
	{"a chunk longer than it says", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", ErrChunk},
	{"LF after a chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\n", ErrChunk},
	{"LF after a chunk's size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", ErrLineEnd},
	{"LF at the end of the chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", ErrLineEnd},
	{"a trailer", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n", ErrTrailer},
	{"a line without end", "GET /" + strings.Repeat("a", maxLine), ErrLine},
}

func TestScanner(t *testing.T) {
	t.Parallel()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var s Scanner
			n, err := s.Scan([]byte(tt.stream))
			if err != tt.want {
				t.Fatalf("got %v after %d of %d bytes, want %v", err, n, len(tt.stream), tt.want)
			}
			if err == nil && (n != len(tt.stream) || !s.Between()) {
				t.Errorf("%d of %d bytes, between requests: %t", n, len(tt.stream), s.Between())
			}
			checkStream(t, []byte(tt.stream))
		})
	}
}

// What the scanner passes on has one reading: however it arrives, and for
// parsers of different make.
func FuzzScanner(f *testing.F) {
	for _, tt := range cases {
		f.Add([]byte(tt.stream))
	}
	f.Fuzz(func(t *testing.T, stream []byte) { checkStream(t, stream) })
}

func checkStream(t *testing.T, stream []byte) {
	t.Helper()
	var whole Scanner
	passed, refused := whole.Scan(stream)

	var (
		byByte   Scanner
		n        int
		err      error
		requests [][]byte
		from     int
	)
	for n = range stream {
		if _, err = byByte.Scan(stream[n : n+1]); err != nil {
			break
		}
		if byByte.Between() {
			if request := stream[from : n+1]; len(bytes.Trim(request, "\r\n")) > 0 {
				requests, from = append(requests, request), n+1
			}
		}
	}
	if err == nil {
		n = len(stream)
	}
	if err != refused || refused != ErrLine && n != passed {
		t.Fatalf("at once: %d bytes, %v; one by one: %d bytes, %v", passed, refused, n, err)
	}
	for _, request := range requests {
		checkReaders(t, request)
	}
}

// checkReaders has one request read by net/http and by fasthttp. Each may
// refuse it for reasons of its own, but must not find less or more in it.
func checkReaders(t *testing.T, request []byte) {
	t.Helper()
	from := bufio.NewReader(bytes.NewReader(bytes.TrimLeft(request, "\r\n")))
	std, err := http.ReadRequest(from)
	var body []byte
	if err == nil {
		if body, err = io.ReadAll(std.Body); err != nil {
			t.Errorf("net/http finds no end of the body: %v\n%q", err, request)
		}
		if rest, _ := io.ReadAll(from); len(rest) > 0 {
			t.Errorf("net/http leaves %q of\n%q", rest, request)
		}
	}
	from = bufio.NewReaderSize(bytes.NewReader(request), maxLine)
	var fast fasthttp.Request
	if fast.ReadLimitBody(from, 1<<20) != nil {
		return
	}
	if rest, _ := io.ReadAll(from); len(rest) > 0 {
		t.Errorf("fasthttp leaves %q of\n%q", rest, request)
	}
	if err == nil && len(fast.Header.MultipartFormBoundary()) == 0 && !bytes.Equal(fast.Body(), body) {
		t.Errorf("bodies %q and %q of\n%q", body, fast.Body(), request)
	}
	if err == nil && std.URL.Host == "" && std.Host != string(fast.Header.Host()) {
		t.Errorf("hosts %q and %q of\n%q", std.Host, fast.Header.Host(), request)
	}
}

// wire is a connection that reads what a test says.
type wire struct {
	net.Conn
	chunks []string
	end    error
}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.chunks) == 0 {
		return 0, w.end
	}
	n := copy(p, w.chunks[0])
	if w.chunks[0] = w.chunks[0][n:]; w.chunks[0] == "" {
		w.chunks = w.chunks[1:]
	}
	return n, nil
}

func TestConn(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	late := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	const whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	tests := []struct {
		name   string
		chunks []string
		end    error
		read   string
		err    error
	}{
		{"nothing, then a reset", nil, reset, "", nil},
		{"nothing for long", nil, late, "", nil},
		{"nothing", nil, io.EOF, "", nil},
		{"a request, then a reset", []string{whole}, reset, whole, nil},
		{"half a request, then a reset", []string{whole[:9]}, reset, whole[:9], io.ErrUnexpectedEOF},
		{"half a request, then its end", []string{whole[:9]}, io.EOF, whole[:9], io.ErrUnexpectedEOF},
		{"half a request for long", []string{whole[:9]}, late, whole[:9], late},
		{"a bad one", []string{"GET / HTTP/1.1\nHost: a\n\n"}, io.EOF, "GET / HTTP/1.1", ErrLineEnd},
		{"a bad one in pieces", []string{"GET / HTTP", "/1.1\nHost: a\n", "\n", whole}, io.EOF, "GET / HTTP/1.1", ErrLineEnd},
		{"a bad one after a good one", []string{whole + "GET / HTTP/1.1\r\n x\r\n\r\n" + whole}, io.EOF, whole + "GET / HTTP/1.1\r\n x\r", ErrFold},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &Conn{Conn: &wire{chunks: tt.chunks, end: tt.end}}
			got, err := io.ReadAll(c)
			if string(got) != tt.read || !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("read %q, %v; want %q, %v", got, err, tt.read, tt.err)
			}
			var refusal Error
			if gone := tt.end == reset && tt.err != nil; c.Gone() != gone {
				t.Errorf("gone: %t", c.Gone())
			}
			if refused := c.Refused(); errors.As(tt.err, &refusal) != (refused != nil) {
				t.Errorf("refused: %v", refused)
			}
			if _, again := c.Read(make([]byte, 1)); tt.err != nil && !errors.Is(again, tt.err) {
				t.Errorf("read again: %v", again)
			}
		})
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	var s Scanner
	if _, err := s.Scan([]byte("GET / HTTP/1.1\r\nHost: a\r\naccept-language: zh-CN,en \r\nX : y\r\n")); err != ErrName {
		t.Fatal(err)
	}
	if got := s.Language(); got != "zh-CN,en" {
		t.Errorf("language %q", got)
	}
	s = Scanner{}
	if _, err := s.Scan([]byte("GET / HTTP/1.1\r\nHost: a\r\nAccept-Language: ja\r\n\r\nGET / HTTP/1.1\r\n")); err != nil || s.Language() != "" {
		t.Errorf("%v; the language of the request before: %q", err, s.Language())
	}
}

func BenchmarkScanner(b *testing.B) {
	request := []byte("GET /__auth/sign-in?env_id=demo&client_id=demo HTTP/1.1\r\nHost: a.example\r\nAccept-Language: zh-CN,en\r\nUser-Agent: " +
		strings.Repeat("Mozilla ", 20) + "\r\nCookie: " + strings.Repeat("c", 600) + "\r\n\r\n")
	var s Scanner
	b.SetBytes(int64(len(request)))
	for b.Loop() {
		if _, err := s.Scan(request); err != nil {
			b.Fatal(err)
		}
	}
}
