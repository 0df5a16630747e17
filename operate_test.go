package main

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tryPassword posts a password for somebody to an environment's page and returns the answer, without
// its body.
func tryPassword(t *testing.T, origin, env, name string) *http.Response {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	defer client.CloseIdleConnections()
	page := origin + "/__auth/sign-in?env_id=" + env + "&redirect_uri=" + url.QueryEscape(origin+"/")
	resp, err := client.Get(page)
	if err != nil {
		t.Error(err)
		return &http.Response{}
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	form := url.Values{"username": {name}, "password": {"Wrong-pass-1"}}
	for _, m := range hiddenField.FindAllStringSubmatch(string(text), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	if err == nil {
		resp, err = client.PostForm(page, form)
	}
	if err != nil {
		t.Error(err)
		return &http.Response{}
	}
	resp.Body.Close()
	return resp
}

// TestEnvironmentsApart: each environment has its own breaker and its own calls in flight, as many as
// the settings say: one whose TCB is away, or answers nothing, takes no other along.
func TestEnvironmentsApart(t *testing.T) {
	t.Parallel()
	const inFlight = 3
	var hanging atomic.Int32
	release := make(chan struct{})
	text := fmt.Sprintf("backend_in_flight: %d\nbackend_timeout: 25s\nsession: {keys: [\"a key of more than thirty-two bytes, for this test\"]}\nenvironments:\n", inFlight)
	for env, answers := range map[string]http.HandlerFunc{
		"away": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"error":"unavailable"}`)
		},
		"hangs": func(w http.ResponseWriter, r *http.Request) {
			hanging.Add(1)
			select {
			case <-release:
			case <-r.Context().Done():
			}
		},
		"works": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_password"}`)
		},
	} {
		tcb := httptest.NewServer(answers)
		t.Cleanup(tcb.Close)
		text += "  - {id: " + env + ", endpoint: \"" + tcb.URL + "\"}\n"
	}
	s := start(t, 2, nil, "-listen", "127.0.0.1:0", "-admin-listen", "127.0.0.1:0", "-settings", settingsFile(t, text), "-data", t.TempDir())
	var waiting sync.WaitGroup
	t.Cleanup(func() { close(release); waiting.Wait() }) // before the program stops
	login := s.urls["login"]
	tries := 0
	eventually(t, "held back", func() bool {
		tries++
		tryPassword(t, login, "away", fmt.Sprint("person", tries)) // another one each time: guesses at one are limited
		_, body := ready(t, s)
		return strings.Contains(body, `"env_id":"away","status":"degraded","detail":"TCB does not answer: calls are held back`)
	})
	// Whoever looks after readiness has asked too, and waits.
	eventually(t, "asked", func() bool { return hanging.Load() == 1 })
	for i := 1; i < inFlight; i++ {
		waiting.Go(func() { tryPassword(t, login, "hangs", fmt.Sprint("person", i)) })
	}
	eventually(t, "in flight", func() bool { return hanging.Load() == inFlight })
	began := time.Now()
	for env, want := range map[string]int{"away": http.StatusServiceUnavailable, "hangs": http.StatusServiceUnavailable, "works": http.StatusUnprocessableEntity} {
		resp := tryPassword(t, login, env, "one-more")
		wait, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		if resp.StatusCode != want || want == http.StatusServiceUnavailable && (wait < 1 || wait > 30) {
			t.Errorf("%s: %s, Retry-After %d", env, resp.Status, wait)
		}
	}
	if took := time.Since(began); took > 10*time.Second || hanging.Load() != inFlight {
		t.Errorf("after %v, %d calls are in flight", took, hanging.Load())
	}
}
