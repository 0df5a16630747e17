package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestLanguageSwitch fills in every form, switches back and forth, and goes on
// without typing anything again. TCB hears nothing of it.
func TestLanguageSwitch(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i, tt := range captchaForms(s) {
		t.Run(fmt.Sprintf("%d %s", i, tt.name), func(t *testing.T) {
			b := tt.b.on(t, s)
			calls := s.backend.count("")
			p := tt.p
			for _, lang := range []string{"zh-CN", "en", "zh-CN"} {
				typed := tt.typed
				if p != tt.p {
					typed = nil // it stands there already
				}
				p = b.press(p, "lang="+lang, typed).want(http.StatusOK, tt.name)
				if p.lang() != lang || !strings.Contains(p.action(), "&lang="+lang) || strings.Count(p.action(), "lang=") != 1 {
					t.Errorf("the page is in %q, its form posts to %s, want %s", p.lang(), p.action(), lang)
				}
				want := fields{}
				for field, value := range tt.typed {
					if !strings.Contains(field, "password") {
						want[field] = value
					} else if p.value("kept") == "" {
						t.Error("the password is lost")
					}
				}
				p.wantValue(want)
				if p.byID("error-summary") != nil {
					t.Errorf("the switch finds fault with the form: %q", p.keys())
				}
			}
			if got := s.backend.count(""); got != calls {
				t.Errorf("TCB was called %d times", got-calls)
			}
			done := b.submit(p, nil)
			if done.status != http.StatusOK || done.name() != tt.next || done.lang() != "zh-CN" {
				t.Errorf("status %d, page %q in %q, want %q in zh-CN; %q", done.status, done.name(), done.lang(), tt.next, done.keys())
			}
			if tt.next == "sign-in-email-code" && s.backend.messages("two@example.com")[0].Locale != "zh-CN" {
				t.Error("the code was sent in another language")
			}
		})
	}
}

// TestLanguageSwitchKeepsCaptcha: the same picture, with what was typed of it.
func TestLanguageSwitchKeepsCaptcha(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i, tt := range captchaForms(s) {
		t.Run(fmt.Sprintf("%d %s", i, tt.name), func(t *testing.T) {
			b := tt.b.on(t, s)
			s.backend.captcha("always")
			asked := b.submit(tt.p, tt.typed)
			if asked.status != http.StatusUnprocessableEntity || asked.picture() == "" {
				t.Fatalf("status %d, %q", asked.status, asked.keys())
			}
			key := s.backend.key()
			calls := s.backend.count("")
			p := b.press(asked, "lang=zh-CN", fields{"captcha_key": key}).want(http.StatusOK, asked.name())
			if p.picture() != asked.picture() || p.value("captcha_key") != key || p.lang() != "zh-CN" {
				t.Errorf("picture kept %v, answer %q, language %q", p.picture() == asked.picture(), p.value("captcha_key"), p.lang())
			}
			if got := s.backend.count(""); got != calls {
				t.Errorf("TCB was called %d times", got-calls)
			}
			done := b.submit(p, nil)
			if done.status != http.StatusOK || done.name() != tt.next {
				t.Errorf("status %d, page %q, want %q; %q", done.status, done.name(), tt.next, done.keys())
			}
		})
	}
}

// TestLanguageOf: lang= counts before the session's choice, and that before the browser's wish.
func TestLanguageOf(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tests := []struct{ param, chosen, accept, want string }{
		{"", "", "", "en"},
		{"", "", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"},
		{"", "", "zh-HK,zh;q=0.9", "zh-TW"},
		{"", "", "ja-JP", "ja"},
		{"", "", "ko-KR,ko;q=0.9,en;q=0.8", "ko"},
		{"lang=en-XA", "", "ar-XB", "en"}, // pseudo-locales are not on offer
		{"", "", "fi, et;q=0.9", "en"},
		{"", "", "en-US,en;q=0.9,zh;q=0.8", "en"},
		{"", "", strings.Repeat("x,", 5000), "en"},
		{"", "zh-CN", "en", "zh-CN"},
		{"lang=en", "zh-CN", "zh", "en"},
		{"lang=en-US", "", "zh-CN", "en"},
		{"lang=zh", "en", "en", "zh-CN"},
		{"lang=xx", "", "zh-CN", "zh-CN"},
		{"lang=<script>", "", "", "en"},
		{"lang=", "", "zh-CN", "zh-CN"},
	}
	for _, tt := range tests {
		b := s.browser()
		b.header.Set("Accept-Language", tt.accept)
		if tt.chosen != "" {
			p := b.open("/")
			if p.lang() != tt.chosen {
				p = b.press(p, "lang="+tt.chosen, nil)
			} else {
				p = b.press(p, "lang="+map[string]string{"en": "zh-CN", "zh-CN": "en"}[tt.chosen], nil)
				p = b.press(p, "lang="+tt.chosen, nil)
			}
			if p.lang() != tt.chosen {
				t.Fatalf("chose %s and got %s", tt.chosen, p.lang())
			}
		}
		var more []string
		if tt.param != "" {
			more = append(more, tt.param)
		}
		if got := b.open("/", more...).lang(); got != tt.want {
			t.Errorf("%q, chosen %q, Accept-Language %q: %s, want %s", tt.param, tt.chosen, shorten(tt.accept), got, tt.want)
		}
	}
}

// TestUnknownLanguage: it changes nothing, and loses nothing.
func TestUnknownLanguage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	form := b.open("/sign-in").filled(fields{"username": "typed"})
	for _, lang := range []string{"", "xx", "../en", "zh"} {
		form.Set("lang", lang)
		p := b.do(http.MethodPost, s.base+"/sign-in?"+entryQuery(appPage), form, nil).want(http.StatusOK, "sign-in")
		if p.wantValue(fields{"username": "typed"}).lang() != "en" {
			t.Errorf("lang=%q shows %s", lang, p.lang())
		}
	}
}

// TestLanguageOfErrorPages: a page without a form switches by links, and keeps its address.
func TestLanguageOfErrorPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	p := b.open("/agreement/9", "state=x").want(http.StatusNotFound, "error")
	chinese := b.get(p.switched("zh-CN")).want(http.StatusOK, "sign-in")
	if chinese.lang() != "zh-CN" || !strings.Contains(chinese.action(), "state=x") {
		t.Errorf("the link leads to a page in %q that posts to %s", chinese.lang(), chinese.action())
	}
}

// TestLanguageOfCaptchaReturn: the pages on the way back from TCB's captcha page switch by links to
// themselves, which call nothing and hold no token, and the form goes on in the language chosen.
func TestLanguageOfCaptchaReturn(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCaptchaPage)
	s.backend.captcha("always")
	for _, tt := range []struct{ action, page, next, key string }{
		{"solve", "captcha-return", "sign-in-email-code", ""}, {"back", "captcha-failed", "sign-in-email", "captcha.not_done"},
	} {
		b := s.browser()
		leaving := b.submit(b.open("/sign-in/email"), fields{"email": tt.action + "@example.com"})
		back := b.atCaptchaPage(leaving, tt.action)
		p := b.get(back).want(http.StatusOK, tt.page)
		calls := s.backend.count("")
		if token := p.parameterOf(back, "captcha_token"); token != "" && strings.Contains(p.switched("zh-CN"), token) {
			t.Errorf("%s: the link holds the token", tt.page)
		}
		chinese := b.get(p.switched("zh-CN")).want(http.StatusOK, tt.page)
		if chinese.lang() != "zh-CN" || s.backend.count("") != calls {
			t.Errorf("%s: the link leads to a page in %q, after %d calls", tt.page, chinese.lang(), s.backend.count("")-calls)
		}
		s.browser().get(p.switched("zh-CN")).want(http.StatusBadRequest, "error", "captcha.lost")
		b.get(strings.Replace(p.switched("zh-CN"), "captcha_return=", "captcha_return=x", 1)).want(http.StatusBadRequest, "error", "captcha.lost")
		b.get(chinese.switched("en")).want(http.StatusOK, tt.page)
		next := b.submit(chinese, nil).want(http.StatusOK, tt.next)
		if tt.key != "" {
			next.want(http.StatusOK, tt.next, tt.key)
		}
		if next.lang() != "zh-CN" {
			t.Errorf("%s goes on in %q", tt.page, next.lang())
		}
	}
}

// TestLanguageOfLostWays: an error that leads to the app says itself in the other language.
func TestLanguageOfLostWays(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	b := s.browser()
	for path, key := range map[string]string{"/captcha/callback?state=x": "captcha.lost", "/provider/callback?state=x&code=y": "provider.lost"} {
		p := b.get(s.base+path).want(http.StatusBadRequest, "error", key)
		chinese := b.get(p.switched("zh-CN")).want(http.StatusBadRequest, "error", key)
		if chinese.lang() != "zh-CN" {
			t.Errorf("%s: the link leads to a page in %q", path, chinese.lang())
		}
	}
}

// TestLanguageAfterTheFlowIsLost: the switch finds the flow gone, and says so with the number kept.
func TestLanguageAfterTheFlowIsLost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code := sendCode(b, "/sign-in/email", fields{"email": "x@example.com"})
	s.clock.advance(26 * time.Minute)
	p := b.press(code, "lang=zh-CN", fields{"verification_code": "123456"}).want(http.StatusOK, "sign-in-email", "error.code_lost")
	if p.wantValue(fields{"email": "x@example.com"}).lang() != "zh-CN" {
		t.Errorf("the page is in %q", p.lang())
	}
	b.submit(p, nil).want(http.StatusOK, "sign-in-email-code")
}

// TestLanguageOfSignOut: that form switches as all others do, and ends nothing.
func TestLanguageOfSignOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	p := b.press(b.open("/sign-out", "state=x"), "lang=zh-CN", nil).want(http.StatusOK, "sign-out")
	if p.lang() != "zh-CN" || s.backend.count("/v1/user/signout") != 0 {
		t.Errorf("in %s, revoked %d", p.lang(), s.backend.count("/v1/user/signout"))
	}
	p = b.submit(p, nil).want(http.StatusOK, "interstitial")
	var where departure
	p.script("departure", &where)
	if !strings.Contains(where.To, "state=x") || p.lang() != "zh-CN" || s.backend.count("/v1/user/signout") != 1 {
		t.Errorf("to %s in %s, revoked %d", where.To, p.lang(), s.backend.count("/v1/user/signout"))
	}
}

// TestErrorsOfAnotherPlace: where a form cannot be shown in another language, or with another picture,
// the error is told in that language and leads back to the form's page.
func TestErrorsOfAnotherPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	profile := b.open("/account/profile").want(http.StatusOK, "account-profile")
	s.backend.refuse("/v1/user/me", http.StatusServiceUnavailable, "unavailable")
	_, query, _ := strings.Cut(profile.action(), "?")
	for name, value := range showsAgain {
		p := b.do(http.MethodPost, s.base+"/account/profile?"+query, with(profile.filled(nil), name, value), nil).want(http.StatusServiceUnavailable, "error", "error.unavailable")
		if retry := p.link("retry"); !strings.Contains(retry, "/account/profile?") {
			t.Errorf("%s: it leads to %q", name, retry)
		}
		if want := map[string]string{"lang": "zh-CN", "action": "en"}[name]; p.lang() != want {
			t.Errorf("%s: the error is in %s, want %s", name, p.lang(), want)
		}
	}
}
