package web

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tcb-login/handlers/bodies"
	"tcb-login/handlers/browser"
	"tcb-login/handlers/captcha"
	"tcb-login/handlers/refusal"
	"tcb-login/identifier"
	"tcb-login/password"
)

// A Form is what was posted; an empty one where nothing was. Its values do not change. The captcha
// does, as calls are made: it is written into the page that follows.
type Form struct {
	Name    string // of the form: from a closed list, see Site.Rebuild
	Agreed  bool   // to the texts of the page, as they are now
	Stale   bool   // from a page of another session
	Keep    bool   // the form shown next keeps a typed password, although it asks no captcha
	Changed bool   // other texts were agreed to than the page has now
	Others  bool   // it was opened by somebody else than is signed in now; there is nothing else in it

	action  string
	device  string
	values  *fasthttp.Args
	captcha captchaState
	session *browser.Session
	secret  string
	brought string         // the password that waited while the browser was at TCB's captcha page
	back    *captchaReturn // from there; without a state where it is over
}

// Buttons of somebody to whom what the page names does not belong.
const (
	ActionNotMe   = "not-me"   // an identity
	ActionNotMine = "not-mine" // what was done in this browser without an account
)

// actionPicture is the button for another captcha picture.
const actionPicture = "captcha"

// switches reports that a button of the language switch was pressed.
func (f *Form) switches() bool { return f.values != nil && f.values.Has("lang") }

// refreshes reports that the button for another captcha picture was.
func (f *Form) refreshes() bool { return f.action == actionPicture }

// postedForm and PostedJSON are the only readers of bodies, which formsOnly and jsonOnly have seen
// before. Both take the bytes as they came, and so as few as BodyLimit: Fiber's other readers undo
// Content-Encoding, where 275 bytes become gigabytes, or take multipart apart.
func postedForm(c *fiber.Ctx) *fasthttp.Args { return c.Request().PostArgs() }

// PostedJSON reads a JSON body.
func (r *Request) PostedJSON(into any) error { return json.Unmarshal(r.c.Request().Body(), into) }

// readForm reads what stands in every form. name is the form's, where the body does not say.
func readForm(c *fiber.Ctx, s *browser.Session, name string) *Form {
	f := &Form{values: postedForm(c), session: s}
	if f.Name = f.Value("form"); f.Name == "" {
		f.Name = name
	}
	f.Agreed = f.Value("agreement") != ""
	f.action = f.Value("action")
	if id := f.Value("device_id"); identifier.IsDeviceID(id) {
		f.device = id
	}
	if s.OpenOwn("captcha "+f.Name, f.Value("captcha"), &f.captcha) {
		if data, ok := captcha.Picture(f.Value("captcha_picture")); ok {
			f.captcha.data, f.captcha.key = data, Cut(identifier.NormalizeCode(f.Line("captcha_key")), 16)
		}
	}
	return f
}

// Typed are the fields that somebody has filled, and what the form says of itself. password is the field
// that has one, which is not among them.
func (f *Form) Typed() (fields [][2]string, password string) {
	if f.values == nil {
		return nil, ""
	}
	for name, value := range f.values.All() {
		switch n := string(name); {
		case isPassword(n) && len(value) > 0:
			password = n
		case !isPassword(n) && !slices.Contains(notTyped, n):
			fields = append(fields, [2]string{n, string(value)})
		}
	}
	return fields, password
}

func isPassword(field string) bool { return strings.Contains(field, "password") }

// Filled is the request with a form of what another's Typed was, and no button pressed.
func (r *Request) Filled(form string, fields [][2]string) *Request {
	other := *r
	other.Form = &Form{Name: form, session: r.Session}
	other.Form.fill(fields)
	return &other
}

func (f *Form) fill(fields [][2]string) {
	f.values = &fasthttp.Args{}
	for _, field := range fields {
		f.values.Add(field[0], field[1])
	}
	f.Agreed = f.Value("agreement") != ""
}

// agreedTo takes back what was agreed to where the page had other texts than it has now.
func (r *Request) agreedTo() {
	f := r.Form
	if texts := f.Value("texts"); f.Agreed && texts != "" && r.LoginPage != nil && texts != r.LoginPage.Agreed() {
		f.Agreed, f.Changed = false, true
	}
}

// disown empties a form that says it is of somebody else than is signed in now. That person was when they
// opened it, in another window perhaps, and nothing that they have typed is for whoever is there by now.
// A form says nothing of it where its page is nobody's, or was made before an update of this program.
func (r *Request) disown() {
	sub := r.Form.Value("sub")
	if sub == "" {
		return
	}
	if access, ok := r.Session.Access(); ok && access.Sub != "" && access.Sub != sub {
		r.Form = &Form{Name: r.Form.Name, Others: true, session: r.Session}
	}
}

// sdkCaptcha is a captcha_token that the SDK keeps in the browser, as script sends it. A call that
// TCB wants a captcha for tries it before another is solved; what we demand ourselves it never
// satisfies.
const sdkCaptcha = "captcha_sdk"

func (f *Form) known() string {
	if token := f.Value(sdkCaptcha); len(token) <= 4096 && captcha.IsToken(token) {
		return token
	}
	return ""
}

// Value is a field, and of the posted form alone: Fiber's FormValue looks into the query string
// first.
func (f *Form) Value(name string) string {
	if f.values == nil {
		return ""
	}
	v := string(f.values.Peek(name))
	if !utf8.ValidString(v) {
		return ""
	}
	return v
}

// WasField is the name of the hidden field that says what a field held when the form was opened: what nobody
// has touched since stays as it is by now.
func WasField(field string) string { return "was_" + field }

// Was is what a field held then; is, what it would now, where the form does not say it.
func (f *Form) Was(field, is string) string {
	if f.values == nil || !f.values.Has(WasField(field)) {
		return is
	}
	return f.Value(WasField(field))
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// Line is a field of one line, trimmed.
func (f *Form) Line(name string) string { return strings.TrimSpace(oneLine.Replace(f.Value(name))) }

// Posted reports that there is a form of that name.
func (f *Form) Posted(name string) bool { return f.Name == name }

// Device is the device_id that the form brought, or empty.
func (f *Form) Device() string { return f.device }

// Button is what was pressed: the button itself, or the one that a captcha stood in the way of.
func (f *Form) Button() string {
	if f.action == "" {
		return f.captcha.Action
	}
	return f.action
}

// Pressed is the button alone, with nothing between it and the answer.
func (f *Form) Pressed() string { return f.action }

// Secret is the password typed into a field, or the one that the form kept when a captcha or
// another language was asked for in between, unless somebody else has signed in since. The form that
// is shown next may keep it again.
func (f *Form) Secret(name string) string {
	f.secret = f.Value(name)
	if f.secret == "" {
		f.secret = f.brought
	}
	if f.secret == "" && f.session != nil {
		f.session.OpenPersonal("kept "+f.Name, f.Value("kept"), &f.secret)
	}
	return f.secret
}

// NewSecret is Secret for a password that is to be set: in the one form that it is then asked in.
func (f *Form) NewSecret(name string) string { return password.Normalize(f.Secret(name)) }

// Shown is a line that others will see, composed so that it is the same from every keyboard.
func (f *Form) Shown(name string) string {
	line := f.Line(name)
	if composed, ok := identifier.ParseName(line); ok {
		return composed
	}
	return line
}

// Cut shortens s to n bytes at most, at a rune.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func readable(c *fiber.Ctx, mediaType string) bool {
	return bodies.Readable(c, mediaType, len(c.Request().Body()) == 0)
}

// formsOnly and jsonOnly stand before everything that reads a body.
func formsOnly(c *fiber.Ctx) error {
	if !readable(c, "application/x-www-form-urlencoded") {
		return refusal.ErrUnreadable
	}
	return c.Next()
}

// Unreadable is the error= of a JSON answer to a body of another kind.
const Unreadable = "unsupported_body"

// Unavailable is the error= of a JSON answer where TCB, or something of ours, has failed.
const Unavailable = "unavailable"

// answersJSON stands before everything that can fail.
func answersJSON(c *fiber.Ctx) error {
	traceOf(c).json = true
	return c.Next()
}

func jsonOnly(c *fiber.Ctx) error {
	if !readable(c, "application/json") {
		traceOf(c).Because(refusal.ReasonUnreadable)
		return writeJSON(c, refusal.ErrUnreadable.Status, map[string]string{"error": Unreadable})
	}
	return c.Next()
}
