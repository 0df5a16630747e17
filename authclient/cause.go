package authclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// errConnection stands for what a transport says in words that may not be its own.
var errConnection = errors.New("the connection failed, or what came back is not HTTP")

// causeOf is as much of a transport's error as an Error may hold. Package net/http quotes what it
// cannot parse, such as a status line, a header or a Location, and whoever answers can send a password
// back in one. So what is known to be made on this side is taken out of the error, and the rest is
// told by errConnection.
func causeOf(err error) error {
	kept := cmp.Or(
		of[unsent](err),
		of[*net.OpError](err), of[*net.DNSError](err),
		of[*tls.CertificateVerificationError](err), of[tls.RecordHeaderError](err), of[tls.AlertError](err),
		of[x509.UnknownAuthorityError](err), of[x509.HostnameError](err), of[x509.CertificateInvalidError](err),
		of[syscall.Errno](err),
	)
	if kept != nil {
		return kept
	}
	for _, known := range []error{
		context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe,
		net.ErrClosed, http.ErrSchemeMismatch,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return os.ErrDeadlineExceeded // such an error can have another's text in its own
	}
	return errConnection
}

// of is the first error of type E in err's tree, or nil.
func of[E error](err error) error {
	if e, ok := errors.AsType[E](err); ok {
		return e
	}
	return nil
}
