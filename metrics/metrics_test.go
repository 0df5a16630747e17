package metrics

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
)

const folder = "../deploy/monitoring"

// whole is a set with all that main registers.
func whole() *Set {
	s := New(Config{Version: "test", Codes: []string{"invalid_password"}, Events: []string{"sign_in"}, Outcomes: []string{"ok"}, Methods: []string{"password"}, Reasons: []string{"form"}})
	s.Upstream("demo", func() Upstream { return Upstream{State: 1, Away: true, InFlight: 3, Cap: 8, Full: 5, Held: 7} })
	s.Store("memory", func() bool { return true })
	s.Audit(func() uint64 { return 2 })
	s.Problems(func() int { return 1 })
	return s
}

func scrape(t *testing.T, s *Set) string {
	t.Helper()
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func TestScrape(t *testing.T) {
	t.Parallel()
	s := whole()
	r := s.Route("GET", "/sign-in")
	r.Count(200, 3*time.Millisecond)
	r.Count(200, time.Second)
	r.Count(299, 0)
	r.Count(-1, 0)
	s.Route("any", "").Count(404, 0)
	s.Call("demo", "SignIn", "", 20*time.Millisecond)
	s.Call("demo", "SignIn", "invalid_password", time.Millisecond)
	s.Call("demo", "SignIn", "what a server makes up", time.Millisecond)
	s.SignIn("password", "ok")
	s.SignIn("magic", "perhaps")
	s.Code(CodeSent, "sms", "86")
	s.Code(CodeSent, "sms", "999")
	s.Code(CodeSent, "email", "")
	s.Refused("form")
	s.Refused("whatever")
	s.Event("sign_in", "ok")
	s.Limit("password")
	s.Captcha(CaptchaAsked)
	s.Session(SessionBegun)
	s.Reload(2, 1)
	got := scrape(t, s)
	for _, want := range []string{
		`tcb_login_requests_total{method="GET",route="/sign-in",status="200"} 2`,
		`tcb_login_requests_total{method="GET",route="/sign-in",status="other"} 2`,
		`tcb_login_requests_total{method="any",route="other",status="404"} 1`,
		`tcb_login_request_seconds_count{method="GET"} 4`,
		`tcb_login_tcb_calls_total{call="SignIn",code="ok",env_id="demo"} 1`,
		`tcb_login_tcb_calls_total{call="SignIn",code="invalid_password",env_id="demo"} 1`,
		`tcb_login_tcb_calls_total{call="SignIn",code="other",env_id="demo"} 1`,
		`tcb_login_tcb_call_seconds_bucket{call="SignIn",env_id="demo",le="0.01"} 2`,
		`tcb_login_tcb_up{env_id="demo"} 0`,
		`tcb_login_tcb_breaker_state{env_id="demo"} 1`,
		`tcb_login_tcb_in_flight{env_id="demo"} 3`,
		`tcb_login_tcb_in_flight_max{env_id="demo"} 8`,
		`tcb_login_tcb_held_back_total{env_id="demo",why="full"} 5`,
		`tcb_login_tcb_held_back_total{env_id="demo",why="away"} 7`,
		`tcb_login_sign_ins_total{method="other",outcome="other"} 1`,
		`tcb_login_codes_total{calling_code="86",channel="sms",event="sent"} 1`,
		`tcb_login_codes_total{calling_code="other",channel="sms",event="sent"} 1`,
		`tcb_login_codes_total{calling_code="",channel="email",event="sent"} 1`,
		`tcb_login_refusals_total{reason="other"} 1`,
		`tcb_login_config_reloads_total{outcome="ok"} 2`,
		`tcb_login_config_reloads_total{outcome="error"} 1`,
		`tcb_login_store_up{store="memory"} 1`,
		`tcb_login_audit_lost_total 2`,
		`tcb_login_config_problems 1`,
		`tcb_login_build_info{version="test"} 1`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
}

// TestFirstRefusal: each reason is there before anything was refused, so that the first one is an
// increase.
func TestFirstRefusal(t *testing.T) {
	t.Parallel()
	got := scrape(t, New(Config{Reasons: []string{"form", "internal"}}))
	for _, reason := range []string{"form", "internal", "other"} {
		if want := `tcb_login_refusals_total{reason="` + reason + `"} 0`; !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
}

// TestNil: without a set nothing is counted, and nothing breaks.
func TestNil(t *testing.T) {
	t.Parallel()
	var s *Set
	s.Route("GET", "/").Count(200, 0)
	s.Call("", "", "", 0)
	s.Refused("")
	s.Event("", "")
	s.SignIn("", "")
	s.Limit("")
	s.Captcha("")
	s.Code("", "", "")
	s.Session("")
	s.Reload(1, 1)
	s.Upstream("", nil)
	s.Store("", nil)
	s.Audit(nil)
	s.Problems(nil)
}

// TestCheap: a request is counted without an allocation.
func TestCheap(t *testing.T) {
	r := whole().Route("GET", "/")
	r.Count(200, time.Millisecond)
	if n := testing.AllocsPerRun(1000, func() { r.Count(200, time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// expressions are those of the alerts and of the dashboard, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	read(t, "alerts.yaml", func(data []byte) error { return yaml.Unmarshal(data, &rules) })
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all["alert "+r.Alert] = r.Expr
			if r.Expr == "" || r.Alert == "" || r.Annotations["summary"] == "" || !slices.Contains([]string{"warning", "critical"}, r.Labels["severity"]) {
				t.Errorf("the alert %q lacks something", r.Alert)
			}
			file, anchor, _ := strings.Cut(r.Annotations["runbook"], "#")
			page, err := os.ReadFile(filepath.Join("..", file))
			if err != nil || !hasHeading(string(page), anchor) {
				t.Errorf("the alert %s leads to %s, where nothing is (%v)", r.Alert, r.Annotations["runbook"], err)
			}
		}
	}
	var board struct {
		Panels []struct {
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	read(t, "dashboard.json", func(data []byte) error { return json.Unmarshal(data, &board) })
	places := map[[2]int]string{}
	for _, p := range board.Panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := places[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("the panel %s is over %s", p.Title, other)
				}
				places[[2]int{x, y}] = p.Title
			}
		}
		if len(p.Targets) == 0 {
			t.Errorf("the panel %s shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			all["panel "+p.Title+": "+target.Expr] = target.Expr
		}
	}
	if len(all) < 30 {
		t.Errorf("%d expressions", len(all))
	}
	return all
}

func read(t *testing.T, name string, as func([]byte) error) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err == nil {
		err = as(data)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// hasHeading looks for a heading as GitHub makes its anchor.
func hasHeading(page, anchor string) bool {
	for line := range strings.Lines(page) {
		words, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if ok && strings.HasPrefix(line, "#") && strings.ReplaceAll(strings.ToLower(strings.TrimSpace(words)), " ", "-") == anchor {
			return true
		}
	}
	return false
}

var (
	metric = regexp.MustCompile(`(tcb_login_[a-z_]+)(?:\{([^}]*)\})?`)
	label  = regexp.MustCompile(`([a-z_]+)\s*[=!]~?`)
)

// TestNamed: what alerts and dashboard ask for is there, with the labels that they pick by.
func TestNamed(t *testing.T) {
	t.Parallel()
	there := whole().Labels()
	used := map[string]bool{}
	for where, expr := range expressions(t) {
		found := metric.FindAllStringSubmatch(expr, -1)
		if len(found) == 0 && !strings.Contains(expr, "process_") {
			t.Errorf("%s names no metric", where)
		}
		for _, m := range found {
			name := m[1]
			labels, ok := there[name]
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if short, cut := strings.CutSuffix(name, suffix); !ok && cut {
					labels, ok = there[short]
					name = short
				}
			}
			if !ok {
				t.Errorf("%s: there is no metric %s", where, name)
				continue
			}
			used[name] = true
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				if !slices.Contains(append([]string{"instance", "job"}, labels...), l[1]) {
					t.Errorf("%s: %s has no label %s, it has %q", where, name, l[1], labels)
				}
			}
		}
	}
	for name := range there {
		if strings.HasPrefix(name, namespace) && !used[name] {
			t.Errorf("nobody looks at %s", name)
		}
	}
}

// row is a line of the table of docs/operate.md: a metric, and its labels.
var row = regexp.MustCompile("(?m)^\\| `(tcb_login_[a-z_]+)` \\|([^|]*)\\|")

// TestDocumented: docs/operate.md has every metric, with the labels that it has.
func TestDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string][]string{}, map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		got[m[1]] = slices.Sorted(slices.Values(strings.FieldsFunc(m[2], func(r rune) bool { return strings.ContainsRune("`, ", r) })))
	}
	for name, labels := range whole().Labels() {
		if strings.HasPrefix(name, namespace) {
			want[name] = slices.Sorted(slices.Values(labels))
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("docs/operate.md (+) has other metrics than there are (-):\n%s", diff)
	}
}

// TestRules has promtool judge the alerts, and try them. Where there is none, TestNamed has looked at
// what they are made of.
func TestRules(t *testing.T) {
	t.Parallel()
	promtool := os.Getenv("PROMTOOL")
	for _, name := range []string{"promtool", "../e2e/build/promtool"} {
		if path, err := exec.LookPath(name); err == nil && promtool == "" {
			promtool = path
		}
	}
	if promtool == "" {
		t.Log("there is no promtool here (make promtool, or PROMTOOL=/path/to/it): the alerts were NOT tried")
		return
	}
	promtool, err := filepath.Abs(promtool)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
