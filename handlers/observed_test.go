package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestLogLine: a line says which login page it is about, and why somebody did not get what they asked
// for.
func TestLogLine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	tests := []struct {
		name string
		ask  func() *page
		want logLine
	}{
		{"a page", func() *page { return b.open("/sign-in") },
			logLine{Status: 200, EnvID: "demo", ClientID: "demo", ConfigVersion: "env"}},
		{"no environment", func() *page {
			return b.get(publicOrigin + "/__auth/sign-in?env_id=nowhere&redirect_uri=" + url.QueryEscape(publicOrigin+"/"))
		},
			logLine{Status: 400, EnvID: "nowhere", Reason: "env_unknown"}},
		{"no such client", func() *page { return b.get(publicOrigin + "/__auth/sign-in?env_id=demo&client_id=other-app") },
			logLine{Status: 400, EnvID: "demo", ClientID: "other-app", Reason: "client_unknown"}},
		{"no such version", func() *page { return b.get(publicOrigin + "/__auth/sign-in?env_id=demo&app_id=shop&config_version=2") },
			logLine{Status: 400, EnvID: "demo", ClientID: "demo", ConfigVersion: "2", Reason: "config_unknown"}},
		{"somebody's own words", func() *page { return b.get(publicOrigin + "/__auth/sign-in?env_id=" + url.QueryEscape("a\nb \"c\"")) },
			logLine{Status: 400, Reason: "parameter", Parameter: "env_id"}},
		{"a parameter twice", func() *page { return b.get(publicOrigin + "/__auth/sign-in?env_id=demo&env_id=other") },
			logLine{Status: 400, EnvID: "other", Reason: "parameter", Parameter: "env_id"}},
		{"to elsewhere", func() *page {
			return b.get(publicOrigin + "/__auth/sign-in?env_id=demo&redirect_uri=https%3A%2F%2Fevil.example%2F")
		},
			logLine{Status: 400, EnvID: "demo", ClientID: "demo", ConfigVersion: "env", Reason: "redirect_refused"}},
		{"no such page", func() *page { return b.open("/nothing") },
			logLine{Status: 404, EnvID: "demo", ClientID: "demo", ConfigVersion: "env", Reason: "not_found"}},
		{"nothing typed", func() *page { return b.submit(b.open("/sign-in"), fields{}) },
			logLine{Status: 422, EnvID: "demo", ClientID: "demo", ConfigVersion: "env", Reason: "form"}},
		{"a wrong password", func() *page {
			return b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"})
		},
			logLine{Status: 422, EnvID: "demo", ClientID: "demo", ConfigVersion: "env", Reason: "tcb_refused", Code: "invalid_password"}},
		{"from another site", func() *page {
			p := b.open("/sign-in")
			return b.do(http.MethodPost, p.action(), p.filled(nil), http.Header{"Origin": {"https://evil.example"}})
		}, logLine{Status: 403, EnvID: "demo", ClientID: "demo", ConfigVersion: "env", Reason: "cross_site"}},
		{"another Host", func() *page {
			s.raw(t, "GET /__auth/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
			return nil
		}, logLine{Status: 421, Host: "evil.example", Reason: "host_unknown"}},
		{"no request", func() *page {
			s.raw(t, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
			return nil
		}, logLine{Status: 400, Reason: "malformed"}},
	}
	for _, tt := range tests {
		tt.ask()
		got := last(s.log.lines(t))
		if got.Msg != "request" || got.RequestID == "" || got.TraceID == "" {
			t.Errorf("%s: %+v", tt.name, got)
		}
		code := got.Code
		if tt.want.Code == "" {
			code = ""
		}
		got = logLine{Status: got.Status, EnvID: got.EnvID, ClientID: got.ClientID, ConfigVersion: got.ConfigVersion, Reason: got.Reason, Parameter: got.Parameter, Host: got.Host, Code: code}
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	if p := b.get(publicOrigin + "/__auth" + PathHealth); p.status != http.StatusNoContent {
		t.Errorf("-health is answered %d", p.status)
	}
	if got := last(s.log.lines(t)); got.Level != "DEBUG" || !strings.HasSuffix(got.Route, PathHealth) {
		t.Errorf("-health is logged as %+v", got)
	}
}

// TestTraces: what a trusted proxy calls a request is what our log and TCB's call it; from anybody
// else, or malformed, it is named anew.
func TestTraces(t *testing.T) {
	t.Parallel()
	const id, trace, parent = "proxy-0123456789", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	given := http.Header{"X-Request-Id": {id}, "Traceparent": {"00-" + trace + "-" + parent + "-01"}}
	tests := []struct {
		name   string
		change func(*siteConfig)
		header http.Header
		kept   bool
	}{
		{"from a trusted proxy", func(*siteConfig) {}, given, true},
		{"from a browser", func(c *siteConfig) { c.settings.TrustedProxies = nil }, given, false},
		{"malformed", func(*siteConfig) {}, http.Header{"X-Request-Id": {"a b\tc\"d"}, "Traceparent": {"00-" + strings.ToUpper(trace) + "-" + parent + "-01"}}, false},
		{"twice", func(*siteConfig) {}, http.Header{"X-Request-Id": {id, "other-0123456789"}, "Traceparent": {given.Get("Traceparent"), "00-" + strings.Repeat("1", 32) + "-" + parent + "-01"}}, false},
		{"8 KB", func(*siteConfig) {}, http.Header{"X-Request-Id": {strings.Repeat("a", 8<<10)}, "Traceparent": {"01-" + strings.Repeat("a", 4<<10)}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.change)
			b := s.browser()
			b.t = t
			p := b.open("/sign-in")
			b.header = b.header.Clone()
			for name, values := range tt.header {
				b.header[name] = values
			}
			b.submit(p, fields{"username": "demo", "password": demoPassword}).completed()
			line := last(s.log.lines(t))
			if kept := line.RequestID == id; kept != tt.kept {
				t.Errorf("the request's id is %s", line.RequestID)
			}
			if kept := line.TraceID == trace; kept != tt.kept {
				t.Errorf("the trace is %s", line.TraceID)
			}
			calls := s.backend.callsTo("")
			if len(calls) < 2 {
				t.Fatalf("%d calls", len(calls))
			}
			seen := map[string]bool{}
			for _, call := range calls {
				request, parentOut := call.header.Get("X-Request-Id"), call.header.Get("Traceparent")
				if !strings.HasPrefix(request, line.RequestID+"-") {
					t.Errorf("TCB gets X-Request-Id %s, want one of %s", request, line.RequestID)
				}
				if !regexp.MustCompile(`^00-`+line.TraceID+`-[0-9a-f]{16}-0[01]$`).MatchString(parentOut) || strings.Contains(parentOut, parent) {
					t.Errorf("TCB gets traceparent %s, want one of %s", parentOut, line.TraceID)
				}
				if tt.kept != strings.HasSuffix(parentOut, "-01") {
					t.Errorf("traceparent %s, sampled: %t", parentOut, tt.kept)
				}
				seen[request], seen[parentOut] = true, true
			}
			if len(seen) != 2*len(calls) {
				t.Errorf("%d names of %d calls", len(seen), len(calls))
			}
			if l := last(s.audited()); l.RequestID != line.RequestID {
				t.Errorf("the audit log has request %s, the log %s", l.RequestID, line.RequestID)
			}
		})
	}
}

// scrape is what /metrics says, by series.
func (s *site) scrape(t testing.TB) map[string]string {
	t.Helper()
	rec := httptest.NewRecorder()
	s.cfg.Metrics.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("/metrics: %d %s", rec.Code, rec.Body)
	}
	series := map[string]string{}
	for line := range strings.Lines(rec.Body.String()) {
		line = strings.TrimSpace(line)
		if name, value, ok := strings.Cut(line, " "); ok && strings.HasPrefix(line, "tcb_login_") {
			if i := strings.LastIndexByte(line, ' '); i > 0 {
				name, value = line[:i], line[i+1:]
			}
			series[name] = value
		}
	}
	return series
}

// TestMetrics: what happened is counted.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register(knownPhone, "", "")
	b, _ := s.signedIn(t)
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"})
	p := sendCode(b, "/sign-in/sms", fields{"phone_country": "CN", "phone_number": "13800138000"})
	p = b.submit(p, fields{"verification_code": "000000"})
	b.submit(p, fields{"verification_code": s.backend.code(knownPhone)}).completed()
	p = b.open("/sign-in")
	for i := range 5 {
		p = b.submit(p, fields{"username": "somebody", "password": fmt.Sprintf("Wrong-pass-%d", i)})
	}
	s.backend.captcha("always")
	other := s.browser()
	asked := other.submit(other.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
	asked = other.submit(asked, fields{"captcha_key": "0000"})
	other.submit(asked, fields{"captcha_key": s.backend.key()}).completed()
	got := s.scrape(t)
	for series, want := range map[string]string{
		`tcb_login_sign_ins_total{method="password",outcome="ok"}`:              "2",
		`tcb_login_sign_ins_total{method="sms",outcome="ok"}`:                   "1",
		`tcb_login_codes_total{calling_code="86",channel="sms",event="sent"}`:   "1",
		`tcb_login_codes_total{calling_code="86",channel="sms",event="wrong"}`:  "1",
		`tcb_login_codes_total{calling_code="86",channel="sms",event="right"}`:  "1",
		`tcb_login_limits_hit_total{rule="password"}`:                           "1",
		`tcb_login_captchas_total{event="asked"}`:                               "1",
		`tcb_login_captchas_total{event="wrong"}`:                               "1",
		`tcb_login_captchas_total{event="solved"}`:                              "1",
		`tcb_login_sessions_total{event="begun"}`:                               "3",
		`tcb_login_refusals_total{reason="limit"}`:                              "1",
		`tcb_login_refusals_total{reason="captcha_wrong"}`:                      "1",
		`tcb_login_requests_total{method="POST",route="/sign-in",status="429"}`: "1",
		`tcb_login_requests_total{method="GET",route="/sign-in",status="200"}`:  "4",
		`tcb_login_events_total{event="limit_hit",outcome="refused"}`:           "1",
	} {
		if got[series] != want {
			t.Errorf("%s is %q, want %s", series, got[series], want)
		}
	}
}

// TestHostileRequests: whatever strangers send, there are no more series than before.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	ask := func(n int) {
		word := fmt.Sprintf("x%dx", n)
		for _, request := range []string{
			"GET /" + word + " HTTP/1.1\r\nHost: login.example.net\r\n",
			"GET /__auth/" + word + "/" + word + " HTTP/1.1\r\nHost: login.example.net\r\n",
			"GET /__auth/static/" + word + " HTTP/1.1\r\nHost: login.example.net\r\n",
			"GET /__auth/provider/" + word + "?env_id=demo HTTP/1.1\r\nHost: login.example.net\r\n",
			"GET /__auth/ HTTP/1.1\r\nHost: " + word + ".example\r\n",
			"GET /__auth/sign-in?env_id=" + word + "&client_id=" + word + "&config_version=" + word + " HTTP/1.1\r\nHost: login.example.net\r\n",
			word + " /__auth/ HTTP/1.1\r\nHost: login.example.net\r\n",
			"PROPFIND /__auth/sign-in HTTP/1.1\r\nHost: login.example.net\r\n",
			"GET / HTTP/1.1\r\n" + word + "\r\n",
		} {
			s.raw(t, request+"Connection: close\r\n\r\n")
		}
		b.at(fmt.Sprintf("192.0.2.%d", n)).submit(b.open("/sign-in"), fields{"username": word, "password": word + "-Pass"})
		b.do(http.MethodPost, publicOrigin+"/__auth/provider/"+word+"?env_id=demo&redirect_uri="+url.QueryEscape(appPage), url.Values{"provider": {word}}, nil)
		s.backend.refuse("/v1/signin", http.StatusBadRequest, word)
		b.at(fmt.Sprintf("192.0.2.%d", n)).submit(b.open("/sign-in"), fields{"username": "demo", "password": word + "-Word"})
		s.backend.answer("", nil)
	}
	ask(1)
	before := s.scrape(t)
	for n := 2; n < 12; n++ {
		ask(n)
	}
	after := s.scrape(t)
	for series := range after {
		if _, ok := before[series]; !ok {
			t.Errorf("a stranger has made the series %s", series)
		}
	}
	if len(after) < 20 {
		t.Errorf("%d series", len(after))
	}
}
