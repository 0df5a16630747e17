package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcb-login/bench/wire"
)

// The answer is the very one, and comes after the calls, which are the very ones too.
func TestAnswers(t *testing.T) {
	t.Parallel()
	var asked []string
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.RequestURI+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	defer backend.Close()
	app := newApp([]wire.Answer{{
		Path: "/a", Status: 422, Body: []byte("<p>no</p>"),
		Headers: []wire.Header{
			{Name: "Content-Type", Value: "text/html; charset=utf-8"}, {Name: "X-One", Value: "1"},
			{Name: "Set-Cookie", Value: "a=1; Path=/"}, {Name: "Set-Cookie", Value: "b=2; Path=/"},
		},
		Calls: []wire.Call{
			{Method: "POST", Path: "/in?x=1", Body: []byte("{}")},
			{Method: "GET", Path: "/me", Headers: []wire.Header{{Name: "Authorization", Value: "Bearer t"}}},
		},
	}, {Path: "/b", Status: 200}}, backend.URL)
	resp, err := app.Test(httptest.NewRequest("POST", "/a?query", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 422 || string(body) != "<p>no</p>" {
		t.Errorf("status %d, %q, %v", resp.StatusCode, body, err)
	}
	if diff := cmp.Diff([]string{"a=1; Path=/", "b=2; Path=/"}, resp.Header["Set-Cookie"]); diff != "" || resp.Header.Get("X-One") != "1" ||
		resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("headers: %v", resp.Header)
	}
	if diff := cmp.Diff([]string{"POST /in?x=1  {}", "GET /me Bearer t "}, asked); diff != "" {
		t.Error(diff)
	}
	if resp, err := app.Test(httptest.NewRequest("GET", "/b", nil)); err != nil || resp.StatusCode != 200 || len(asked) != 2 {
		t.Errorf("an answer without calls: %v, %v, %d calls", resp, err, len(asked))
	}
}
