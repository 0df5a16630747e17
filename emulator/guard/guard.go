// Package guard decides who may use the emulator's controls. They show every code and change every
// account, so they answer to this machine alone, or to whoever has the control token.
//
// It knows requests, and nothing of what the controls do; package emulator asks it.
package guard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"tcb-login/config/input"
	"tcb-login/pattern"
)

// TokenLength is the least that a control token has, and what NewToken makes.
const TokenLength = 32

// cookieName is the page's cookie, which only its own folder gets.
const cookieName = "tcb_emulator_control"

var tokenPattern = pattern.New(`^[A-Za-z0-9._~+/-]+=*$`) // as Authorization can carry it (RFC 6750 §2.1)

// A Verdict says whether a request may use the controls.
type Verdict int

// The verdicts.
const (
	Allowed Verdict = iota
	Refused         // not from this machine, or from another site's page
	NoToken         // the control token is missing or wrong
)

// Guard decides. The zero value has no token.
type Guard struct {
	hash   []byte // of the token, so that comparing takes as long for every length
	cookie string // what the page's browser keeps
	proof  string // what the page's forms carry
	path   string
}

// Token is a control token as it was written, without what stands around secrets by accident; "" is
// none. No error repeats it.
func Token(written string) (string, error) {
	if written == "" {
		return "", nil
	}
	token, invisible := input.TrimSecret(written)
	switch {
	case token == "":
		return "", errors.New("the control token is empty")
	case invisible != "":
		return "", fmt.Errorf("the control token begins or ends with an invisible character, %s", invisible)
	case len(token) < TokenLength || !tokenPattern.MatchString(token):
		return "", errors.New("the control token needs 32 characters or more, of letters, digits and . _ ~ + / - alone")
	}
	return token, nil
}

// New returns a guard of the controls below a path. Without a token they are for this machine alone;
// with one, this machine needs it too.
func New(path, written string) (*Guard, error) {
	token, err := Token(written)
	if err != nil {
		return nil, err
	}
	g := &Guard{path: path}
	if token == "" {
		return g, nil
	}
	g.hash = hash(token)
	// Not the token itself: cookies know no ports, so another server on this host could read it.
	g.cookie = derive(token, "cookie of the emulator's page")
	g.proof = derive(token, "form of the emulator's page")
	return g, nil
}

func derive(token, use string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(use))
	return hex.EncodeToString(mac.Sum(nil))
}

// NewToken makes a token of 32 random characters.
func NewToken() string {
	b := make([]byte, TokenLength/4*3)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// HasToken says whether a token is needed.
func (g *Guard) HasToken() bool { return g.hash != nil }

// Is says whether this is the token.
func (g *Guard) Is(token string) bool {
	return g.hash != nil && subtle.ConstantTimeCompare(hash(token), g.hash) == 1
}

// proofName is the parameter of a form's address that has the proof.
const proofName = "proof"

// Proof is the query of the addresses that the page's forms post to; "" without a token. It opens
// nothing. It shows that a form is the page's where the browser does not say: on plain HTTP it sends
// no Sec-Fetch-Site, and behind a proxy that adds "Referrer-Policy: no-referrer" its Origin is null.
func (g *Guard) Proof() string {
	if g.proof == "" {
		return ""
	}
	return "?" + proofName + "=" + g.proof
}

// proven says whether a form has the proof.
func (g *Guard) proven(r *http.Request) bool {
	given := r.URL.Query().Get(proofName)
	return g.proof != "" && subtle.ConstantTimeCompare([]byte(given), []byte(g.proof)) == 1
}

// Check decides about a request. Only a page takes the cookie.
//
// Without a token, the peer's address keeps other machines out; the Host header keeps out pages whose
// name was rebound to 127.0.0.1 (DNS rebinding); and what a proxy passed on is not from this machine,
// wherever the proxy is. A token does all three: no other page knows it, nor gets the cookie.
// Sec-Fetch-Site and Origin keep other sites, and other ports of this host, from changing anything
// through the developer's browser. There is no CORS here, so they cannot read anything either.
func (g *Guard) Check(r *http.Request, page bool) Verdict {
	if !readsOnly(r.Method) && g.crossSite(r, page) {
		return Refused
	}
	switch {
	case g.hash == nil && (!loopbackAddress(r.RemoteAddr) || !LoopbackHost(r.Host) || forwarded(r.Header)):
		return Refused
	case g.hash == nil || g.authorized(r) || page && g.hasCookie(r):
		return Allowed
	}
	return NoToken
}

// authorized says whether the one Authorization header has the token.
func (g *Guard) authorized(r *http.Request) bool {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	return strings.EqualFold(scheme, "Bearer") && g.Is(strings.TrimSpace(token))
}

func (g *Guard) hasCookie(r *http.Request) bool {
	c, err := r.Cookie(cookieName)
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(g.cookie)) == 1
}

// SignIn gives the page's browser its cookie, if somebody typed the token.
func (g *Guard) SignIn(w http.ResponseWriter, token string) bool {
	if !g.Is(strings.TrimSpace(token)) {
		return false
	}
	g.setCookie(w, g.cookie, 0)
	return true
}

// SignOut takes the cookie away.
func (g *Guard) SignOut(w http.ResponseWriter) { g.setCookie(w, "", -1) }

// setCookie sets no Secure: the emulator speaks plain HTTP.
func (g *Guard) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: g.path + "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func loopbackAddress(address string) bool {
	peer, err := netip.ParseAddrPort(address)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// LoopbackHost says whether a Host names this machine, by an address or as localhost.
func LoopbackHost(host string) bool {
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

// proxyHeaders are what proxies and CDNs add beside X-Forwarded-….
var proxyHeaders = []string{
	"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Forwarded-For", "True-Client-Ip",
	"Cf-Connecting-Ip", "Cdn-Loop",
}

// forwarded reports that a request came through a proxy, which may have rewritten its Host: whoever
// is behind that is not this machine.
func forwarded(header http.Header) bool {
	for _, name := range proxyHeaders {
		if _, there := header[name]; there {
			return true
		}
	}
	for name := range header {
		if strings.HasPrefix(name, "X-Forwarded") {
			return true
		}
	}
	return false
}

func readsOnly(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// crossSite reports what another site's page has sent, for all that the browser says. A null Origin
// is no answer: a page that is of no site sends it too. Then Sec-Fetch-Site proves the page, or else
// what its form carries.
func (g *Guard) crossSite(r *http.Request, page bool) bool {
	site, origin := said(r.Header, "Sec-Fetch-Site"), said(r.Header, "Origin")
	switch site {
	case "", "same-origin", "none":
	default:
		return true
	}
	switch origin {
	case "":
		return false
	case "null":
		return site != "same-origin" && !(page && g.proven(r))
	}
	parsed, err := url.Parse(origin)
	return err != nil || input.OriginOf(parsed) != input.OriginOf(&url.URL{Scheme: parsed.Scheme, Host: r.Host})
}

// said is a header of one value. One that stands there with two is joined to what no rule knows.
func said(header http.Header, name string) (value string) {
	for _, next := range header.Values(name) {
		switch next = strings.TrimSpace(next); {
		case next == "" || next == value:
		case value == "":
			value = next
		default:
			return value + ", " + next
		}
	}
	return value
}
