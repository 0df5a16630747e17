package emulator

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// session is one sign-in on one device. It lives until it is revoked or its refresh token expires.
type session struct {
	id, env, sub, client string
	loginType            string // how; see login
	provider             string // the identity provider, where there was one
	scope, device        string
}

// The types of login that the SDK knows from user/me. A third party's is the provider's id in
// capitals.
const (
	loginUsername  = "USERNAME"
	loginEmail     = "EMAIL"
	loginPhone     = "PHONE"
	loginAnonymous = "ANONYMOUS"
	loginCustom    = "CUSTOM"
)

// login is how somebody signs in.
type login struct {
	kind     string // the type of login
	from     string // what the history says
	provider string
	scope    string
}

// Where a login comes from, in the history.
const (
	fromPassword  = "password"
	fromCode      = "verification_code"
	fromSignUp    = "signup"
	fromAnonymous = "anonymous"
	fromTicket    = "custom_ticket"
	fromProvider  = "provider:" // and the provider's id
	fromGrant     = "authorize"
	fromDevice    = "device_code"
)

// loginWith is the login by one of a user's names.
func loginWith(id identifier, from string) login {
	kinds := map[kind]string{kindUsername: loginUsername, kindEmail: loginEmail, kindPhone: loginPhone}
	return login{kind: kinds[id.kind], from: from}
}

// loginThrough is the login by a third party's identity.
func loginThrough(provider string) login {
	return login{kind: strings.ToUpper(provider), from: fromProvider + provider, provider: provider}
}

// startSession signs the user in, and out of the devices that are too many then.
func (e *Emulator) startSession(ctx context.Context, tx *sql.Tx, c *call, u *user, how login) (*grant, error) {
	g := &grant{user: u, client: c.client, id: e.uuid(), refresh: e.newRefreshToken(), scope: how.scope}
	now, rules := e.now(), e.settings.get().Client
	_, err := run(ctx, tx, `INSERT INTO sessions (id, env, sub, client_id, device_id, user_agent, refresh_hash,
		refresh_expires_at, created_at, refreshed_at, login_type, provider_id, scope) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		g.id, u.env, u.sub, c.client.id, c.device(), c.userAgent(), hashOf(g.refresh),
		now.Add(rules.refreshLife()).UnixMilli(), now.UnixMilli(), now.UnixMilli(), how.kind, how.provider, how.scope)
	if err != nil {
		return nil, err
	}
	if err := limitDevices(ctx, tx, g, rules.MaxDevice, c.userAgent()); err != nil {
		return nil, err
	}
	if err := e.record(ctx, tx, c, u, actionLogin, how.from); err != nil {
		return nil, err
	}
	g.wechat, err = wechatIDs(ctx, tx, u)
	return g, err
}

// limitDevices ends the user's oldest sessions with a client: -1 ends none, 0 leaves one session
// per user agent, and n the sessions of the n newest devices. A session without a device id counts
// as a device of its own.
func limitDevices(ctx context.Context, tx *sql.Tx, g *grant, most int, userAgent string) error {
	var err error
	switch {
	case most == 0:
		_, err = run(ctx, tx, "DELETE FROM sessions WHERE env = ? AND sub = ? AND client_id = ? AND user_agent = ? AND id <> ?",
			g.user.env, g.user.sub, g.client.id, userAgent, g.id)
	case most > 0:
		_, err = run(ctx, tx, `DELETE FROM sessions WHERE env = ?1 AND sub = ?2 AND client_id = ?3
			AND coalesce(nullif(device_id, ''), id) NOT IN (
				SELECT coalesce(nullif(device_id, ''), id) AS device FROM sessions
				WHERE env = ?1 AND sub = ?2 AND client_id = ?3
				GROUP BY device ORDER BY max(created_at) DESC, max(rowid) DESC LIMIT ?4)`,
			g.user.env, g.user.sub, g.client.id, most)
	}
	return err
}

// endSessions signs the user out everywhere.
func endSessions(ctx context.Context, tx *sql.Tx, u *user) error {
	_, err := run(ctx, tx, "DELETE FROM sessions WHERE env = ? AND sub = ?", u.env, u.sub)
	return err
}

// endOtherSessions signs the caller out everywhere but here.
func endOtherSessions(ctx context.Context, tx *sql.Tx, c *call) error {
	_, err := run(ctx, tx, "DELETE FROM sessions WHERE env = ? AND sub = ? AND id <> ?", c.session.env, c.session.sub, c.session.id)
	return err
}

// device is the caller's device id.
func (c *call) device() string { return cut(c.request.Header.Get("X-Device-Id"), 128) }

func (c *call) userAgent() string { return cut(c.request.UserAgent(), 512) }

// address is where the call came from. A caller on this machine may say for whom it calls.
func (c *call) address() string {
	host, _, err := net.SplitHostPort(c.request.RemoteAddr)
	if err != nil {
		host = c.request.RemoteAddr
	}
	if peer, err := netip.ParseAddr(host); err == nil && peer.Unmap().IsLoopback() {
		list := strings.Split(c.request.Header.Get("X-Forwarded-For"), ",")
		if named, err := netip.ParseAddr(strings.TrimSpace(list[len(list)-1])); err == nil {
			return named.String()
		}
	}
	return host
}

// signOut: POST /v1/user/signout ends the caller's session and tells where to go, with the state
// added. Who came through a provider that has a sign-out page goes there first; it sends people on.
func (e *Emulator) signOut(ctx context.Context, c *call) (any, error) {
	var req struct {
		RedirectURI string `json:"redirect_uri"`
		State       string `json:"state"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	err := e.store.write(ctx, func(tx *sql.Tx) error {
		_, err := run(ctx, tx, "DELETE FROM sessions WHERE id = ?", c.session.id)
		return err
	})
	if err != nil {
		return nil, err
	}
	target := req.RedirectURI
	if provider, ok := e.provider(c.session.provider); ok && provider.SignOut {
		target = e.signOutPage(c, c.session.provider, req.RedirectURI, req.State)
	} else if parsed, err := url.Parse(target); err == nil && target != "" && req.State != "" {
		query := parsed.Query()
		query.Set("state", req.State)
		parsed.RawQuery = query.Encode()
		target = parsed.String()
	}
	return struct {
		RedirectURI string `json:"redirect_uri,omitempty"`
	}{target}, nil
}

// revokeAll: DELETE /v1/user/revoke/all ends all sessions of the caller, this one too.
func (e *Emulator) revokeAll(ctx context.Context, c *call) (any, error) {
	return nothing{}, e.store.write(ctx, func(tx *sql.Tx) error { return endSessions(ctx, tx, c.user) })
}

// revokeDevice: DELETE /v1/user/authorized/devices/{device} ends the caller's sessions on one
// device.
func (e *Emulator) revokeDevice(ctx context.Context, c *call) (any, error) {
	return nothing{}, e.store.write(ctx, func(tx *sql.Tx) error {
		n, err := run(ctx, tx, "DELETE FROM sessions WHERE env = ? AND sub = ? AND device_id = ? AND device_id <> ''",
			c.user.env, c.user.sub, c.request.PathValue("device"))
		if err == nil && n == 0 {
			return failText("not_found", textNoDeviceFound)
		}
		return err
	})
}

// The actions of the history. Only USER_LOGIN is known from the SDK; the others are names of our
// own.
const (
	actionLogin          = "USER_LOGIN"
	actionPassword       = "USER_UPDATE_PASSWORD"
	actionPasswordReset  = "USER_RESET_PASSWORD"
	actionPhone          = "USER_UPDATE_PHONE_NUMBER"
	actionEmail          = "USER_UPDATE_EMAIL"
	actionUsername       = "USER_UPDATE_USERNAME"
	actionBindProvider   = "USER_BIND_PROVIDER"
	actionUnbindProvider = "USER_UNBIND_PROVIDER"
)

// record writes a line of the security history.
func (e *Emulator) record(ctx context.Context, tx *sql.Tx, c *call, u *user, action, from string) error {
	_, err := run(ctx, tx, `INSERT INTO history (env, sub, action, origin, ip, user_agent, client_id, device_id, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.env, u.sub, action, from, c.address(), c.userAgent(), c.client.id, c.device(), e.now().UnixMilli())
	return err
}

type historyRow struct {
	ID        string      `json:"id"`
	Action    string      `json:"action"`
	IP        string      `json:"ip"`
	UserAgent string      `json:"user_agent"`
	ClientID  string      `json:"client_id"`
	DeviceID  string      `json:"device_id"`
	CreatedAt string      `json:"created_at"`
	Meta      historyMeta `json:"meta"`
}

type historyMeta struct {
	From string `json:"from"`
}

const (
	historyPage    = 20
	historyPageMax = 100
)

// securityHistory: GET /v1/user/security/history, newest first. query[action] picks an action,
// ne_query[action] leaves one out. The envelope is a choice: the SDK's types know a single row
// only.
func (e *Emulator) securityHistory(ctx context.Context, c *call) (any, error) {
	query := c.request.URL.Query()
	limit, before := historyPage, int64(1<<62)
	var err error
	if given := query.Get("limit"); given != "" {
		if limit, err = strconv.Atoi(given); err != nil || limit < 1 || limit > historyPageMax {
			return nil, failText("invalid_argument", textBadPage)
		}
	}
	if given := query.Get("page_token"); given != "" {
		if before, err = strconv.ParseInt(given, 10, 64); err != nil || before < 1 {
			return nil, failText("invalid_argument", textBadPage)
		}
	}
	answer := struct {
		Total         int          `json:"total"`
		Data          []historyRow `json:"data"`
		NextPageToken string       `json:"next_page_token"`
	}{Data: []historyRow{}}
	const where = " FROM history WHERE env = ?1 AND sub = ?2 AND (?3 = '' OR action = ?3) AND (?4 = '' OR action <> ?4)"
	filter := []any{c.user.env, c.user.sub, query.Get("query[action]"), query.Get("ne_query[action]")}
	if err := e.store.db.QueryRowContext(ctx, "SELECT count(*)"+where, filter...).Scan(&answer.Total); err != nil {
		return nil, fmt.Errorf("emulator: count history: %w", err)
	}
	rows, err := e.store.db.QueryContext(ctx, "SELECT id, action, origin, ip, user_agent, client_id, device_id, created_at"+where+
		" AND id < ?5 ORDER BY id DESC LIMIT ?6", append(filter, before, limit+1)...)
	if err != nil {
		return nil, fmt.Errorf("emulator: read history: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if len(answer.Data) == limit {
			answer.NextPageToken = answer.Data[limit-1].ID
			break
		}
		var row historyRow
		var createdAt int64
		if err := rows.Scan(&row.ID, &row.Action, &row.Meta.From, &row.IP, &row.UserAgent, &row.ClientID, &row.DeviceID, &createdAt); err != nil {
			return nil, fmt.Errorf("emulator: read history: %w", err)
		}
		row.CreatedAt = rfc3339(createdAt)
		answer.Data = append(answer.Data, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("emulator: read history: %w", err)
	}
	return answer, nil
}

// origin is where this emulator is reached by the caller, for links to its pages.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
