//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// A personOf an origin is somebody with a browser that keeps cookies and runs no script. Many of them
// at once cost little.
type personOf struct {
	origin string
	client *http.Client
	forms  int
	asked  *requests // nil: nobody counts
}

// requests are how many were made, and of how many nothing came.
type requests struct{ gets, posts, failed atomic.Int64 }

// newPerson is somebody at this machine's address.
func newPerson(t *testing.T, origin string) *personOf {
	t.Helper()
	return newPersonFrom(t, origin, nil)
}

// newPersonFrom is somebody with an address of their own on the loopback network, since what one
// address may do is limited.
func newPersonFrom(t *testing.T, origin string, from net.IP) *personOf {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	// A connection for each request: whoever has one already would notice nothing.
	transport := &http.Transport{DisableKeepAlives: true}
	if from != nil {
		transport.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).DialContext
	}
	return &personOf{origin: origin, client: &http.Client{Jar: jar, Transport: transport, Timeout: patience}}
}

// again is somebody else's browser with the cookies of this one, who has copied them.
func (p *personOf) again(t *testing.T) *personOf {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(p.origin + "/__auth/")
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(u, p.client.Jar.Cookies(u))
	copied := *p
	copied.client = &http.Client{Jar: jar, Transport: p.client.Transport, Timeout: patience}
	return &copied
}

// entry is the address of a page.
func (p *personOf) entry(page string) string {
	return "/__auth/" + page + "?env_id=my-env-1a2b3c&client_id=my-env-1a2b3c&redirect_uri=" + url.QueryEscape(p.origin+"/")
}

// do makes a request, a form's where there is one, and returns what came of it in the end.
func (p *personOf) do(ctx context.Context, method, path string, form url.Values) (status int, body string, err error) {
	if p.asked != nil {
		defer func() {
			if err != nil || status >= http.StatusInternalServerError {
				p.asked.failed.Add(1)
			}
		}()
		if p.asked.gets.Add(1); form != nil {
			p.asked.gets.Add(-1)
			p.asked.posts.Add(1)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, p.origin+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Referer", p.origin+p.entry("sign-in")) // where browsers are told nothing else
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", p.origin)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func (p *personOf) ask(t *testing.T, method, path string, form url.Values) (int, string) {
	t.Helper()
	status, body, err := p.do(t.Context(), method, path, form)
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

var (
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	formAction  = regexp.MustCompile(`<form id="form" method="post" action="([^"]*)"`)
)

// fields are the hidden ones of a page, and others.
func fields(page string, more ...string) url.Values {
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// submit posts the form of a page with what is typed in it.
func (p *personOf) submit(ctx context.Context, page string, typed ...string) (status int, answer string, err error) {
	action := formAction.FindStringSubmatch(page)
	if action == nil {
		return 0, "", errors.New("the page has no form")
	}
	return p.do(ctx, http.MethodPost, html.UnescapeString(action[1]), fields(page, typed...))
}

// sendCode asks for a code to an address. What comes is the page that takes it, if nothing is in the
// way.
func (p *personOf) sendCode(ctx context.Context, email string) (status int, answer string, err error) {
	status, page, err := p.do(ctx, http.MethodGet, p.entry("sign-in/email"), nil)
	if err != nil || status != http.StatusOK {
		return status, page, err
	}
	return p.submit(ctx, page, "email", email)
}

// A newLogin is who a page has just signed in.
type newLogin struct {
	Sub   string
	Email string // of the account, where the page knows it
}

var (
	accessToken = regexp.MustCompile(`"access_token":"([^"]+)"`)
	userEmail   = regexp.MustCompile(`"email":"([^"]+)"`)
)

// loginOf is whom a page signs in; nil: nobody.
func loginOf(page string) *newLogin {
	found := accessToken.FindStringSubmatch(page)
	if found == nil {
		return nil
	}
	login := &newLogin{}
	if parts := strings.Split(found[1], "."); len(parts) == 3 {
		if claims, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(claims, login) // what has no sub is nobody's
		}
	}
	if email := userEmail.FindStringSubmatch(page); email != nil {
		login.Email = email[1]
	}
	return login
}

// signOut ends the login.
func (p *personOf) signOut(ctx context.Context) error {
	status, page, err := p.do(ctx, http.MethodGet, p.entry("sign-out"), nil)
	if err == nil && status == http.StatusOK {
		status, _, err = p.do(ctx, http.MethodPost, p.entry("sign-out"), fields(page))
	}
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("signing out: %d", status)
	}
	return err
}

// seesAccount reports whether the portal takes the browser's login.
func (p *personOf) seesAccount(ctx context.Context) (bool, error) {
	status, page, err := p.do(ctx, http.MethodGet, p.entry("account"), nil)
	return err == nil && status == http.StatusOK && strings.Contains(page, `data-page="account"`), err
}
