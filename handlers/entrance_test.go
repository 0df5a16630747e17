package handlers

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/authclient"
	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
)

// portalRoutes are the pages of the portal, by the names that next= may have.
var portalRoutes = map[string]struct {
	path     string
	stepUp   bool // the page wants one before
	readOnly bool // it has no form
}{
	"account":           {path: "/account", readOnly: true},
	"account-profile":   {path: "/account/profile"},
	"account-username":  {path: "/account/username", stepUp: true},
	"account-phone":     {path: "/account/phone", stepUp: true},
	"account-email":     {path: "/account/email", stepUp: true},
	"account-password":  {path: "/account/password", stepUp: true},
	"account-providers": {path: "/account/providers"}, // its changes ask for a step-up themselves
	"account-sessions":  {path: "/account/sessions"},
	"account-history":   {path: "/account/history", readOnly: true},
	"account-data":      {path: "/account/data", stepUp: true},
	"account-review":    {path: "/account/review"},
	"account-delete":    {path: "/account/delete", stepUp: true},
	"device":            {path: "/device"}, // who has just signed in needs no step-up: see TestDeviceStepUp
}

// portalPages are the paths of the portal, and the pages that GET opens there without a step-up.
var portalPages = func() map[string]string {
	pages := map[string]string{entry.PathVerify: "step-up-password"}
	for name, route := range portalRoutes {
		pages[route.path] = name
		if route.stepUp {
			pages[route.path] = "step-up-password"
		}
	}
	return pages
}()

func TestPortalWithoutLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for path := range portalPages {
		b := s.browser()
		p := b.open(path).want(http.StatusOK, "hand-off")
		var guard struct {
			Here   string
			SignIn string `json:"sign_in"`
			Sub    string
		}
		p.script("guard", &guard)
		if guard.Sub != "" || !strings.HasPrefix(guard.Here, s.base+path+"?") {
			t.Errorf("%s: %+v", path, guard)
		}
		if u, err := url.Parse(guard.SignIn); err != nil || portalRoutes[u.Query().Get("next")].path == "" || guard.SignIn != strings.TrimPrefix(p.link("sign-in"), publicOrigin) {
			t.Errorf("%s: signing in is at %s", path, guard.SignIn)
		}
		// Signing in leads to the page that was asked for.
		done := b.submit(b.click(p, "sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		want := path
		if path == entry.PathVerify {
			want = "/account"
		}
		if u, err := url.Parse(done.RedirectURI); err != nil || u.Host != "login.example.net" || u.Path != s.base+want || u.Query().Get("next") != "" {
			t.Errorf("%s: signing in leads to %s", path, done.RedirectURI)
		}
	}
	if got := s.backend.count("/v1/user/me"); got != len(portalPages) {
		t.Errorf("%d calls of user/me, want those of the sign-ins", got)
	}
}

// TestNext: the way into the portal survives everything that can happen at sign-in.
func TestNext(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	p := b.open("/", "next=account-password").want(http.StatusOK, "sign-in")
	p = b.submit(p, fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in")
	p = b.press(p, "lang=zh-CN", nil).want(http.StatusOK, "sign-in")
	p = b.click(p, "sign-in-email").want(http.StatusOK, "sign-in-email")
	p = b.submit(p, fields{"email": demoEmail}).want(http.StatusOK, "sign-in-email-code")
	p = b.submit(p, fields{"verification_code": "000000"}).want(http.StatusUnprocessableEntity, "sign-in-email-code")
	done := b.submit(p, fields{"verification_code": s.backend.code(demoEmail)}).completed()
	if !strings.HasPrefix(done.RedirectURI, publicOrigin+"/__auth/account/password?") {
		t.Errorf("signing in leads to %s", done.RedirectURI)
	}
	// What names no page of ours is the app's own: it is carried along and leads nowhere.
	for _, query := range []string{"next=", "next=%2Fdashboard", "next=verify", "next=/account", "next=account/profile"} {
		own := s.browser()
		p := own.open("/sign-in", query).want(http.StatusOK, "sign-in")
		if !strings.Contains(p.action(), query) {
			t.Errorf("%s is lost: %s", query, p.action())
		}
		if done := own.submit(p, fields{"username": "demo", "password": demoPassword}).completed(); done.RedirectURI != appPage {
			t.Errorf("%s leads to %s", query, done.RedirectURI)
		}
	}
}

func TestPortalPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, login := s.signedIn(t)
	for path, name := range portalPages {
		p := b.open(path).want(http.StatusOK, name)
		if p.link("sign-out") == "" {
			t.Errorf("%s: no way to sign out", path)
		}
		var guard struct {
			Sub      string
			UserInfo struct{ Sub string } `json:"user_info"`
		}
		if p.script("guard", &guard); guard.Sub != login.Credentials.Sub || guard.UserInfo.Sub != guard.Sub {
			t.Errorf("%s: the page is of %+v", path, guard)
		}
		if _, guarded := attribute(p.find(byTag("html")), "data-guard"); !guarded {
			t.Errorf("%s: it can be seen before script has looked who is here", path)
		}
		for _, broken := range []struct {
			code   string
			status int
			page   string
		}{{"unavailable", 503, "error"}, {"internal", 502, "error"}} {
			s.backend.refuse("/v1/user/me", broken.status, broken.code)
			if p := b.open(path).want(broken.status, broken.page); !strings.HasPrefix(p.link("retry"), publicOrigin+s.base+path+"?") {
				t.Errorf("%s, %s: trying again leads to %q", path, broken.code, p.link("retry"))
			}
		}
		s.backend.answer("", nil)
		other := b.copy()
		s.backend.refuse("/v1/user/me", http.StatusUnauthorized, "unauthenticated")
		p = other.open(path).want(http.StatusOK, "hand-off")
		s.backend.answer("", nil)
		if !slices.ContainsFunc((&http.Response{Header: p.header}).Cookies(), func(c *http.Cookie) bool {
			return accessCookie.MatchString(c.Name) && c.MaxAge < 0
		}) {
			t.Errorf("%s: the login that TCB has ended stays in its cookie", path)
		}
	}
	b.open("/account", "lang=zh-CN").want(http.StatusOK, "account")
	s.clock.advance(3 * time.Hour) // longer than an access token
	b.open("/account").want(http.StatusOK, "hand-off")
}

// TestPortalCrossSite: no other site's form changes anything.
func TestPortalCrossSite(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	calls := s.backend.count("")
	paths := []string{entry.PathVerify}
	for _, route := range portalRoutes {
		if !route.readOnly {
			paths = append(paths, route.path)
		}
	}
	for _, path := range paths {
		for _, header := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
			{"Sec-Fetch-Site": nil, "Origin": {"https://evil.example"}},
		} {
			p := b.do(http.MethodPost, s.base+path+"?"+entryQuery(appPage), url.Values{"new_password": {"Quiet-river-1"}, "confirm": {"delete"}, "action": {"everywhere"}}, header)
			p.want(http.StatusForbidden, "error", "error.page.cross_site")
		}
	}
	if got := s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
}

// TestPortalRoutes: the tests' own list of the portal's pages, of those that want a step-up and of
// those without a form, is the whole of them.
func TestPortalRoutes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	stepUp, readOnly := map[string]bool{}, map[string]bool{}
	for _, route := range portalRoutes {
		stepUp[route.path], readOnly[route.path] = route.stepUp, route.readOnly
	}
	rooms, err := newRooms(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	var pages int
	for _, row := range rooms.table() {
		if !row.Portal || row.Path == entry.PathVerify || row.Path == goodbyePath { // no page to choose
			continue
		}
		pages++
		want, listed := stepUp[row.Path]
		if !listed {
			t.Errorf("portalRoutes has not %s", row.Path)
			continue
		}
		if got := row.Post == nil; got != readOnly[row.Path] {
			t.Errorf("%s: it is read only: %v", row.Path, got)
		}
		got := b.do(http.MethodGet, s.base+row.Path+"?"+entryQuery(appPage), nil, nil)
		if asks := strings.Contains(got.header.Get("Location"), s.base+entry.PathVerify+"?"); asks != want {
			t.Errorf("%s: it asks for a step-up: %v", row.Path, asks)
		}
	}
	if pages != len(portalRoutes) {
		t.Errorf("%d pages, and %d in portalRoutes", pages, len(portalRoutes))
	}
}

func TestAnonymousPortal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	client, err := authclient.New(authclient.Config{Env: "demo", Endpoint: s.backend.srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	guest, err := client.SignInAnonymously(t.Context(), authclient.WithDeviceID(strings.Repeat("d", 32)))
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	if status, out := b.handOver(b.open("/account"), map[string]string{"access_token": guest.AccessToken}, nil); status != http.StatusOK {
		t.Fatalf("%d %+v", status, out)
	}
	for path := range portalPages {
		b.open(path).want(http.StatusOK, "account-anonymous")
	}
	p := b.open("/account")
	if p.link("app") != appPage {
		t.Errorf("the way back leads to %q", p.link("app"))
	}
	b.click(p, "sign-out").want(http.StatusOK, "sign-out")
	p = b.click(p, "sign-up").want(http.StatusOK, "sign-up")
	p = b.submit(p, fields{"phone_country": "CN", "phone_number": "13900139000"}).want(http.StatusOK, "sign-up-code")
	p = b.submit(p, fields{"verification_code": s.backend.code(newPhone)}).want(http.StatusOK, "sign-up-details")
	done := b.submit(p, fields{"username": "guest.no.more"}).completed()
	if done.Credentials.Sub != guest.Sub {
		t.Errorf("the account is %s, it was %s", done.Credentials.Sub, guest.Sub)
	}
	b.get(done.RedirectURI).want(http.StatusOK, "account")
}

// TestTypedFormsNeedStepUp: the addresses that show any form again (language, a new
// picture, a stale token, a provider's button) show none whose own address wants a
// step-up before it.
func TestTypedFormsNeedStepUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	s.otherPerson()
	b, _ := s.signedIn(t)
	b.stepUp("/account/email", demoPassword).want(http.StatusOK, "account-email")
	code := b.submit(b.open("/account/email"), fields{"email": "mei@example.com"}).want(http.StatusOK, "account-email-code")
	conflict := b.submit(code, fields{"verification_code": s.backend.code("mei@example.com")}).want(http.StatusOK, "account-email-conflict")
	phone := b.submit(b.open("/account/phone"), fields{"phone_country": "CN", "phone_number": "13900139000"}).want(http.StatusOK, "account-phone-code")
	bind := b.comesBack(b.pressOnly(b.open("/account/providers"), "action=link:demo", nil), "p-1", "").want(http.StatusOK, "account-bind")
	pages := map[string]*page{
		"/account/username": b.open("/account/username"), "/account/phone": b.open("/account/phone"), "/account/email": b.open("/account/email"),
		"/account/password": b.open("/account/password"), "/account/delete": b.open("/account/delete"), "/account/data": b.open("/account/data"),
		"the code of an e-mail address": code, "the code of a phone number": phone, "a conflict": conflict, "a link": bind,
	}
	needs := map[string]bool{}
	for name, route := range portalRoutes {
		needs[route.path] = route.stepUp
		if _, have := pages[route.path]; route.stepUp && !have {
			t.Errorf("%s is not tried", name)
		}
	}
	ways := func(p *page) map[string]*page {
		t.Helper()
		typed := p.filled(nil)
		for name := range p.controls() {
			if name == "confirm" || name == "username" || name == "new_password" {
				typed.Set(name, "Half-typed-1")
			}
		}
		post := func(path string, change func(url.Values), header http.Header) *page {
			form := url.Values{}
			for k, v := range typed {
				form[k] = slices.Clone(v)
			}
			change(form)
			_, query, _ := strings.Cut(p.action(), "?")
			return b.do(http.MethodPost, s.base+path+"?"+query, form, header)
		}
		own := strings.TrimPrefix(p.url.Path, s.base)
		nothing := http.Header{"Origin": nil, "Sec-Fetch-Site": nil}
		stale := func(form url.Values) { form.Set("csrf_token", "x") }
		return map[string]*page{
			"another language":         post(own, func(form url.Values) { form.Set("lang", "zh-CN") }, nil),
			"no such language":         post(own, func(form url.Values) { form.Set("lang", "xx") }, nil),
			"another picture":          post(own, func(form url.Values) { form.Set("action", "captcha") }, nil),
			"a provider":               post("/provider/demo", func(url.Values) {}, nil),
			"a stale token":            post(own, stale, nothing),
			"a stale token, languages": post(own, func(form url.Values) { stale(form); form.Set("lang", "ja") }, nothing),
		}
	}
	// With the step-up they do show it: nothing is lost.
	for name, p := range pages {
		if got := ways(p)["no such language"]; got.name() != p.name() || got.status != http.StatusOK {
			t.Errorf("%s: with a step-up the switch shows %q with %d", name, got.name(), got.status)
		}
	}
	s.clock.advance(sudoLife)
	binds, profiles, sent := s.backend.count("/v1/user/provider/bind"), s.backend.count("/v1/user/profile"), s.backend.count("/v1/verification")
	for name, p := range pages {
		for way, got := range ways(p) {
			to := got.header.Get("Location")
			if got.status != http.StatusSeeOther || !strings.Contains(to, s.base+entry.PathVerify+"?") || got.body != "" {
				t.Errorf("%s by %s: %d to %q with %q", name, way, got.status, to, got.name())
				continue
			}
			ask := b.follow(got).want(http.StatusOK, "step-up-password")
			if way == "another language" && ask.lang() != "zh-CN" {
				t.Errorf("%s: the step-up is in %s", name, ask.lang())
			}
			if u, err := url.Parse(ask.action()); err != nil || !needs[portalRoutes[u.Query().Get("next")].path] && p != bind {
				t.Errorf("%s by %s: the step-up leads to %s", name, way, ask.action())
			}
			b.press(ask, otherLanguage(ask), nil).want(http.StatusOK, "step-up-password")
		}
	}
	if s.backend.count("/v1/user/provider/bind") != binds || s.backend.count("/v1/user/profile") != profiles || s.backend.count("/v1/verification") != sent {
		t.Error("something was done")
	}
	// A page that wants none loses nothing, with or without one.
	p := b.open("/account/profile")
	b.press(p, otherLanguage(p), fields{"name": "Half typed"}).want(http.StatusOK, "account-profile").wantValue(fields{"name": "Half typed"})
	// After the step-up the identity still waits.
	ask := b.press(bind, otherLanguage(bind), nil).want(http.StatusOK, "step-up-password")
	b.submit(ask, fields{"password": demoPassword}).want(http.StatusOK, "account-bind")
}

// otherLanguage is a button of the language switch.
func otherLanguage(p *page) string {
	if p.lang() == "en" {
		return "lang=zh-CN"
	}
	return "lang=en"
}

// TestTypedFormsOfNobody: nor do those addresses show a form of the portal to who
// has no account, or one that this environment has not.
func TestTypedFormsOfNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) {
		for i := range c.settings.Environments {
			c.settings.Environments[i].Region = "ap-guangzhou" // no text messages
		}
		c.logins = config.BuiltInPages(c.settings)
		c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}).Anonymous = true
	})
	b := s.browser()
	form := b.open("/sign-in").filled(nil)
	form.Set("lang", "zh-CN")
	show := func(name string) *page {
		t.Helper()
		form.Set("form", name)
		return b.do(http.MethodPost, s.base+"/sign-in?"+entryQuery(appPage), form, nil)
	}
	forms := []string{"step-up"}
	for name, route := range portalRoutes {
		if !route.readOnly && name != "account-phone" {
			forms = append(forms, name)
		}
	}
	for _, name := range forms {
		show(name).want(http.StatusOK, "hand-off")
	}
	show("account-phone").want(http.StatusNotFound, "error", "error.disabled")
	b.pressWay(b.open("/sign-in"), "anonymous", nil).completed()
	for _, name := range forms {
		show(name).want(http.StatusOK, "account-anonymous")
	}
}

// doneNames are the changes that a page may confirm, as the messages have them.
func doneNames(t *testing.T) (names []string) {
	t.Helper()
	english, err := os.ReadFile("../i18n/locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"account\.done\.(\w+)"`).FindAllSubmatch(english, -1) {
		names = append(names, string(m[1]))
	}
	if len(names) < 9 {
		t.Fatalf("only %q", names)
	}
	return names
}

// TestDone: a page confirms what has happened, to whom it happened, once.
func TestDone(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	mei := s.otherPerson()
	b, _ := s.signedIn(t)
	change := func() string {
		t.Helper()
		to := b.post(b.open("/account/profile"), nil).location()
		if !strings.Contains(to, "done=") {
			t.Fatalf("a change leads to %s", to)
		}
		return to
	}
	says := func(b *browser, address string) bool {
		t.Helper()
		p := b.get(address)
		return slices.ContainsFunc(p.keys(), func(key string) bool { return strings.HasPrefix(key, "account.done.") })
	}
	done := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("done")
	}
	to := change()
	if !says(b, to) {
		t.Error("a change is not confirmed")
	}
	if says(b, to) {
		t.Error("it is confirmed twice")
	}
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, last := range digits { // base64 has bits at its end that mean nothing
		if other := to[:len(to)-1] + string(last); says(b, other) {
			t.Errorf("spelled otherwise, as %s, it is confirmed once more", other[len(other)-8:])
		}
	}
	for _, name := range doneNames(t) {
		for _, path := range []string{"/account", "/account/providers", "/account/sessions", "/account/profile"} {
			for _, value := range []string{name, "account.done." + name, done(to)[:40], flip(done(to), 60), done(to) + "A"} {
				if says(b, s.base+path+"?"+entryQuery(appPage, "done="+url.QueryEscape(value))) {
					t.Errorf("done=%s: the page confirms what did not happen", value)
				}
			}
		}
	}
	// Somebody else's, and another client's.
	stranger := s.browser()
	stranger.submit(stranger.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	if says(stranger, change()) {
		t.Error("another browser confirms it")
	}
	second := func(address string) string { return strings.Replace(address, "client_id=demo", "client_id=second", 1) }
	to = change()
	b.submit(b.get(second(s.base+"/sign-in?"+entryQuery(appPage))), fields{"username": "demo", "password": demoPassword}).completed()
	if says(b, second(to)) {
		t.Error("another client's portal confirms it")
	}
	to = change()
	b.submit(b.open("/sign-in"), mei).completed()
	if says(b, to) {
		t.Error("it is confirmed to who signed in after")
	}
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	to = change()
	s.clock.advance(2 * time.Minute)
	if says(b, to) {
		t.Error("it is confirmed much later")
	}
}
