package emulator

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"tcb-login/emulator/guard"
	"tcb-login/emulator/seed"
)

// The controls: what tests and people at the keyboard use to see codes and to make things go wrong.
// They are not TCB's.

const controlBase = "/__emulator"

//go:embed web
var web embed.FS

// controlTable are the controls that programs call. docs/emulator.md lists them.
func (e *Emulator) controlTable() map[string]controlRoute {
	return map[string]controlRoute{
		"GET /__emulator/ready":               e.getReady,
		"GET /__emulator/outbox.json":         e.getOutbox,
		"GET /__emulator/settings":            e.getSettings,
		"PUT /__emulator/settings":            e.putSettings,
		"GET /__emulator/clients":             e.getClients,
		"PUT /__emulator/clients/{client}":    e.putClient,
		"DELETE /__emulator/clients/{client}": e.deleteClient,
		"GET /__emulator/users.json":          e.getUsers,
		"POST /__emulator/users":              e.postUser,
		"GET /__emulator/users/{sub}":         e.getUser,
		"PUT /__emulator/users/{sub}":         e.putUser,
		"DELETE /__emulator/users/{sub}":      e.deleteUserControl,
		"GET /__emulator/export":              e.getExport,
		"POST /__emulator/import":             e.postImport,
		"GET /__emulator/captcha/{token}":     e.getCaptcha,
		"GET /__emulator/scans.json":          e.getScans,
		"POST /__emulator/reset":              e.postReset,
		"GET /__emulator/custom-login-key":    e.getCustomLoginKey,
		"POST /__emulator/custom-login-key":   e.postCustomLoginKey,
		"GET /__emulator/publishable-key":     e.getPublishableKey,
	}
}

// controlRoute serves a control, or a page of them.
type controlRoute func(http.ResponseWriter, *http.Request) error

func (e *Emulator) controlRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, serve := range e.controlTable() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				e.sendError(w, r, err)
			}
		})
	}
	for pattern, serve := range e.consoleTable() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				e.sendConsoleError(w, r, err)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		e.sendError(w, r, failText("not_found", textNoRoute))
	})
	return mux
}

// openControls tell nothing and change nothing: anybody may ask whether the emulator is there, and
// type the token.
var openControls = []string{controlBase + "/ready", consoleBase + "/sign-in", consoleBase + "/console.css", consoleBase + "/console.js"}

// serveControls lets in whom the guard does, and only then reads a body.
func (e *Emulator) serveControls(w http.ResponseWriter, r *http.Request) {
	page := r.URL.Path == controlBase || r.URL.Path == controlBase+"/" || strings.HasPrefix(r.URL.Path, consoleBase+"/")
	if !slices.Contains(openControls, r.URL.Path) {
		switch e.guard.Check(r, page) {
		case guard.Refused:
			e.sendError(w, r, failText("permission_denied", textControlRefused))
			return
		case guard.NoToken:
			e.askToken(w, r, page)
			return
		}
	}
	if r.URL.Path == controlBase {
		http.Redirect(w, r, controlBase+"/", http.StatusSeeOther)
		return
	}
	limit := int64(maxBody)
	if r.URL.Path == controlBase+"/import" || r.URL.Path == consoleBase+"/import" {
		limit = seed.MaxSize
	}
	body, err := readBody(w, r, limit)
	if err != nil {
		e.sendError(w, r, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	e.controls.ServeHTTP(w, r)
}

// askToken says that the control token is missing.
func (e *Emulator) askToken(w http.ResponseWriter, r *http.Request, page bool) {
	if page && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		e.sendSignIn(w, r, http.StatusUnauthorized, "")
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="emulator controls"`)
	e.sendError(w, r, failText("unauthenticated", textControlToken))
}

// getReady: GET /__emulator/ready. Whoever gets an answer finds the users in their place: the
// emulator seeds before it answers.
func (e *Emulator) getReady(w http.ResponseWriter, _ *http.Request) error {
	sendJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ready"})
	return nil
}

// getAsset serves one of the page's files.
func (e *Emulator) getAsset(name, contentType string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		content, err := web.ReadFile("web/" + name)
		if err != nil {
			return fmt.Errorf("emulator: %w", err)
		}
		sendPage(w, contentType, content)
		return nil
	}
}

func sendPage(w http.ResponseWriter, contentType string, content []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(content)
}

// getSettings: GET /__emulator/settings.
func (e *Emulator) getSettings(w http.ResponseWriter, _ *http.Request) error {
	sendJSON(w, http.StatusOK, e.settings.get())
	return nil
}

// putSettings: PUT /__emulator/settings. Keys that are not given stay as they are; unknown ones are
// refused.
func (e *Emulator) putSettings(w http.ResponseWriter, r *http.Request) error {
	body, err := bodyOf(r)
	if err != nil {
		return err
	}
	changed, err := e.changeSettings(body)
	if err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, changed)
	return nil
}

func (e *Emulator) changeSettings(body []byte) (settings, error) {
	return e.settings.update(func(s *settings) error {
		faults := s.Faults
		s.Faults = nil // decoding into an old slice would keep old fields of its elements
		if err := decodeControl(body, s); err != nil {
			return err
		}
		if s.Faults == nil {
			s.Faults = faults
		}
		if s.SecurityDomains == nil { // "null" is no list
			s.SecurityDomains = []string{}
		}
		return s.check()
	})
}

// check refuses settings that make no sense.
func (s *settings) check() error {
	if key := s.wrong(); key != "" {
		return badControl(key)
	}
	return nil
}

// badControl says which key has a value that it may not have.
func badControl(key string) *apiError {
	return failText("invalid_argument", text{textBadControl.zh + "：" + key, textBadControl.en + ": " + key})
}

func bodyOf(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, failText("invalid_argument", textBadJSON)
	}
	return body, nil
}

// decodeControl is strict, unlike the API: a misspelt key in a test must not pass unnoticed.
func decodeControl(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		var refusal *apiError
		if errors.As(err, &refusal) {
			return refusal
		}
		return badControl(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return failText("invalid_argument", textBadJSON)
	}
	return nil
}

// getCaptcha: GET /__emulator/captcha/{token} tells the answer of a picture that is still good. The
// token "latest" stands for the newest one: a page shows a picture and keeps its token to itself.
func (e *Emulator) getCaptcha(w http.ResponseWriter, r *http.Request) error {
	var key, token string
	asked := r.PathValue("token")
	err := e.store.db.QueryRowContext(r.Context(),
		"SELECT answer, token FROM captchas WHERE (token = ?1 OR ?1 = 'latest') AND expires_at > ?2 ORDER BY rowid DESC LIMIT 1",
		asked, e.now().UnixMilli()).Scan(&key, &token)
	if errors.Is(err, sql.ErrNoRows) {
		return failText("not_found", textNoRoute)
	}
	if err != nil {
		return fmt.Errorf("emulator: read captcha: %w", err)
	}
	sendJSON(w, http.StatusOK, struct {
		Key   string `json:"key"`
		Token string `json:"token"`
	}{key, token})
	return nil
}

// postReset: POST /__emulator/reset takes everything back to the start but the signing key.
func (e *Emulator) postReset(w http.ResponseWriter, r *http.Request) error {
	if err := e.reset(r.Context()); err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, nothing{})
	return nil
}

func (e *Emulator) reset(ctx context.Context) error {
	e.settings.reset()
	e.clients.reset()
	return e.seed(ctx, true)
}
