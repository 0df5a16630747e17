package emulator

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestScan(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const app = "wx0123456789abcdef"
	generate := func() string {
		a := f.post("/v1/qrcode/generate", object{"envId": "demo", "wxAppId": app}).ok()
		if !strings.HasPrefix(a.str("qr_code"), "data:image/png;base64,") || a.body["expires_in"] != 300.0 {
			t.Errorf("generate: %v", a.body)
		}
		return a.str("qr_code_id")
	}
	status := func(id string) answer {
		return f.post("/v1/qrcode/get/status", object{"envId": "demo", "wxAppId": app, "qrCodeId": id})
	}
	scan := func(id string) string { return "/demo-idp/demo/" + app + "/scan?qr_code_id=" + id }
	id := generate()
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, "WAITING"},
		{func() { f.do("GET", scan(id), "") }, "SCANNED"},
		{func() { f.submit(scan(id), url.Values{"decision": {"allow"}, "sub": {"o-1"}}) }, "CONFIRMED"},
	} {
		step.do()
		if got := status(id).ok().str("status"); got != step.want {
			t.Errorf("status %s, want %s", got, step.want)
		}
	}
	f.signInProvider(status(id).str("provider_token")).ok()
	if got := f.submit(scan(id), url.Values{"decision": {"deny"}}).status; got != http.StatusNotFound {
		t.Errorf("a second answer: got %d", got)
	}
	id = generate()
	f.submit(scan(id), url.Values{"decision": {"deny"}})
	if got := status(id).ok().str("status"); got != "CANCELLED" {
		t.Errorf("status %s", got)
	}
	id = generate()
	f.clock.advance(scanLife + time.Second)
	if got := status(id).ok().str("status"); got != "EXPIRED" {
		t.Errorf("status %s", got)
	}
	// The controls list those that wait, and a code can be a link.
	f.settings(`{"qr_code":"link"}`)
	a := f.post("/v1/qrcode/generate", object{"envId": "demo", "wxAppId": app}).ok()
	if want := f.url + scan(a.str("qr_code_id")); a.str("qr_code") != want {
		t.Errorf("the link is %s, want %s", a.str("qr_code"), want)
	}
	want := []any{object{"id": a.str("qr_code_id"), "env": "demo", "app_id": app, "status": "WAITING", "url": a.str("qr_code")}}
	if diff := cmp.Diff(want, f.do("GET", "/__emulator/scans.json", "").ok().body["scans"]); diff != "" {
		t.Errorf("the codes that wait (-want +got):\n%s", diff)
	}
	if page := f.do("GET", "/__emulator/", "").str("raw"); !strings.Contains(page, a.str("qr_code_id")) {
		t.Error("the outbox has no phone for the code")
	}
	f.do("PUT", "/__emulator/settings", `{"qr_code":"x"}`).fails("invalid_argument")
	status("x").fails("invalid_argument")
	f.post("/v1/qrcode/generate", object{"envId": "west", "wxAppId": app}).fails("invalid_argument")
	f.post("/v1/qrcode/generate", object{"envId": "demo", "wxAppId": "demo"}).fails("provider_not_enabled")
}
