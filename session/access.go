package session

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	accessPurpose = "access cookie"
	chunkSize     = 3800 // of value; browsers keep 4096 bytes of name, value and attributes
	maxChunks     = 4    // a TCB access token has at most 4096 characters
)

// Access is a login on our own pages: what we need to act for the person, and
// no more. The refresh token is not here, it belongs to the app's SDK alone. Cookies hold it in a form of
// its own (see appendTo); its JSON is what the version before wrote.
type Access struct {
	AccessToken string `json:"access_token"`
	Sub         string `json:"sub"`
	ExpiresAt   int64  `json:"expires_at"`          // Unix seconds, of AccessToken
	Anonymous   bool   `json:"anonymous,omitempty"` // nobody has registered yet
	DeviceID    string `json:"device_id,omitempty"` // that the login was made with, as far as we know
	Login       string `json:"login,omitempty"`     // names the login where AccessToken is not its first

	// AuthAt is when the person proved who they are, on our own pages (Unix seconds). A login that
	// came from the app has none: when its token was issued says only when it was last refreshed.
	AuthAt int64 `json:"auth_at,omitempty"`

	// SudoToken opens changes until SudoUntil (Unix seconds). TCB gives some people
	// an empty one: it is SudoUntil that says whether there is one.
	SudoToken string `json:"sudo_token,omitempty"`
	SudoUntil int64  `json:"sudo_until,omitempty"`
}

// AccessCookies seals a login into Set-Cookie values for ttl, bound to the
// session as it is now: call it after Rotate.
func (s *Session) AccessCookies(scope Scope, a Access, ttl time.Duration) ([]string, error) {
	sealed, err := s.sealBytes(associated(s.id, scope, accessPurpose), &a, ttl, 1)
	if err != nil {
		return nil, err
	}
	// The first digit says how many cookies belong together, so that one left
	// over from a longer token is not read.
	size := encoding.EncodedLen(len(sealed))
	cookies := (size + chunkSize) / chunkSize
	own := s.accessName(scope)
	if cookies == 1 {
		return append([]string{s.setSealed(own+"0", "1", sealed, ttl)}, s.makeRoom(own, size)...), nil
	}
	value := encode(strconv.Itoa(cookies), sealed)
	out := make([]string, 0, cookies)
	for i := range cookies {
		n := min(len(value), chunkSize)
		out = append(out, s.setAccessCookie(own+strconv.Itoa(i), value[:n], int(ttl.Seconds())))
		value = value[n:]
	}
	return append(out, s.makeRoom(own, size)...), nil
}

// maxAccess bounds what the logins of a browser add up to: servers refuse
// requests with more header than they read, and nobody could get out of that.
const maxAccess = 9 << 10

// makeRoom gives the Set-Cookie values that remove the other logins of this
// browser where they would be too much together with a new one.
func (s *Session) makeRoom(own string, size int) []string {
	all := own[:strings.Index(own, accessCookieName)] + accessCookieName
	var out []string
	for _, c := range s.cookies {
		if strings.HasPrefix(c.Name, all) && !strings.HasPrefix(c.Name, own) {
			size += len(c.Value)
			out = append(out, s.setAccessCookie(c.Name, "", -1))
		}
	}
	if size <= maxAccess {
		return nil
	}
	return out
}

// Access reads the login of scope, if this browser has one. Its step-up ends
// when anybody signs in or steps up in this browser, for another scope too: who
// sits there may have changed. That its sign-in was lately ends when the one who
// signs in is another. Where the deny list does not know whether the
// session has ended, there is no login: the app hands it over once more, under an
// id that no list has to know.
func (s *Session) Access(scope Scope) (Access, bool) {
	a, ok := s.AccessToEnd(scope)
	if s.doubt {
		return Access{}, false
	}
	return a, ok
}

// AccessToEnd is Access for who ends the login, where nothing is lost if it has
// ended before.
func (s *Session) AccessToEnd(scope Scope) (Access, bool) {
	own := s.accessName(scope)
	first, _ := s.cookie(own + "0")
	if first == "" {
		return Access{}, false
	}
	n := int(first[0] - '0')
	if n < 1 || n > maxChunks {
		return Access{}, false
	}
	sealed := first[1:]
	for i := 1; i < n; i++ {
		next, ok := s.cookie(own + strconv.Itoa(i))
		if !ok {
			return Access{}, false
		}
		sealed += next
	}
	var a Access
	if s.OpenProof(scope, accessPurpose, sealed, &a) {
		return a, true
	}
	if !s.Open(scope, accessPurpose, sealed, &a) {
		return Access{}, false
	}
	a.SudoToken, a.SudoUntil = "", 0
	if !s.samePerson() {
		a.AuthAt = 0
	}
	return a, true
}

// ClearAccess gives the Set-Cookie values that remove the login of scope.
func (s *Session) ClearAccess(scope Scope) []string {
	own := s.accessName(scope)
	var out []string
	for i := range maxChunks {
		if _, ok := s.cookie(own + strconv.Itoa(i)); ok {
			out = append(out, s.setAccessCookie(own+strconv.Itoa(i), "", -1))
		}
	}
	return out
}

// setAccessCookie gives a Set-Cookie value. The value is of what is plain in a cookie, as encode's text is:
// a long one would be looked through byte by byte, and copied once more.
func (s *Session) setAccessCookie(name, value string, maxAge int) string {
	begin, end := s.aroundValue(name, maxAge)
	return begin + value + end
}

// setSealed gives the Set-Cookie value for what was sealed, with a prefix before it.
func (s *Session) setSealed(name, prefix string, sealed []byte, ttl time.Duration) string {
	begin, end := s.aroundValue(name, int(ttl.Seconds()))
	var b strings.Builder
	b.Grow(len(begin) + len(prefix) + encoding.EncodedLen(len(sealed)) + len(end))
	b.WriteString(begin)
	b.WriteString(prefix)
	writeEncoded(&b, sealed)
	b.WriteString(end)
	return b.String()
}

// aroundValue is what stands before a cookie's value and after it.
func (s *Session) aroundValue(name string, maxAge int) (begin, end string) {
	empty := (&http.Cookie{
		Name: name, Path: s.m.basePath, MaxAge: maxAge,
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}).String()
	start := min(len(name)+len("="), len(empty)) // of a name that none can have it is empty
	return empty[:start], empty[start:]
}

// accessName is what the names of a login's cookies begin with: their numbers stand after it.
func (s *Session) accessName(scope Scope) string {
	return s.hashedName(accessCookieName, scope.Env, "\x00", scope.Client) + "_"
}

// hashedName is a cookie's name, with a hash of what it is for.
func (s *Session) hashedName(kind string, of ...string) string {
	all := make([]byte, 0, 128) // on the stack for all but odd names
	for _, part := range of {
		all = append(all, part...)
	}
	sum := sha256.Sum256(all)
	name := make([]byte, 0, 64)
	if s.secure {
		name = append(name, "__Secure-"...)
	}
	return string(hex.AppendEncode(append(name, kind...), sum[:6]))
}
