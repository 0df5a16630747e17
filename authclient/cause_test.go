package authclient_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcb-login/authclient"
)

// mirror is a server that sends each request back, on one line, in an answer that is no HTTP.
func mirror(t *testing.T, before, after string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			req, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				whole, _ := httputil.DumpRequest(req, true)
				io.WriteString(conn, before+strings.NewReplacer("\r", "", "\n", " ").Replace(string(whole))+after)
			}
			conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

// TestMirrors: what is sent back in the protocol's own lines stands in no error. Package net/http quotes them.
func TestMirrors(t *testing.T) {
	t.Parallel()
	const password, refresh, secret, device, access, captcha = "S3cret-pass", "m.REFRESH", "CLIENT-secret", "DEVICE-device-DEVICE", "ACCESS.token.value", "v1.CAPTCHA"
	tests := []struct{ name, before, after string }{
		{"status line", "", "\r\n\r\n"},
		{"status line of HTTP", "HTTP/1.1 2", "\r\n\r\n"},
		{"header line", "HTTP/1.1 200 OK\r\n", "\r\n\r\n"},
		{"continued line", "HTTP/1.1 200 OK\r\n ", "\r\n\r\n"},
		{"chunk header", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n\r\n"},
		{"trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "\r\n\r\n"},
		{"Transfer-Encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: ", "\r\n\r\n"},
		{"Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: ", "\r\n\r\n"},
		{"Location", "HTTP/1.1 302 Found\r\nContent-Length: 2\r\nLocation: http://[::1", "\r\n\r\n{}"},
		{"body", "HTTP/1.1 200 OK\r\n\r\n", ""},
	}
	for _, tt := range tests {
		for _, patience := range []time.Duration{0, time.Minute} { // with one, net/http may write the text anew
			t.Run(fmt.Sprint(tt.name, " ", patience), func(t *testing.T) {
				t.Parallel()
				network := &http.Transport{DisableKeepAlives: true}
				t.Cleanup(network.CloseIdleConnections)
				client := newClient(t, authclient.Config{
					ClientSecret: secret, Endpoint: mirror(t, tt.before, tt.after), HTTPClient: &http.Client{Transport: network, Timeout: patience},
				})
				opts := []authclient.CallOption{authclient.WithCaptchaToken(captcha), authclient.WithDeviceID(device)}
				_, signIn := client.SignIn(t.Context(), authclient.SignInRequest{Username: "wang", Password: password}, opts...)
				_, refreshed := client.RefreshToken(t.Context(), refresh, opts...)
				_, get := client.AsUser(access).GetUserInfo(t.Context(), opts...)
				for _, err := range []error{signIn, refreshed, get} {
					refusal(t, err, authclient.ErrUnreachable)
					tellsNothing(t, err, password, refresh, secret, device, access, captcha, "wang", "/auth/",
						base64.StdEncoding.EncodeToString([]byte("demo-env:"+secret)))
				}
			})
		}
	}
}

// TestCauses: what a transport says of itself can be asked for, whatever it is wrapped in.
func TestCauses(t *testing.T) {
	t.Parallel()
	const wire = "WIRE"
	late := &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	for _, cause := range []error{
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, http.ErrSchemeMismatch, syscall.ECONNRESET, late,
		&net.DNSError{Err: "no such host", Name: "example.invalid"}, &tls.CertificateVerificationError{Err: errors.New("expired")}, held{},
	} {
		client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("%s: %w", wire, cause)
		})}})
		err := client.Revoke(t.Context(), "x")
		if refusal(t, err, authclient.ErrUnreachable); !errors.Is(err, cause) {
			t.Errorf("%v: got %v", cause, err)
		}
		tellsNothing(t, err, wire)
	}
	client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		return nil, tooLate{}
	})}})
	var timeout net.Error
	if err := client.Revoke(t.Context(), "x"); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	} else {
		tellsNothing(t, err, wire)
	}
}

// tooLate is a timeout with somebody else's words, as http.Client makes them.
type tooLate struct{}

func (tooLate) Error() string   { return "WIRE (Client.Timeout exceeded)" }
func (tooLate) Timeout() bool   { return true }
func (tooLate) Temporary() bool { return true }

// TestUnknownCertificate: an operator learns why the connection is not trusted.
func TestUnknownCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	err := newClient(t, authclient.Config{Endpoint: server.URL}).Revoke(t.Context(), "x")
	var untrusted *tls.CertificateVerificationError
	if !errors.As(err, &untrusted) {
		t.Errorf("got %v", err)
	}
}
