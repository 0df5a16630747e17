package emulator

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"tcb-login/config/input"
)

// The controls: what tests and people at the keyboard use to see codes and to make things go wrong.
// They are not TCB's.

const controlBase = "/__emulator"

//go:embed web
var web embed.FS

var outboxPage = sync.OnceValue(func() *template.Template { return template.Must(template.ParseFS(web, "web/outbox.html")) })

func (e *Emulator) controlRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /__emulator/{$}":             e.getOutboxPage,
		"GET /__emulator/outbox.css":      e.getAsset("outbox.css", "text/css; charset=utf-8"),
		"GET /__emulator/outbox.js":       e.getAsset("outbox.js", "text/javascript; charset=utf-8"),
		"GET /__emulator/outbox.json":     e.getOutbox,
		"GET /__emulator/settings":        e.getSettings,
		"PUT /__emulator/settings":        e.putSettings,
		"GET /__emulator/scans.json":      e.getScans,
		"GET /__emulator/users.json":      e.getUsers,
		"PUT /__emulator/users/{sub}":     e.putUser,
		"GET /__emulator/captcha/{token}": e.getCaptcha,
		"POST /__emulator/reset":          e.postReset,

		"GET /__emulator/custom-login-key":  e.getCustomLoginKey,
		"POST /__emulator/custom-login-key": e.postCustomLoginKey,
		"GET /__emulator/publishable-key":   e.getPublishableKey,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				e.sendError(w, r, err)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		e.sendError(w, r, failText("not_found", textNoRoute))
	})
	return mux
}

// serveControls lets this machine in and nobody else. The peer's address keeps other machines out;
// the Host header keeps out pages whose name was rebound to 127.0.0.1 (DNS rebinding) and requests
// that a proxy passes on; Sec-Fetch-Site and Origin keep other sites from changing anything through
// the developer's browser. There is no CORS here, so they cannot read anything either.
func (e *Emulator) serveControls(w http.ResponseWriter, r *http.Request) {
	if !loopbackAddress(r.RemoteAddr) || !loopbackHost(r.Host) || forwarded(r.Header) || !readsOnly(r.Method) && crossSite(r) {
		e.sendError(w, r, failText("permission_denied", textControlRefused))
		return
	}
	if r.URL.Path == controlBase {
		http.Redirect(w, r, controlBase+"/", http.StatusSeeOther)
		return
	}
	e.controls.ServeHTTP(w, r)
}

func loopbackAddress(address string) bool {
	peer, err := netip.ParseAddrPort(address)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ".")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// forwarded reports that a request came through a proxy, which may have rewritten its Host: whoever
// is behind that is not this machine.
func forwarded(header http.Header) bool {
	for name := range header {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}

func readsOnly(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func crossSite(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	switch site {
	case "", "same-origin", "none":
	default:
		return true
	}
	if origin == "" || origin == "null" && site == "same-origin" { // null is no answer, and here nothing else proves the page
		return false
	}
	parsed, err := url.Parse(origin)
	return err != nil || input.OriginOf(parsed) != input.OriginOf(&url.URL{Scheme: parsed.Scheme, Host: r.Host})
}

// message is one message of the outbox.
type message struct {
	ID        string `json:"id"`
	Env       string `json:"env"`
	Channel   string `json:"channel"`
	To        string `json:"to"`
	Code      string `json:"code"`
	Usage     string `json:"usage"`
	Locale    string `json:"locale"`
	Body      string `json:"body"`
	CreatedAt string `json:"created_at"`
}

const outboxLength = 200

// outbox returns the latest messages, newest first, of one recipient if one is given.
func (e *Emulator) outbox(ctx context.Context, to string) ([]message, error) {
	rows, err := e.store.db.QueryContext(ctx,
		"SELECT id, env, channel, target, code, usage, locale, body, created_at FROM messages WHERE withheld = 0 ORDER BY id DESC")
	if err != nil {
		return nil, fmt.Errorf("emulator: read messages: %w", err)
	}
	defer func() { _ = rows.Close() }()
	messages := []message{}
	for rows.Next() && len(messages) < outboxLength {
		var m message
		var createdAt int64
		if err := rows.Scan(&m.ID, &m.Env, &m.Channel, &m.To, &m.Code, &m.Usage, &m.Locale, &m.Body, &createdAt); err != nil {
			return nil, fmt.Errorf("emulator: read message: %w", err)
		}
		m.CreatedAt = time.UnixMilli(createdAt).UTC().Format("2006-01-02T15:04:05.000Z07:00")
		if to == "" || sameRecipient(m, to) {
			messages = append(messages, m)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("emulator: read messages: %w", err)
	}
	return messages, nil
}

// sameRecipient compares generously: a "+" that was not percent-encoded arrives as a space, and
// people leave out the blank.
func sameRecipient(m message, to string) bool {
	if m.Channel == channelSMS {
		return digits(m.To) == digits(to)
	}
	to = strings.ToLower(strings.TrimSpace(to))
	return m.To == to || m.To == strings.ReplaceAll(to, " ", "+")
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// getOutbox: GET /__emulator/outbox.json?to=.
func (e *Emulator) getOutbox(w http.ResponseWriter, r *http.Request) error {
	messages, err := e.outbox(r.Context(), r.URL.Query().Get("to"))
	if err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, struct {
		Messages []message `json:"messages"`
	}{messages})
	return nil
}

// outboxData is what the outbox page shows.
type outboxData struct {
	Messages     []message
	Environments []*Environment
	Username     string
	Password     string
	Email        string
	Settings     settings
	Scans        []scan
	Keys         []publishedKey
}

// publishedKey is an environment's publishable key.
type publishedKey struct{ Env, Key string }

// getOutboxPage: GET /__emulator/.
func (e *Emulator) getOutboxPage(w http.ResponseWriter, r *http.Request) error {
	messages, err := e.outbox(r.Context(), r.URL.Query().Get("to"))
	if err != nil {
		return err
	}
	scans, err := e.openScans(r)
	if err != nil {
		return err
	}
	var keys []publishedKey
	for _, env := range e.environments {
		key, err := e.publishableKey(env)
		if err != nil {
			return err
		}
		keys = append(keys, publishedKey{env.ID, key})
	}
	var page bytes.Buffer // whole or not at all
	err = outboxPage().Execute(&page, outboxData{
		Messages: messages, Environments: e.environments, Settings: e.settings.get(), Scans: scans, Keys: keys,
		Username: demoUsername, Password: demoPassword, Email: demoEmail,
	})
	if err != nil {
		return fmt.Errorf("emulator: render the outbox: %w", err)
	}
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "+
		"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	sendPage(w, "text/html; charset=utf-8", page.Bytes())
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
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return failText("invalid_argument", textBadControl)
	}
	changed, err := e.settings.update(func(s *settings) error {
		faults := s.Faults
		s.Faults = nil // decoding into an old slice would keep old fields of its elements
		if err := decodeControl(bytes.NewReader(body), s); err != nil {
			return err
		}
		if s.Faults == nil {
			s.Faults = faults
		}
		if s.SecurityDomains == nil { // "null" is no list
			s.SecurityDomains = []string{}
		}
		if !s.valid() {
			return failText("invalid_argument", textBadControl)
		}
		return nil
	})
	if err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, changed)
	return nil
}

// decodeControl is strict, unlike the API: a misspelt key in a test must not pass unnoticed.
func decodeControl(body io.Reader, into any) error {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return failText("invalid_argument", textBadControl)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return failText("invalid_argument", textBadJSON)
	}
	return nil
}

// controlUser is what the controls tell about a user.
type controlUser struct {
	Env         string `json:"env"`
	Sub         string `json:"sub"`
	Username    string `json:"username"`
	Name        string `json:"name"`
	Email       string `json:"email"`
	PhoneNumber string `json:"phone_number"`
	Status      string `json:"status"`
	Anonymous   bool   `json:"anonymous"`
	HasPassword bool   `json:"has_password"`
	CreatedAt   string `json:"created_at"`
}

func (u *user) forControls() controlUser {
	return controlUser{
		Env: u.env, Sub: u.sub, Username: u.username, Name: u.name, Email: u.email, PhoneNumber: u.phone, Status: u.status,
		Anonymous: u.anonymous, HasPassword: u.passwordHash != "", CreatedAt: rfc3339(u.createdAt),
	}
}

// getUsers: GET /__emulator/users.json, filtered by env, sub, and username (any of the three names
// of a user).
func (e *Emulator) getUsers(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	name := strings.TrimSpace(query.Get("username"))
	rows, err := e.store.db.QueryContext(r.Context(), "SELECT "+userColumns+` FROM users
		WHERE (? = '' OR env = ?) AND (? = '' OR sub = ?)
		AND (? = '' OR username = ? OR email = ? OR (phone_number <> '' AND replace(substr(phone_number, 2), ' ', '') = ?))
		ORDER BY created_at, sub LIMIT 1000`,
		query.Get("env"), query.Get("env"), query.Get("sub"), query.Get("sub"), name, name, strings.ToLower(name), digits(name))
	if err != nil {
		return fmt.Errorf("emulator: read users: %w", err)
	}
	defer func() { _ = rows.Close() }()
	users := []controlUser{}
	for rows.Next() {
		u, err := scanUser(rows.Scan)
		if err != nil {
			return err
		}
		users = append(users, u.forControls())
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("emulator: read users: %w", err)
	}
	sendJSON(w, http.StatusOK, struct {
		Users []controlUser `json:"users"`
	}{users})
	return nil
}

// putUser: PUT /__emulator/users/{sub} sets a user's status, or groups, or both.
func (e *Emulator) putUser(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Status *string   `json:"status"`
		Groups *[]string `json:"groups"`
	}
	if err := decodeControl(r.Body, &req); err != nil {
		return err
	}
	if req.Status == nil && req.Groups == nil || req.Status != nil && !slices.Contains(statuses, *req.Status) {
		return failText("invalid_argument", textBadControl)
	}
	var groups *string
	if req.Groups != nil {
		joined := strings.Join(*req.Groups, " ")
		if slices.ContainsFunc(*req.Groups, func(id string) bool { return len(strings.Fields(id)) != 1 || strings.TrimSpace(id) != id }) {
			return failText("invalid_argument", textBadControl)
		}
		groups = &joined
	}
	ctx := r.Context()
	var changed *user
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		var err error
		changed, err = scanUser(tx.QueryRowContext(ctx, `UPDATE users SET status = coalesce(?, status), group_ids = coalesce(?, group_ids),
			updated_at = ? WHERE sub = ? RETURNING `+userColumns, req.Status, groups, e.now().UnixMilli(), r.PathValue("sub")).Scan)
		return err
	})
	if err != nil {
		return err
	}
	if changed == nil {
		return fail("not_found")
	}
	sendJSON(w, http.StatusOK, changed.forControls())
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
	e.settings.reset()
	if err := e.seed(r.Context(), true); err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, nothing{})
	return nil
}
