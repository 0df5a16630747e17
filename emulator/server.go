package emulator

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"tcb-login/framing"
)

// Server serves an emulator over HTTP/1, as strictly as the pages are served.
type Server struct{ server http.Server }

// NewServer serves handler: an Emulator, or what is put before one.
func NewServer(handler http.Handler) *Server {
	return &Server{http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, DisableGeneralOptionsHandler: true,
	}}
}

// earlyFields are on what net/http refuses by itself, as on all answers.
const earlyFields = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

// Serve accepts connections until the server is told to end, which is no error.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.server.Serve(framing.NewServerListener(ln, earlyFields)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown lets calls in flight finish until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error { return s.server.Shutdown(ctx) }

// Close cuts off what is still in flight.
func (s *Server) Close() error { return s.server.Close() }
