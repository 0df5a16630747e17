package handlers

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/preview"
)

// One initial TCP window, headers included. What somebody may come to first, from an app or a
// bookmark, fits in with all it loads; every other page does alone, since what it loads is there.
const (
	windowBytes   = 14_600
	firstRequests = 3
)

// The portal's first visit is the page that hands over, what both load, a POST and the page itself.
const (
	portalBytes    = 24 << 10
	portalRequests = 5
)

// A scale weighs what a browser loads.
type scale struct {
	s      *site
	heads  int            // bytes of a page's status line and headers, with the session's cookie
	assets map[string]int // by address, compressed, with headers
}

// head is about what a response's status line and headers take in HTTP/1.1.
func head(resp *http.Response) int {
	n := len("HTTP/1.1 200 OK\r\n\r\n")
	for name, values := range resp.Header {
		for _, v := range values {
			n += len(name) + len(": \r\n") + len(v)
		}
	}
	return n
}

func (w *scale) fetch(t *testing.T, address string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.s.addr+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, req.Host, _ = strings.Cut(w.s.origins[0], "://")
	req.Header.Set("Accept-Encoding", "br")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", address, resp.StatusCode, err)
	}
	return resp, body
}

// loads are the style sheets and scripts that a page names, each once.
func loads(t *testing.T, body []byte) (addresses []string) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	p := &page{doc: doc}
	for _, n := range p.all(byTag("link", "script", "img")) {
		address := attr(n, "src")
		if n.Data == "link" && attr(n, "rel") == "stylesheet" {
			address = attr(n, "href")
		}
		if strings.HasPrefix(address, "/") && !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// weigh is what a page and all it loads take.
func (w *scale) weigh(t *testing.T, page []byte) (total int, all []string) {
	t.Helper()
	total, all = w.heads+len(page), loads(t, page)
	for _, address := range all {
		if w.assets[address] == 0 {
			resp, body := w.fetch(t, address)
			w.assets[address] = head(resp) + len(body)
		}
		total += w.assets[address]
	}
	return total, all
}

// TestWeights weighs every page in every state of the preview, in every language. TestWeight has
// Chromium count some of them.
func TestWeights(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider, withQR, func(c *siteConfig) {
		page := c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion})
		page.Anonymous = true
	})
	cfg := s.cfg
	cfg.NewAuth = preview.NewAuth
	rooms, err := newRooms(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &scale{s: s, assets: map[string]int{}}
	resp, first := w.fetch(t, s.base+"/sign-in/sms?"+entryQuery(appPage))
	w.heads = head(resp)
	if len(first) < 3000 || w.heads < 1000 {
		t.Fatalf("a page of %d bytes with %d of headers", len(first), w.heads)
	}
	entrances := map[string]bool{"/error": true}
	for _, row := range rooms.table() {
		entrances[row.Path] = entrances[row.Path] || row.Common
	}
	var table strings.Builder
	firsts := 0
	for _, locale := range s.cfg.Messages.Locales() {
		base, err := rooms.site.SampleRequest(t.Context(), loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}, locale.Locale(), entryQuery(appPage))
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range rooms.samples(base.AsSample(func(l *entry.LoginRequest) { l.RedirectURI = appPage })) {
			view, err := sample.Make()
			if err != nil {
				t.Fatal(err)
			}
			page := rendered(t, view, strings.Repeat("c", 86), strings.Repeat("d", 32))
			weight, with := w.heads+len(page), ""
			if entrances[sample.Path] && (sample.State == "empty" || sample.Page == "error") {
				firsts++
				var all []string
				if weight, all = w.weigh(t, page); len(all) > firstRequests-1 {
					t.Errorf("%s, %s: loads %v", sample.Page, sample.State, all)
				}
				with = " with what it loads"
			}
			fmt.Fprintf(&table, "%6d bytes%s: %s, %s, %s\n", weight, with, sample.Page, sample.State, locale.Locale())
			if weight > windowBytes {
				t.Errorf("%s, %s, %s: %d bytes, want %d", sample.Page, sample.State, locale.Locale(), weight, windowBytes)
			}
		}
	}
	if firsts < 100 {
		t.Errorf("only %d were taken for somebody's first page", firsts)
	}
	t.Log("\n" + table.String())
}

// TestWeightsOfPortal weighs the portal's first visit in every language, of somebody who is signed in
// to the app alone. TestWeightOfPortal has Chromium count it.
func TestWeightsOfPortal(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	_, login := s.signedIn(t)
	for _, locale := range s.cfg.Messages.Locales() {
		b := s.browser()
		b.t = t
		b.header.Set("Accept-Language", locale.Locale())
		w := &scale{s: s, assets: map[string]int{}}
		weigh := func(header http.Header, body int) int { return head(&http.Response{Header: header}) + body }
		first := b.open("/account").want(http.StatusOK, "hand-off")
		status, answer, _ := b.handOff(first, map[string]string{"access_token": login.Credentials.AccessToken}, nil)
		second := b.open("/account").want(http.StatusOK, "account")
		posted, err := strconv.Atoi(answer.Get("Content-Length"))
		if err != nil || status != http.StatusOK {
			t.Fatalf("handing over: %d, %v", status, err)
		}
		total, requests := weigh(first.header, len(first.body))+weigh(answer, posted)+weigh(second.header, len(second.body)), 3
		all := loads(t, []byte(first.body))
		if !slices.Equal(all, loads(t, []byte(second.body))) {
			t.Errorf("%s: the two pages load different files", locale.Locale())
		}
		for _, address := range all {
			resp, body := w.fetch(t, address)
			total, requests = total+head(resp)+len(body), requests+1
		}
		t.Logf("%s: %d bytes in %d requests", locale.Locale(), total, requests)
		if total > portalBytes || requests > portalRequests {
			t.Errorf("%s: %d bytes in %d requests, want %d in %d", locale.Locale(), total, requests, portalBytes, portalRequests)
		}
	}
}
