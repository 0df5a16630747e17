package handlers

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// formUnderWay is a form that somebody has before them.
type formUnderWay struct {
	name  string
	b     *browser
	p     *page
	typed fields
	next  string // the page after it
}

// captchaForms are all forms whose POST TCB may want a captcha for, each in a
// browser of its own, reached while TCB wants none.
func captchaForms(s *site) (forms []formUnderWay) {
	s.t.Helper()
	s.backend.captcha("never")
	s.backend.register(knownPhone, "phoned", "Phone-pass-1")
	reach := func(name, next string, typed fields, page func(*browser) *page) {
		b := s.browser().at(fmt.Sprintf("192.0.2.%d", 1+len(forms)))
		forms = append(forms, formUnderWay{name, b, page(b), typed, next})
	}
	open := func(path string, more ...string) func(*browser) *page {
		return func(b *browser) *page { return b.open(path, more...) }
	}
	after := func(path, to string, typed fields) func(*browser) *page {
		return func(b *browser) *page {
			return b.submit(sendCode(b, path, typed), fields{"verification_code": s.backend.code(to)})
		}
	}
	reach("sign-in", "complete", fields{"username": "phoned", "password": "Phone-pass-1"}, open("/sign-in"))
	reach("sign-in-sms", "sign-in-sms-code", fields{"phone_country": "CN", "phone_number": "13900000001"}, open("/sign-in/sms"))
	reach("sign-in-email", "sign-in-email-code", fields{"email": "two@example.com"}, open("/sign-in/email"))
	reach("sign-up", "sign-up-code", fields{"phone_country": "CN", "phone_number": "13900000002"}, open("/sign-up"))
	reach("sign-up", "sign-up-code", fields{"email": "three@example.com"}, open("/sign-up", "via=email"))
	reach("sign-up-details", "complete", fields{"username": "one", "name": "One", "password": "One-pass-1"},
		after("/sign-up", "one@example.com", fields{"email": "one@example.com"}))
	reach("reset-password", "reset-password-code", fields{"email": "nobody@example.com"}, open("/reset-password", "via=email"))
	reach("reset-password-new", "complete", fields{"new_password": "Fresh-pass-2"},
		after("/reset-password", demoEmail, fields{"email": demoEmail}))
	reach("sign-up-confirmed", "complete", nil,
		after("/sign-up", knownPhone, fields{"phone_country": "CN", "phone_number": "13800138000"}))
	reach("sign-in-email-code", "complete", nil, func(b *browser) *page {
		return sendCode(b, "/sign-in/email", fields{"email": "new@example.com"})
	})
	last := &forms[len(forms)-1]
	last.typed = fields{"verification_code": s.backend.code("new@example.com")}
	return forms
}

// TestCaptchaInPlace: each form comes back with a picture and everything that
// was typed, the password sealed; a wrong answer brings another picture, a right one goes on.
func TestCaptchaInPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i, tt := range captchaForms(s) {
		t.Run(fmt.Sprintf("%d %s", i, tt.name), func(t *testing.T) {
			b := tt.b.on(t, s)
			s.backend.captcha("always")
			asked := b.submit(tt.p, tt.typed)
			name := tt.name
			if name == "sign-in-email-code" { // the code was right: what is left is a button
				name, tt.typed = "sign-in-email-confirmed", nil
			}
			asked.want(http.StatusUnprocessableEntity, name, "captcha.ask")
			if asked.byID("error-summary") != nil {
				t.Error("being asked is no error")
			}
			same := func(p *page) {
				t.Helper()
				want := fields{}
				for field, value := range tt.typed {
					if !strings.Contains(field, "password") {
						want[field] = value
					} else if p.value("kept") == "" {
						t.Errorf("the password is lost on page %q", p.name())
					}
				}
				p.wantValue(want)
				if p.picture() == "" || p.value("captcha_picture") != p.picture() {
					t.Errorf("page %q has no picture", p.name())
				}
			}
			same(asked)
			first := asked.picture()
			if data, ok := strings.CutPrefix(first, "data:image/png;base64,"); !ok {
				t.Errorf("the picture is %s", shorten(first))
			} else if _, err := base64.StdEncoding.DecodeString(data); err != nil {
				t.Errorf("the picture: %v", err)
			}

			// Nothing typed: the same picture serves on, and TCB is not asked.
			calls := s.backend.count("")
			empty := b.submit(asked, fields{"captcha_key": ""}).want(http.StatusUnprocessableEntity, name, "error.required.captcha_key")
			same(empty)
			if empty.picture() != first || s.backend.count("") != calls {
				t.Error("an empty answer costs a call or the picture")
			}
			// Another picture by the button, with a wrong answer half typed.
			another := b.press(empty, "action=captcha", fields{"captcha_key": "x"}).want(http.StatusOK, name)
			same(another)
			if another.picture() == first {
				t.Error("the button brings the same picture")
			}
			if another.value("captcha_key") != "" {
				t.Error("what was typed of the old picture is in the new one's field")
			}
			// A wrong answer.
			wrong := b.submit(another, fields{"captcha_key": "0000"}).want(http.StatusUnprocessableEntity, name, "error.captcha_wrong")
			same(wrong)
			if wrong.picture() == another.picture() || wrong.value("captcha_key") != "" {
				t.Error("after a wrong answer picture or answer stay")
			}
			// The right one, in lower case with blanks around; the password is not typed again.
			done := b.submit(wrong, fields{"captcha_key": " " + strings.ToLower(s.backend.key()) + " "})
			if done.status != http.StatusOK || done.name() != tt.next {
				t.Fatalf("after the captcha: status %d, page %q, want %q; %q\n%s", done.status, done.name(), tt.next, done.keys(), done.text())
			}
			if done.picture() != "" {
				t.Error("the next page asks for the captcha again")
			}
		})
	}
}

// TestOneCaptchaPerFlow: the answer serves for every call of a flow until it expires.
func TestOneCaptchaPerFlow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	b := s.browser()
	solved := func(path string, typed fields) *page {
		t.Helper()
		via := "via=phone"
		if typed["email"] != "" {
			via = "via=email"
		}
		asked := b.submit(b.open(path, via), typed)
		if asked.status != http.StatusUnprocessableEntity || !asked.has("captcha.ask") {
			t.Fatalf("%s: status %d, %q", path, asked.status, asked.keys())
		}
		p := b.submit(asked, fields{"captcha_key": s.backend.key()})
		if p.status != http.StatusOK || p.picture() != "" {
			t.Fatalf("%s: status %d, page %q, %q", path, p.status, p.name(), p.keys())
		}
		return p
	}
	const to = "flow@example.com"
	code := solved("/sign-up", fields{"email": to})
	code = b.submit(code, fields{"verification_code": "12345"}).want(http.StatusUnprocessableEntity, "sign-up-code")
	s.clock.advance(time.Minute)
	code = b.press(code, "action=resend", nil).want(http.StatusOK, "sign-up-code", "code.again")
	changed := b.press(code, "action=change", nil).want(http.StatusOK, "sign-up")
	s.clock.advance(time.Minute)
	code = b.submit(changed, fields{"email": "second-" + to}).want(http.StatusOK, "sign-up-code")
	details := b.submit(code, fields{"verification_code": s.backend.code("second-" + to)}).want(http.StatusOK, "sign-up-details")
	details = b.submit(details, fields{"username": "demo"}).want(http.StatusUnprocessableEntity, "sign-up-details", "error.username_taken")
	b.submit(details, fields{"username": "flow", "password": "Quiet-river-1"}).completed()

	s.clock.advance(time.Hour)
	code = solved("/reset-password", fields{"email": demoEmail})
	p := b.submit(code, fields{"verification_code": s.backend.code(demoEmail)}).want(http.StatusOK, "reset-password-new")
	b.submit(p, fields{"new_password": "Fresh-pass-2"}).completed()

	s.clock.advance(time.Hour)
	code = solved("/sign-in/sms", fields{"phone_country": "CN", "phone_number": "13900139000"})
	b.submit(code, fields{"verification_code": s.backend.code(newPhone)}).completed()

	// Wrong passwords do not ask again either.
	s.clock.advance(time.Hour)
	p = b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	p = b.submit(p, fields{"captcha_key": s.backend.key()}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	if p.picture() != "" || p.value("kept") != "" {
		t.Error("the refused password, or the picture, stays")
	}
	b.submit(p, fields{"password": "Fresh-pass-2"}).completed()
	// Ten minutes are its life: then it is asked once more, and no sooner.
	p = b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	p = b.submit(p, fields{"captcha_key": s.backend.key()}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	s.clock.advance(9*time.Minute + 45*time.Second)
	p = b.submit(p, fields{"password": "Wrong-pass-2"}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	s.clock.advance(15 * time.Second)
	p = b.submit(p, fields{"password": "Fresh-pass-2"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	b.submit(p, fields{"captcha_key": s.backend.key()}).completed()
}

// TestCaptchaOnRisk: ours comes from the fifth wrong password of a name on, before TCB's, which
// accounts alone have; one picture serves both.
func TestCaptchaOnRisk(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 4 {
		b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
		b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	}
	b := s.browser().at("192.0.2.99")
	p := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	p = b.submit(p, fields{"captcha_key": "????"}).want(http.StatusUnprocessableEntity, "sign-in", "error.captcha_wrong")
	for range 3 { // the sixth is beyond TCB's own five
		b.solve(p).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
		b = s.browser().at("192.0.2.98")
		p = b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	}
	b.submit(p, fields{"captcha_key": s.backend.key(), "password": demoPassword}).completed()
}

// TestRefusedCaptchaToken: one fresh captcha, then a clear end.
func TestRefusedCaptchaToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	b := s.browser()
	asked := b.submit(b.open("/sign-in/email"), fields{"email": "x@example.com"}).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.ask")
	s.backend.refuse("/v1/verification", http.StatusBadRequest, "captcha_invalid")
	again := b.submit(asked, fields{"captcha_key": s.backend.key()}).want(http.StatusUnprocessableEntity, "sign-in-email", "error.captcha_wrong")
	if again.picture() == "" || again.picture() == asked.picture() {
		t.Error("no fresh picture")
	}
	end := b.submit(again, fields{"captcha_key": s.backend.key()}).want(http.StatusUnprocessableEntity, "sign-in-email", "error.captcha_failed")
	if end.picture() != "" || end.value("captcha") != "" {
		t.Error("it goes on for ever")
	}
	end.wantValue(fields{"email": "x@example.com"})
	// And from there anew.
	s.backend.answer("", nil)
	asked = b.submit(end, nil).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.ask")
	b.submit(asked, fields{"captcha_key": s.backend.key()}).want(http.StatusOK, "sign-in-email-code")
}

// TestUsedPicture: a picture is good for one answer; an old page, or a second
// click, gets a new one.
func TestUsedPicture(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	b := s.browser()
	asked := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	key := s.backend.key()
	b.submit(asked, fields{"captcha_key": key}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	tries := s.backend.count("/v1/captcha/data/verify")
	p := b.submit(asked, fields{"captcha_key": key}).want(http.StatusUnprocessableEntity, "sign-in", "error.captcha_wrong")
	if got := s.backend.count("/v1/captcha/data/verify"); got != tries {
		t.Error("TCB is asked about a picture that was answered already: there whoever guesses has more tries than one")
	}
	b.submit(p, fields{"captcha_key": s.backend.key(), "password": demoPassword}).completed()
	// A picture that has expired is replaced as well.
	asked = b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	key = s.backend.key()
	s.clock.advance(5*time.Minute + time.Second)
	p = b.submit(asked, fields{"captcha_key": key, "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "error.captcha_wrong")
	b.submit(p, fields{"captcha_key": s.backend.key()}).completed()
}

// TestPicturesOfStrangers: what comes back as the picture is shown only if it is one.
func TestPicturesOfStrangers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	b := s.browser()
	asked := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	for _, posted := range []string{
		"https://evil.example/x.png", "data:image/svg+xml;base64,PHN2Zy8+", "data:text/html;base64,PHA+", "javascript:alert(1)",
		"data:image/png;base64,AAAA\" onerror=\"alert(1)", "data:image/png;base64,AA AA", "",
	} {
		p := b.submit(asked, fields{"captcha_picture": posted, "captcha_key": ""})
		if got := p.picture(); p.status != http.StatusUnprocessableEntity || got == posted || !strings.HasPrefix(got, "data:image/png;base64,") {
			t.Errorf("%q: status %d, the page shows %q", posted, p.status, shorten(got))
		}
		asked = p
	}
	// Nor is TCB's answer believed.
	for _, data := range []string{"https://evil.example/x.png", "data:text/html;base64,PHA+", gifOf(maxPicture+12, "/"), "data:image/svg+xml;base64,PHN2Zy8+", "data:image/png;base64,PHN2Zy8+"} {
		s.backend.answer("/v1/captcha/data", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"data":%q,"token":"x","type":"image","expires_in":300}`, data)
		})
		p := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
		if p.status != http.StatusBadGateway || p.name() != "sign-in" || p.picture() != "" {
			t.Errorf("%s: status %d, page %q, picture %q", shorten(data), p.status, p.name(), shorten(p.picture()))
		}
	}
}

// TestCaptchaForResend: asked when another code is sent, it is the button that was pressed that
// goes on.
func TestCaptchaForResend(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	b := s.browser()
	const to = "resend@example.com"
	code := sendCode(b, "/sign-in/email", fields{"email": to})
	s.clock.advance(time.Minute)
	s.backend.captcha("always")
	asked := b.press(code, "action=resend", nil).want(http.StatusUnprocessableEntity, "sign-in-email-code", "captcha.ask")
	p := b.press(asked, "action=resend", fields{"captcha_key": s.backend.key()}).want(http.StatusOK, "sign-in-email-code", "code.again")
	if n := len(s.backend.messages(to)); n != 2 {
		t.Errorf("%d codes were sent, want 2", n)
	}
	b.submit(p, fields{"verification_code": s.backend.code(to)}).completed()
}

// TestCaptchaForResendByEnter: who was asked for a captcha types it and presses Enter, which is the
// primary button.
func TestCaptchaForResendByEnter(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("never")
	b := s.browser()
	const to = "resend@example.com"
	code := sendCode(b, "/sign-in/email", fields{"email": to})
	s.clock.advance(time.Minute)
	s.backend.captcha("always")
	asked := b.press(code, "action=resend", nil).want(http.StatusUnprocessableEntity, "sign-in-email-code", "captcha.ask")
	again := b.submit(asked, fields{"captcha_key": "????"}).want(http.StatusUnprocessableEntity, "sign-in-email-code", "error.captcha_wrong")
	b.submit(again, fields{"captcha_key": s.backend.key()}).want(http.StatusOK, "sign-in-email-code", "code.again")
	if n := len(s.backend.messages(to)); n != 2 {
		t.Errorf("%d codes were sent, want 2", n)
	}
}

// gifOf is the data URL of a GIF that takes as many bytes of a form's body as it can
// without taking more than posted, filled with one character of base64.
func gifOf(posted int, fill string) string {
	data := "data:image/gif;base64," + base64.StdEncoding.EncodeToString([]byte("GIF89a\x01\x00\x01")) // nine bytes, no padding
	takes := func(value string) int { return len(url.QueryEscape(value)) }
	each := 4 * takes(fill)
	return data + strings.Repeat(fill, 4*((posted-takes(data))/each))
}

// TestLargePicture: an animated GIF as large as we take goes along in every way that
// a form goes, and one that is larger is refused before anybody has to type it.
func TestLargePicture(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	for name, shown := range map[string]string{
		"animated":              "data:image/gif;base64," + base64.StdEncoding.EncodeToString(animation(t)),
		"40 KB and more":        gifOf(41<<10, "A"),
		"256 KB":                "data:image/gif;base64," + base64.StdEncoding.EncodeToString(append([]byte("GIF89a"), bytes.Repeat([]byte{0x5a}, 256<<10)...)),
		"at the limit":          gifOf(maxPicture, "A"),
		"at the limit, escaped": gifOf(maxPicture, "/"), // three bytes each on the way back
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser().on(t, s)
			s.backend.answer("/v1/captcha/data", func(w http.ResponseWriter, r *http.Request) {
				var own struct{ Token string }
				rec := httptest.NewRecorder()
				s.backend.em.ServeHTTP(rec, r)
				decode(t, rec.Body, &own)
				fmt.Fprintf(w, `{"data":%q,"token":%q,"type":"image","expires_in":300}`, shown, own.Token)
			})
			typed := fields{"username": strings.NewReplacer(" ", "-", ",", "").Replace(name) + "@example.com", "password": strings.Repeat("漢", 256)}
			p := b.submit(b.open("/sign-in"), typed).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
			steps := []struct {
				name string
				next func() *page
			}{
				{"asked", func() *page { return p }},
				{"nothing typed", func() *page { return b.submit(p, fields{"captcha_key": ""}) }},
				{"another language", func() *page { return b.press(p, "lang=zh-CN", nil) }},
				{"another one", func() *page { return b.press(p, "action=captcha", nil) }},
				{"a wrong answer", func() *page { return b.submit(p, fields{"captcha_key": "????"}) }},
			}
			for _, step := range steps {
				p = step.next()
				if p.name() != "sign-in" || p.picture() != shown {
					t.Fatalf("%s: page %q with %d shows %q", step.name, p.name(), p.status, shorten(p.picture()))
				}
				p.wantValue(fields{"username": typed["username"]})
			}
			s.backend.answer("", nil)
			p = b.submit(p, fields{"captcha_key": s.backend.key()})
			p.want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
		})
	}
}

// animation is a GIF of two pictures.
func animation(t *testing.T) []byte {
	t.Helper()
	frame := func(c color.Color) *image.Paletted {
		return image.NewPaletted(image.Rect(0, 0, 140, 48), color.Palette{c, color.Black})
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, &gif.GIF{Image: []*image.Paletted{frame(color.White), frame(color.Black)}, Delay: []int{10, 10}}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestCaptchaOtherWay: another picture is to be had beside the picture, and who can read none is led
// to the other ways in, where the page has some.
func TestCaptchaOtherWay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.captcha("always")
	for name, typed := range map[string]fields{"sign-in": {"username": "demo", "password": demoPassword}, "reset-password": {"email": demoEmail}} {
		b, way := s.browser(), name == "sign-in"
		asked := b.submit(b.open("/"+name, "via=email"), typed).
			want(http.StatusUnprocessableEntity, name, "captcha.ask")
		picture := asked.find(func(n *htmlNode) bool { return n.Data == "img" && attr(n, "class") == "captcha" })
		if another := asked.find(func(n *htmlNode) bool { return n.Data == "button" && attr(n, "value") == "captcha" }); another == nil || another.Parent != picture.Parent {
			t.Errorf("%s: the button for another picture is not beside it", name)
		}
		link := asked.find(func(n *htmlNode) bool { return n.Data == "a" && attr(n, "href") == "#methods" })
		if (link != nil) != way {
			t.Errorf("%s: another way is offered: %v, want %v", name, link != nil, way)
		}
		if way && asked.byID("methods") == nil {
			t.Errorf("%s: the link to other ways leads nowhere", name)
		}
	}
}
