//go:build e2e

package e2e

import (
	"strings"
	"sync"
	"testing"
)

// The budgets of a first visit. A public page comes within one initial TCP window. The portal comes
// as the page that hands over, what both load, a POST, and the page itself; its links repeat the
// app's query, which is what most of its bytes are.
const (
	maxBytes, maxRequests             = 14_600, 3
	maxPortalBytes, maxPortalRequests = 24 << 10, 5
)

// traffic is what a tab has loaded over the wire, headers included, as Chromium counts it.
type traffic struct {
	mu    sync.Mutex
	urls  map[string]string // by request id
	bytes map[string]int    // by address
	total int
}

func (b *tab) weigh(t *testing.T) *traffic {
	t.Helper()
	cdp, err := b.v.context.NewCDPSession(b.Page)
	if err != nil {
		t.Fatal(err)
	}
	w := &traffic{urls: map[string]string{}, bytes: map[string]int{}}
	cdp.On("Network.requestWillBeSent", func(e map[string]any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if u := e["request"].(map[string]any)["url"].(string); !strings.HasPrefix(u, "data:") {
			w.urls[e["requestId"].(string)] = u
		}
	})
	cdp.On("Network.requestServedFromCache", func(e map[string]any) { // none of the network's
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.urls, e["requestId"].(string))
	})
	cdp.On("Network.responseReceived", func(e map[string]any) { // nor is what comes from the disk
		if fromDisk, _ := e["response"].(map[string]any)["fromDiskCache"].(bool); fromDisk {
			w.mu.Lock()
			defer w.mu.Unlock()
			delete(w.urls, e["requestId"].(string))
		}
	})
	cdp.On("Network.loadingFinished", func(e map[string]any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if u, ok := w.urls[e["requestId"].(string)]; ok {
			n := int(e["encodedDataLength"].(float64))
			w.bytes[u] += n
			w.total += n
		}
	})
	if _, err := cdp.Send("Network.enable", nil); err != nil {
		t.Fatal(err)
	}
	return w
}

// within fails where it is more than a budget.
func (w *traffic) within(t *testing.T, b *tab, bytes, requests int) {
	t.Helper()
	// The load event is past, and a page without timers fetches nothing later; what the script may
	// still want to fetch it would have asked for by the time it has answered this.
	if _, err := b.Evaluate(`() => new Promise((done) => requestIdleCallback(done))`); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Logf("%d bytes in %d requests: %v", w.total, len(w.urls), w.bytes)
	if w.total == 0 || w.total > bytes {
		t.Errorf("%d bytes for a first visit, want at most %d: %v", w.total, bytes, w.bytes)
	}
	if len(w.urls) > requests {
		t.Errorf("%d requests, want at most %d: %v", len(w.urls), requests, w.urls)
	}
}

// TestWeight weighs the first visit of each page that an app, a mail or a bookmark leads to.
func TestWeight(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	for _, language := range []string{"en-US", "zh-CN"} {
		for path, page := range map[string]string{
			"/": "sign-in", "/sign-in/sms": "sign-in-sms", "/sign-in/email": "sign-in-email", "/sign-up": "sign-up",
			"/reset-password": "reset-password", "/nowhere": "error",
		} {
			t.Run(language+" "+page, func(t *testing.T) {
				t.Parallel()
				v := s.visit(t, speaking(language))
				if page == "error" {
					v.expectBroken()
				}
				b := v.open(t, "about:blank")
				w := b.weigh(t)
				b.goTo(t, strings.Replace(s.entry(s.origin+where), "/__auth/?", "/__auth"+path+"?", 1))
				b.at(t, page)
				w.within(t, b, maxBytes, maxRequests)
			})
		}
	}
}

// TestWeightOfPortal: who is signed in to the app alone opens the portal, and nothing comes twice.
func TestWeightOfPortal(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	for _, language := range []string{"en-US", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			v := s.visit(t, speaking(language))
			v.signIn(t, demoName, demoPassword)
			if err := v.context.ClearCookies(); err != nil {
				t.Fatal(err)
			}
			b := v.open(t, "about:blank")
			if cached, err := v.context.NewCDPSession(b.Page); err != nil {
				t.Fatal(err)
			} else if _, err := cached.Send("Network.clearBrowserCache", nil); err != nil {
				t.Fatal(err)
			}
			w := b.weigh(t)
			b.goTo(t, s.portal(""))
			b.at(t, "account")
			w.within(t, b, maxPortalBytes, maxPortalRequests)
		})
	}
}
