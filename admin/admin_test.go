package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

func ask(t *testing.T, cfg Config, method, path string) (int, health) {
	t.Helper()
	resp, err := New(cfg).Test(httptest.NewRequest(method, path, nil), int((10 * time.Second).Milliseconds()))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var h health
	if resp.Header.Get("Content-Type") == "application/json" {
		if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, h
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	works := func(context.Context) error { return nil }
	fails := func(context.Context) error { return errors.New("no answer") }
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	tests := []struct {
		name     string
		checks   map[string]Check
		path     string
		status   int
		problems []string
	}{
		{"alive", map[string]Check{"a": fails}, "/healthz", http.StatusOK, nil},
		{"ready", map[string]Check{"a": works, "b": works}, "/readyz", http.StatusOK, nil},
		{"ready with nothing to check", nil, "/readyz", http.StatusOK, nil},
		{"not ready", map[string]Check{"b": fails, "a": fails, "c": works}, "/readyz", http.StatusServiceUnavailable, []string{"a: no answer", "b: no answer"}},
		{"late", map[string]Check{"a": hangs, "b": works}, "/readyz", http.StatusServiceUnavailable, []string{"a: context deadline exceeded"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, h := ask(t, Config{Version: "v1", Checks: tt.checks, Timeout: 50 * time.Millisecond}, http.MethodGet, tt.path)
			want := map[int]string{200: "ok", 503: "not ready"}[tt.status]
			if status != tt.status || h.Status != want || h.Version != "v1" || !slices.Equal(h.Problems, tt.problems) {
				t.Errorf("%d %+v, want %d %s %q", status, h, tt.status, want, tt.problems)
			}
		})
	}
	if status, _ := ask(t, Config{}, http.MethodGet, "/"); status != http.StatusNotFound {
		t.Errorf("/ answers %d", status)
	}
	if status, _ := ask(t, Config{}, http.MethodPost, "/healthz"); status != http.StatusMethodNotAllowed {
		t.Errorf("POST answers %d", status)
	}
}
