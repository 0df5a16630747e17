package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tcb-login/limit/redistest"
)

// storeSettings name a Redis.
func storeSettings(t *testing.T, url, more string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "settings.yaml")
	yaml := `public_origins: ["http://127.0.0.1:8080"]
listen: 127.0.0.1:0
session:
  store: ` + url + `
  store_key: a-key-of-the-store-Kq7vXw2Zp9LmB4nRt8Ys
  keys: [a-key-of-sessions-Zp9LmB4nRt8YsKq7vXw2]
` + more + `environments: [{id: demo}]
`
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestCheckStore: -check asks the store too. One that cannot be reached from here is a warning; one
// that would forget, or does not let us in, is an error.
func TestCheckStore(t *testing.T) {
	t.Parallel()
	fine, forgets := redistest.Start(t), redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	locked, gone := redistest.Start(t, "--requirepass", "hunter2"), redistest.Start(t)
	gone.Cut()
	tests := []struct {
		name, url, more string
		code            int
		want            string
	}{
		{"fine", fine.URL(), "", 0, "settings are fine"},
		{"forgets", forgets.URL(), "", 1, `error: session.store: maxmemory-policy is not noeviction: Redis would forget limits and sign-outs when its memory is full (it is "allkeys-lru")`},
		{"password", locked.URL(), "  store_password: hunter2\n", 0, "settings are fine"},
		{"no password", locked.URL(), "", 1, "error: session.store: NOAUTH"},
		{"wrong password", locked.URL(), "  store_password: hunter3\n", 1, "error: session.store: WRONGPASS"},
		{"away", gone.URL(), "", 0, "warning: session.store: "},
	}
	for _, tt := range tests {
		code, stdout, stderr := runOnce(t, nil, "-check", "-settings", storeSettings(t, tt.url, tt.more))
		if code != tt.code || !strings.Contains(stdout, tt.want) || strings.Contains(stdout+stderr, "hunter") {
			t.Errorf("%s: exit %d\n%s%s", tt.name, code, stdout, stderr)
		}
	}
	code, _, stderr := runOnce(t, nil, "-settings", storeSettings(t, forgets.URL(), ""), "-emulator", "-emulator-listen", "127.0.0.1:0", "-data", t.TempDir())
	if code != 1 || !strings.Contains(stderr, "allkeys-lru") {
		t.Errorf("started with a store that forgets: exit %d\n%s", code, stderr)
	}
}

// TestStoreAway: an instance without its store is degraded and ready, from its start if need be, and
// says so no longer when the store is back.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	r.Cut()
	s := start(t, 3, nil, "-settings", storeSettings(t, r.URL(), ""), "-emulator", "-emulator-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0", "-data", t.TempDir())
	type health struct {
		Status       string
		Problems     []string
		Dependencies []struct{ Name, Status, Detail string }
	}
	awaits := func(status string) (h health) {
		t.Helper()
		r.Await(t, func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.urls["admin"]+"/readyz", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			h = health{}
			if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusOK || len(h.Problems) > 0 {
				t.Errorf("not ready: %d %+v", resp.StatusCode, h)
			}
			return h.Status == status
		})
		return h
	}
	store := awaits("degraded").Dependencies
	if last := store[len(store)-1]; last.Name != "store" || last.Status != "degraded" || last.Detail == "" {
		t.Errorf("%+v", store)
	}
	r.Resume()
	awaits("ok")
	r.Cut()
	awaits("degraded")
	r.Resume()
	awaits("ok")
}

// TestInstancesShare: two programs with one Redis count together.
func TestInstancesShare(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	one := start(t, 2, nil, "-settings", storeSettings(t, r.URL(), ""), "-emulator", "-emulator-listen", "127.0.0.1:0", "-data", t.TempDir())
	file := storeSettings(t, r.URL(), "")
	settings, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	settings = bytes.Replace(settings, []byte("{id: demo}"), []byte("{id: demo, endpoint: '"+one.urls["emulator"]+"'}"), 1)
	if err := os.WriteFile(file, settings, 0o600); err != nil {
		t.Fatal(err)
	}
	two := start(t, 1, nil, "-settings", file)
	for i := range 6 {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar, Transport: publicHost{}}
		page := []*started{one, two}[i%2].urls["login"] + "/__auth/sign-in?env_id=demo&client_id=demo&redirect_uri=" + url.QueryEscape("http://127.0.0.1:8080/")
		form := url.Values{"username": {"demo"}, "password": {fmt.Sprintf("Wrong-pass-%d", i)}}
		resp, err := client.Get(page)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		for _, m := range hiddenField.FindAllStringSubmatch(string(text), -1) {
			form.Set(m[1], html.UnescapeString(m[2]))
		}
		if resp, err = client.PostForm(page, form); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if limited := resp.StatusCode == http.StatusTooManyRequests; limited != (i > 3) {
			t.Errorf("try %d: %s", i, resp.Status)
		}
	}
}

// publicHost asks for the pages by the name that the settings have for them.
type publicHost struct{}

func (publicHost) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = "127.0.0.1:8080"
	return http.DefaultTransport.RoundTrip(r)
}
