// Package session keeps what the login page must remember of a browser, in
// cookies sealed with the operator's keys:
//
//   - the session cookie: a random id, the CSRF secret and the chosen locale.
//     It is small, says nothing about the person, and dies with the browser or
//     after MaxAge.
//   - the access cookie: the access token of who signed in on our pages, per
//     environment and client, split over several cookies where it is long.
//   - sealed values: what has to travel through a page or URL between two steps
//     (see Seal), readable and usable only by the same session, environment,
//     client and purpose.
//
// There is no server-side session. The one thing that must be remembered on
// the server is which ids are no longer good: Rotate puts the old one on a
// DenyList, so that a copied cookie dies with sign-in and sign-out. Such lists
// have an end, and what is added pushes out what is there. So those of logins
// that have ended are told apart, and nobody adds more than a quota.
//
// The list may be a store elsewhere, so it is asked for as little as will do:
// by Settle, which is due before a request changes anything, and where a login
// or a sealed value is opened; never for a form that is shown. And it may not
// know. Then logins are not taken: what else the session has goes on.
//
// The package knows cookies, not pages: it takes a Cookie header and gives
// Set-Cookie values. Neighbours: handlers decide when to rotate; limit holds
// the deny list and every counter.
package session

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
	"golang.org/x/crypto/chacha20poly1305"
)

// MaxAge is how long a session lives at most, whatever happens in it.
const MaxAge = 12 * time.Hour

// MinKey is the least length of a key, in bytes.
const MinKey = 32

const (
	cookieName       = "tcb_login"
	accessCookieName = "tcb_login_at_"
	csrfSize         = 32
)

// Config is what a Manager needs. Keys and Deny are required.
type Config struct {
	Keys     [][]byte // MinKey bytes of secret each; the first seals, all open
	Deny     DenyList
	Quota    Quota  // of each account, for ids replaced and for logins ended; nil for no end
	BasePath string // path of the access cookie, as /__auth
	Now      func() time.Time
	Rand     io.Reader
}

// Manager reads and writes sessions. It is safe for concurrent use.
type Manager struct {
	store    *sessions.CookieStore
	aeads    []cipher.AEAD
	device   *macs // under the key of device ids
	repeats  *macs // and under that of repeated requests
	deny     DenyList
	quota    Quota
	basePath string
	now      func() time.Time
	rand     io.Reader
}

// New derives from every key one for each use (HKDF, RFC 5869) and builds a Manager.
func New(cfg Config) (*Manager, error) {
	if len(cfg.Keys) == 0 {
		return nil, errors.New("session: no key")
	}
	if cfg.Deny == nil {
		return nil, errors.New("session: no deny list")
	}
	if cfg.Quota == nil {
		cfg.Quota = func(context.Context, string) bool { return true }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	m := &Manager{deny: cfg.Deny, quota: cfg.Quota, basePath: cfg.BasePath, now: cfg.Now, rand: cfg.Rand}
	var pairs [][]byte
	for i, key := range cfg.Keys {
		if len(key) < MinKey {
			return nil, fmt.Errorf("session: key %d has %d bytes, fewer than %d", i+1, len(key), MinKey)
		}
		sub := make(map[string][]byte, 5)
		for _, use := range []string{"cookie authentication", "cookie encryption", "sealed values", "device id", "repeated requests"} {
			k, err := hkdf.Key(sha256.New, key, nil, "tcb-login "+use, 32)
			if err != nil {
				return nil, fmt.Errorf("session: deriving a key: %w", err)
			}
			sub[use] = k
		}
		pairs = append(pairs, sub["cookie authentication"], sub["cookie encryption"])
		aead, err := chacha20poly1305.NewX(sub["sealed values"])
		if err != nil {
			return nil, fmt.Errorf("session: %w", err)
		}
		m.aeads = append(m.aeads, aead)
		if i == 0 {
			m.device, m.repeats = newMACs(sub["device id"]), newMACs(sub["repeated requests"])
		}
	}
	m.store = sessions.NewCookieStore(pairs...)
	for _, codec := range m.store.Codecs {
		if sc, ok := codec.(*securecookie.SecureCookie); ok {
			sc.MaxAge(0) // Load judges the age, by our clock and from when the id was made
			sc.SetSerializer(stringValues{})
		}
	}
	var own []securecookie.Codec
	for _, aead := range m.aeads {
		own = append(own, sealedCookie{aead, m.rand})
	}
	m.store.Codecs = append(own, m.store.Codecs...) // the first one writes; gorilla's read what the version before wrote
	return m, nil
}

// Session is one browser's, for the time of one request; not for concurrent use.
type Session struct {
	m       *Manager
	ctx     context.Context
	cookies []*http.Cookie // that the browser sent
	raw     *sessions.Session
	secure  bool
	id      string
	prev    string // the id before sign-in; see Rotate
	before  []byte // its CSRF secret
	csrf    []byte
	born    time.Time
	fresh   bool
	asked   bool // the deny list, if there is anything to ask it
	denied  bool // the cookie's id was on it
	doubt   bool // it did not know
	was     struct {
		id   string
		csrf []byte
	} // that id, and its CSRF secret: see Repeats
	dirty bool
}

// Load finds the session in a Cookie header, or starts a new one when there is
// none, it is too old or was tampered with. secure says that the page is on
// https; the cookie then has the __Host- prefix. Whether its id was denied is
// found out when it matters: see Settle.
func (m *Manager) Load(ctx context.Context, cookieHeader string, secure bool) *Session {
	name := cookieName
	if secure {
		name = "__Host-" + cookieName
	}
	raw := sessions.NewSession(m.store, name)
	*raw.Options = sessions.Options{Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	s := &Session{m: m, ctx: ctx, raw: raw, secure: secure}
	if cookieHeader != "" {
		s.cookies = (&http.Request{Header: http.Header{"Cookie": {cookieHeader}}}).Cookies()
	}
	if sealed, ok := s.cookie(name); ok {
		// As m.store.New does, which would read the cookies once more. What does not open has no values.
		_ = securecookie.DecodeMulti(name, sealed, &raw.Values, m.store.Codecs...)
	}
	id, _ := raw.Values["id"].(string)
	csrf, _ := raw.Values["csrf"].(string)
	born, _ := raw.Values["born"].(string)
	since, err := strconv.ParseInt(born, 10, 64)
	age := m.now().Sub(time.Unix(since, 0))
	if err == nil && len(id) == 32 && len(csrf) == 2*csrfSize && age < MaxAge && age > -time.Minute {
		if secret, err := hex.DecodeString(csrf); err == nil {
			s.id, s.csrf, s.born = id, secret, time.Unix(since, 0)
			s.prev, _ = raw.Values["prev"].(string)
			before, _ := raw.Values["before"].(string)
			s.before, _ = hex.DecodeString(before)
			return s
		}
	}
	s.startAnew()
	return s
}

func (s *Session) renew() {
	b := make([]byte, 16+csrfSize)
	mustRead(s.m.rand, b)
	s.id, s.csrf = hexOf(b[:16]), b[16:]
	s.raw.Values["id"] = s.id
	s.raw.Values["csrf"] = hexOf(s.csrf)
	s.born = s.m.now()
	s.raw.Values["born"] = strconv.FormatInt(s.born.Unix(), 10)
	s.dirty = true
}

// Locale is the one the person chose, or empty.
func (s *Session) Locale() string {
	locale, _ := s.raw.Values["locale"].(string)
	return locale
}

// SetLocale remembers a choice of language.
func (s *Session) SetLocale(locale string) {
	if locale != s.Locale() {
		s.raw.Values["locale"] = locale
		s.dirty = true
	}
}

// Rotate gives the session a new id and CSRF secret and denies the old id, as
// is due at sign-in, step-up and sign-out (OWASP ASVS 7.2.4). Cookies must be
// written after it.
//
// account is whose login begins, by any name that is theirs alone. Then this
// browser, and it alone, can still open what was sealed under the id before:
// signing in in one tab must not cost another tab its code, nor one client of an
// environment another one's login. What proves who sits there is over all the
// same: see OpenProof, OpenPersonal and Access. It is empty where a login ends, and everything
// sealed before is void.
func (s *Session) Rotate(ctx context.Context, account string) error {
	s.ask()
	had, _ := s.raw.Values["in"].(string) // whose login the session has
	begins := account != ""
	if begins {
		sum := sha256.Sum256([]byte(account))
		account = hexOf(sum[:8])
	}
	// An id that no cookie ever held, or that has no login to lose, is not worth
	// a place on a list: places that anybody can take push out those that count.
	// Nor is it for longer than its cookie would be taken.
	left := MaxAge - s.m.now().Sub(s.born)
	var err error
	switch {
	case s.fresh:
	case begins && s.m.quota(ctx, "began "+account):
		err = s.m.deny.Deny(ctx, denyKey(s.id), false, left)
	case !begins && had != "" && s.m.quota(ctx, "ended "+had):
		err = s.m.deny.Deny(ctx, denyKey(s.id), true, left)
	}
	if err != nil {
		return wrapDeny(err)
	}
	s.prev, s.before = "", nil
	if begins {
		s.prev, s.before = s.id, s.csrf
	}
	s.noteSignIn(account, had)
	s.raw.Values["in"] = account
	s.raw.Values["prev"] = s.prev
	s.raw.Values["before"] = hexOf(s.before)
	s.renew()
	return nil
}

// Cookies gives the Set-Cookie values that the response owes, none when nothing changed.
func (s *Session) Cookies() ([]string, error) {
	if !s.dirty {
		return nil, nil
	}
	// As m.store.Save does, but for a header to write it to.
	sealed, err := securecookie.EncodeMulti(s.raw.Name(), s.raw.Values, s.m.store.Codecs...)
	if err != nil {
		return nil, fmt.Errorf("session: writing the cookie: %w", err)
	}
	s.dirty = false
	return []string{sessions.NewCookie(s.raw.Name(), sealed, s.raw.Options).String()}, nil
}

// cookie is the value of the browser's first cookie of a name.
func (s *Session) cookie(name string) (value string, ok bool) {
	for _, c := range s.cookies {
		if c.Name == name {
			return c.Value, true
		}
	}
	return "", false
}

// hexOf is hex.EncodeToString of at most 32 bytes, which makes it twice, as bytes and as text.
func hexOf(b []byte) string {
	var text [64]byte
	return string(text[:hex.Encode(text[:], b)])
}

// CSRFToken is the session's CSRF secret under a new mask: pages repeat it
// beside what people typed, and a constant value there could be guessed from
// the page's compressed size (BREACH).
func (s *Session) CSRFToken() string {
	var b [2 * csrfSize]byte
	mustRead(s.m.rand, b[:csrfSize])
	subtle.XORBytes(b[csrfSize:], b[:csrfSize], s.csrf)
	return encode("", b[:])
}

// CSRFValid reports whether a token came from this session's pages.
func (s *Session) CSRFValid(token string) bool { return csrfValid(token, s.csrf) }

func csrfValid(token string, secret []byte) bool {
	b, err := encoding.DecodeString(token)
	if err != nil || len(b) != 2*csrfSize {
		return false
	}
	subtle.XORBytes(b[csrfSize:], b[:csrfSize], b[csrfSize:])
	return subtle.ConstantTimeCompare(b[csrfSize:], secret) == 1
}

// DeviceID is the device_id of a browser without script: 32 hex digits, the
// same throughout the session and known to nobody else.
func (s *Session) DeviceID() string {
	sum := s.m.device.sum([]byte(s.id), nil)
	return hexOf(sum[:16])
}

// mustRead fills b with randomness. Without it nothing here is safe, so there
// is no way on: crypto/rand itself ends the program for the same reason.
func mustRead(r io.Reader, b []byte) {
	if _, err := io.ReadFull(r, b); err != nil {
		panic("session: no randomness: " + err.Error())
	}
}
