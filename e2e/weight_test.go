//go:build e2e

package e2e

import (
	"strings"
	"sync"
	"testing"
)

// The budget of a first visit: one initial TCP window, in at most three requests.
const (
	maxBytes    = 14_600
	maxRequests = 3
)

// TestWeight counts what a first visit of the sign-in page brings over the wire, headers included,
// as Chromium counts it.
func TestWeight(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	for _, language := range []string{"en-US", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			v := s.visit(t, speaking(language))
			b := v.open(t, "about:blank")
			cdp, err := v.context.NewCDPSession(b.Page)
			if err != nil {
				t.Fatal(err)
			}
			var (
				mu    sync.Mutex
				urls  = map[string]string{} // by request id
				bytes = map[string]int{}
				total int
			)
			cdp.On("Network.requestWillBeSent", func(e map[string]any) {
				mu.Lock()
				defer mu.Unlock()
				if u := e["request"].(map[string]any)["url"].(string); !strings.HasPrefix(u, "data:") {
					urls[e["requestId"].(string)] = u
				}
			})
			cdp.On("Network.loadingFinished", func(e map[string]any) {
				mu.Lock()
				defer mu.Unlock()
				if u, ok := urls[e["requestId"].(string)]; ok {
					n := int(e["encodedDataLength"].(float64))
					bytes[u] += n
					total += n
				}
			})
			if _, err := cdp.Send("Network.enable", nil); err != nil {
				t.Fatal(err)
			}
			b.goTo(t, s.entry(s.origin+where))
			b.at(t, "sign-in")
			// The load event is past, and a page without timers fetches nothing later; what the
			// script may still want to fetch it would have asked for by the time it has answered
			// this.
			if _, err := b.Evaluate(`() => new Promise((done) => requestIdleCallback(done))`); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			t.Logf("%d bytes in %d requests", total, len(urls))
			if total == 0 || total > maxBytes {
				t.Errorf("%d bytes for a first visit, want at most %d: %v", total, maxBytes, bytes)
			}
			if len(urls) > maxRequests || len(bytes) != len(urls) {
				t.Errorf("%d requests, %d of them answered; want at most %d: %v", len(urls), len(bytes), maxRequests, urls)
			}
		})
	}
}
