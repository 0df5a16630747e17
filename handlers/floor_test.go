package handlers

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// TestBusy: who finds no place is told so by the form, with what was typed; nothing was sent and
// nothing counted. A stranger who takes all the places of a network takes none of another's.
func TestBusy(t *testing.T) {
	t.Parallel()
	const places = 32 // a network's
	s := newSite(t, func(c *siteConfig) { c.counter = limitless{} })
	s.backend.captcha("never")
	asked, goOn := make(chan bool, 2*places), make(chan bool)
	s.backend.answer("/v1/verification", func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		select {
		case <-goOn:
		case <-r.Context().Done():
		}
		s.backend.em.ServeHTTP(w, r)
	})
	stranger, owner := s.browser().at("203.0.113.9"), s.browser().at("203.0.113.10")
	first := stranger.open("/sign-in/email")
	post := func(b *browser, p *page, to string) (*page, error) {
		return b.try(http.MethodPost, p.action(), p.filled(fields{"email": to}), nil)
	}
	var group sync.WaitGroup
	statuses := make(chan int, places+1)
	send := func(b *browser, p *page, to string) {
		group.Go(func() {
			got, err := post(b, p, to)
			if err != nil {
				t.Error(err)
			}
			statuses <- status(got)
		})
	}
	for i := range places {
		send(stranger, first, fmt.Sprintf("someone%d@example.com", i))
		<-asked
	}
	p, err := post(stranger, first, "beyond@example.com")
	if err != nil {
		t.Fatal(err)
	}
	p.want(http.StatusServiceUnavailable, "sign-in-email", "error.busy").wantRetryAfter("5").wantValue(fields{"email": "beyond@example.com"})
	send(owner, owner.open("/sign-in/email"), demoEmail)
	<-asked // the owner's reaches TCB
	close(goOn)
	group.Wait()
	for range places + 1 {
		if got := <-statuses; got != http.StatusSeeOther {
			t.Errorf("a request that had a place: status %d", got)
		}
	}
	if n := len(s.backend.messages("beyond@example.com")); n != 0 {
		t.Errorf("%d messages were sent to who was told to wait", n)
	}
	if p, err = post(stranger, p, "beyond@example.com"); err != nil || p.status != http.StatusSeeOther {
		t.Errorf("afterwards: %v, %v", status(p), err)
	}
}
