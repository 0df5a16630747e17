package authclient_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tcb-login/authclient"
)

// certs is TCB as far as its public keys go.
type certs struct {
	mu    sync.Mutex
	keys  []object
	fails string        // instead of keys, the whole answer
	held  chan struct{} // answers wait until it is closed, where it is set
	asked int
}

func (c *certs) client() *http.Client {
	return &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		c.mu.Lock()
		c.asked++
		held, body := c.held, c.fails
		if body == "" {
			body = string(must(json.Marshal(object{"keys": c.keys})))
		}
		c.mu.Unlock()
		if r.Method != http.MethodGet || r.URL.Path != "/auth/v1/certs" {
			body = `{"error":"not_found"}`
		}
		if held != nil {
			select {
			case <-held:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
		return &http.Response{StatusCode: http.StatusOK, Request: r, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
	})}
}

func (c *certs) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *certs) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// keyed is a client and the TCB that it fetches keys of, in a bubble, where time passes by itself.
func keyed(t *testing.T, test func(t *testing.T, tcb *certs, client *authclient.Client)) {
	t.Parallel()
	tcbKey()
	otherKey()
	synctest.Test(t, func(t *testing.T) {
		tcb := &certs{keys: []object{jwk("k1", tcbKey())}}
		test(t, tcb, newClient(t, authclient.Config{HTTPClient: tcb.client()}))
	})
}

// fresh is a token of this moment, of a key.
func fresh(kid string, key *rsa.PrivateKey) string {
	return signed(with(header, "kid", kid), claimsAt(time.Now()), key)
}

// fetches says how many times the keys were asked for so far.
func (c *certs) fetches(t *testing.T, when string, want int) {
	t.Helper()
	if got := c.count(); got != want {
		t.Errorf("%s: the keys were asked for %d times, want %d", when, got, want)
	}
}

func TestKeysRotate(t *testing.T) {
	keyed(t, func(t *testing.T, tcb *certs, client *authclient.Client) {
		ctx := t.Context()
		for range 3 {
			if err := verify(ctx, client, fresh("k1", tcbKey())); err != nil {
				t.Fatal(err)
			}
		}
		tcb.fetches(t, "one key", 1)
		tcb.set(func() { tcb.keys = append(tcb.keys, jwk("k2", otherKey())) })
		refusal(t, verify(ctx, client, fresh("k2", otherKey())), authclient.ErrUnauthenticated)
		tcb.fetches(t, "too soon", 1)
		time.Sleep(30 * time.Second)
		if err := verify(ctx, client, fresh("k2", otherKey())); err != nil {
			t.Error(err)
		}
		tcb.fetches(t, "a new key", 2)
		// An old key that TCB has taken back serves for an hour, and no longer.
		tcb.set(func() { tcb.keys = tcb.keys[1:] })
		time.Sleep(time.Hour)
		if err := verify(ctx, client, fresh("k2", otherKey())); err != nil {
			t.Error(err)
		}
		synctest.Wait() // it was fetched behind
		tcb.fetches(t, "after an hour", 3)
		refusal(t, verify(ctx, client, fresh("k1", tcbKey())), authclient.ErrUnauthenticated)
		tcb.fetches(t, "a key that is gone", 3)
	})
}

// Somebody who makes up key ids makes us ask once in 30 seconds, and however many people wait, they
// wait for one answer.
func TestKeysFetchedOnce(t *testing.T) {
	keyed(t, func(t *testing.T, tcb *certs, client *authclient.Client) {
		held := make(chan struct{})
		tcb.set(func() { tcb.held = held })
		results := make(chan error, 101)
		for range 100 {
			go func() { results <- verify(t.Context(), client, fresh("k1", tcbKey())) }()
		}
		leaving, leave := context.WithCancel(t.Context())
		go func() { results <- verify(leaving, client, fresh("k1", tcbKey())) }()
		synctest.Wait()
		leave()
		if err := <-results; !errors.Is(err, context.Canceled) || !errors.Is(err, authclient.ErrUnreachable) {
			t.Errorf("who left gets %v", err)
		}
		close(held)
		for range 100 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		tcb.fetches(t, "100 at once", 1)
		for i := range 100 {
			time.Sleep(time.Second)
			refusal(t, verify(t.Context(), client, fresh(fmt.Sprint("made-up-", i), otherKey())), authclient.ErrUnauthenticated)
		}
		tcb.fetches(t, "100 made-up keys in 100 seconds", 4)
	})
}

// While TCB is away nobody's token is called wrong, and keys that are known serve on for a day.
func TestKeysAway(t *testing.T) {
	keyed(t, func(t *testing.T, tcb *certs, client *authclient.Client) {
		ctx := t.Context()
		for _, answer := range []string{
			`{"error":"unauthenticated"}`, `{"error":"internal"}`, `{"keys":[]}`, `{"keys":[{"kty":"oct","kid":"k1","k":"c2VjcmV0"}]}`, `{"keys":"x"}`,
		} {
			tcb.set(func() { tcb.fails = answer })
			err := verify(ctx, client, fresh("k1", tcbKey()))
			if refusal(t, err, authclient.ErrUnreachable); errors.Is(err, authclient.ErrUnauthenticated) {
				t.Errorf("%s: %v", answer, err)
			}
			before := tcb.count()
			refusal(t, verify(ctx, client, fresh("k1", tcbKey())), authclient.ErrUnreachable)
			tcb.fetches(t, "at once again", before)
			time.Sleep(5 * time.Second)
		}
		tcb.set(func() { tcb.fails = "" })
		if err := verify(ctx, client, fresh("k1", tcbKey())); err != nil {
			t.Fatal(err)
		}
		tcb.set(func() { tcb.fails, tcb.held = `{"error":"internal"}`, make(chan struct{}) })
		time.Sleep(24*time.Hour - time.Second)
		began := time.Now()
		if err := verify(ctx, client, fresh("k1", tcbKey())); err != nil || time.Since(began) != 0 {
			t.Errorf("with keys of yesterday: %v, after %v", err, time.Since(began))
		}
		tcb.set(func() { close(tcb.held); tcb.held = nil })
		synctest.Wait()
		time.Sleep(time.Minute)
		refusal(t, verify(ctx, client, fresh("k1", tcbKey())), authclient.ErrUnreachable)
	})
}

// Keys that RS256 cannot be checked with, or not well, are passed over, and the rest are taken.
func TestParseKeys(t *testing.T) {
	t.Parallel()
	good := jwk("k1", tcbKey())
	small := jwk("small", must(rsa.GenerateKey(rand.Reader, 1024)))
	sets := []object{
		good, with(with(good, "kid", "plain"), "use", nil), with(with(good, "kid", "bare"), "alg", nil),
		with(with(good, "kid", "enc"), "use", "enc"), with(with(good, "kid", "RS512"), "alg", "RS512"), with(with(good, "kid", "EC"), "kty", "EC"),
		with(good, "kid", ""), small, with(with(good, "kid", "e1"), "e", "AQ"), with(with(good, "kid", "even"), "e", "BA"),
		with(with(good, "kid", "long e"), "e", "AAAAAAAAAAAB"), with(with(good, "kid", "no n"), "n", ""), with(with(good, "kid", "bad n"), "n", "!"),
		with(with(good, "kid", "huge"), "n", base64.RawURLEncoding.EncodeToString(slices.Repeat([]byte{0xff}, 1025))),
	}
	got, err := authclient.ParseKeys(must(json.Marshal(object{"keys": sets})))
	if err != nil || len(got) != 3 || got["k1"] == nil || got["plain"] == nil || got["bare"] == nil || !got["k1"].Equal(&tcbKey().PublicKey) {
		t.Errorf("%d keys, %v", len(got), err)
	}
	for _, none := range []string{"", "null", "{}", "[]", `{"keys":{}}`, `{"keys":[1]}`, `{"keys":[{}]}`} {
		if got, err := authclient.ParseKeys([]byte(none)); err == nil {
			t.Errorf("%s: %d keys", none, len(got))
		}
	}
}

// FuzzParseKeys: whatever is taken for a key of TCB's is one that a signature can be checked with.
func FuzzParseKeys(f *testing.F) {
	good := jwk("k1", tcbKey())
	for _, set := range []object{good, with(good, "e", "AQ"), with(good, "n", "AAAA"), with(good, "kty", "EC")} {
		f.Add(must(json.Marshal(object{"keys": []object{set}})))
	}
	f.Add([]byte(`{"keys":[{"kty":"oct"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, err := authclient.ParseKeys(raw)
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		for kid, key := range keys {
			if kid == "" || key.Size() < 256 || key.Size() > 1024 || key.E < 3 || key.E%2 == 0 {
				t.Errorf("%q is %d bytes, e %d", kid, key.Size(), key.E)
			}
		}
	})
}
