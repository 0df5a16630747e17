package handlers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"golang.org/x/text/width"

	"tcb-login/authclient"
	"tcb-login/config/loginpage"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/views"
)

// codeFlow is a flow that begins with a code by SMS or e-mail: sign-in by
// either, sign-up, and reset of the password. All four share its first two
// steps, one form each, under one route:
//
//	no flow=        asks for a number or an address; POST sends the code and
//	                answers 303 to the same route with flow=
//	flow= of a code asks for the code; POST checks it, sends another or goes back
//	flow= verified  what the flow wants then (verified.go). The verification_token
//	                rides along: nothing that goes wrong now costs another code
type codeFlow struct {
	h      *Handler
	name   string // of the flow, its forms and sealed values
	path   string
	phone  bool // whether it can be by SMS
	email  bool // whether it can be by e-mail
	target authclient.Target
	usage  string // what the message says it is for, the SDK's VerificationUsages

	method         loginpage.Method // where the flow is a way to sign in
	title          string
	leadPhone      string
	leadEmail      string
	question, link string // the way to the page's counterpart
	counterpart    string
	offered        func(*loginpage.Page) bool

	// Of the portal's flows alone.
	portal bool                                         // a signed-in person's: it is the login's own call, and TCB decides what there is
	bound  func(r *request) destination                 // where the code goes, when that is not asked for
	first  func(r *request) form                        // the first step's page then
	judge  func(r *request, d destination) (key string) // what is wrong with a destination

	// last are the forms of the verified step, by what follows the flow's name in theirs.
	last []string
	// finish goes on after a right code, in the same request.
	finish func(c *fiber.Ctx, f *flow) error
	// form is the page of the verified step, filled with what was typed in a POST.
	form func(c *fiber.Ctx, f *flow) (form, error)
	// submit handles that page's POST.
	submit func(c *fiber.Ctx, f *flow) error
}

// byPhone decides which of the two the page asks for.
func (cf *codeFlow) byPhone(r *request) bool {
	phone, email := cf.channels(r.login)
	return phone && (r.via != "email" || !email)
}

// channels are those that the page can send a code of this flow by.
func (cf *codeFlow) channels(l *loginpage.Page) (phone, email bool) {
	can := (*loginpage.Page).VerifiesBy
	switch {
	case cf.portal:
		return cf.phone, cf.email
	case cf.method != "":
		can = (*loginpage.Page).Offers
	case cf.name == "sign-up":
		can = func(l *loginpage.Page, m loginpage.Method) bool { return slices.Contains(l.SignUpWith, m) }
	}
	return cf.phone && can(l, loginpage.MethodSMS), cf.email && can(l, loginpage.MethodEmail)
}

// targetOf is which numbers and addresses a code of the flow may go to, as TCB's
// own page chooses it: to those with an account alone, where signing in never
// registers.
func (cf *codeFlow) targetOf(r *request) authclient.Target {
	if cf.method != "" && r.login.Registration != loginpage.RegistrationAuto {
		return authclient.TargetUser
	}
	return cf.target
}

// destination is where a code goes, as typed and as TCB wants it.
type destination struct {
	country, number string
	elsewhere       bool   // the number is one, of a country that the page does not take
	email           string // as typed
	phone, address  string // TCB's form, one of them when valid
}

// typedDestination reads and normalises what the form brought.
func (cf *codeFlow) typedDestination(c *fiber.Ctx) destination {
	r := requestOf(c)
	if cf.bound != nil {
		return cf.bound(r)
	}
	if !cf.byPhone(r) {
		d := destination{email: line(c, "email")}
		d.address, _ = parseEmail(d.email)
		return d
	}
	d := destination{country: field(c, "phone_country"), number: line(c, "phone_number")}
	if phone, ok := parsePhone(d.number, d.country); ok {
		if !takesNumber(r.login, phone) {
			d.elsewhere = true
			return d
		}
		d.phone = phone
		d.country, d.number = splitPhone(phone) // +86… pasted into the field is cut for the person
	}
	return d
}

func (f *flow) destination() destination {
	if f.Email != "" {
		return destination{email: f.Email, address: f.Email}
	}
	country, number := splitPhone(f.Phone)
	return destination{country: country, number: number, phone: f.Phone}
}

func phoneView(r *request, d destination) *views.PhoneField {
	p := &views.PhoneField{Country: d.country, Number: d.number}
	allowed := r.login.Countries.Allowed
	if p.Country == "" {
		p.Country = cmp.Or(r.login.Countries.Default, defaultCountry(r.loc.Tag()), "CN") // TCB's own country, where a language has none
		if len(allowed) > 0 && !slices.Contains(allowed, p.Country) {
			p.Country = allowed[0]
		}
	}
	for _, o := range countryOptions(r.loc.Tag()) {
		if len(allowed) > 0 && !slices.Contains(allowed, o.Region) {
			continue
		}
		label := o.Name + " +" + o.Code
		p.Countries = append(p.Countries, views.Country{Region: o.Region, Label: label})
		p.Tall = p.Tall || o.Region == p.Country && wideText(label) > 13
	}
	return p
}

// wideText is about how many narrow characters a text is wide.
func wideText(s string) (n int) {
	for _, r := range s {
		n++
		if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}

// sendPage is the first step.
func (cf *codeFlow) sendPage(r *request, d destination) form {
	if cf.first != nil {
		return cf.first(r)
	}
	p := &views.SendCodePage{Base: *cf.h.formPage(r, cf.name, i18n.Msg(cf.title), cf.path, "")}
	if cf.byPhone(r) {
		p.Lead = i18n.Msg(cf.leadPhone)
		p.Phone = phoneView(r, d)
	} else {
		p.Lead = i18n.Msg(cf.leadEmail)
		p.Email = d.email
	}
	if cf.targetOf(r) != cf.target {
		p.Lead.Key += "_known"
	}
	if !cf.portal {
		p.Consent = cf.h.consent(r)
	}
	if phone, email := cf.channels(r.login); phone && email {
		if p.Phone != nil {
			p.Via = []views.Link{{To: "via-email", URL: r.to(cf.path, "via=email"), Label: i18n.Msg("via.email")}}
		} else {
			p.Via = []views.Link{{To: "via-phone", URL: r.to(cf.path, "via=phone"), Label: i18n.Msg("via.phone")}}
		}
	}
	if cf.method != "" {
		p.Ways = cf.h.ways(r, cf.method)
	}
	counterpart := "/" + cf.counterpart
	if cf.counterpart == "sign-in" {
		counterpart = r.signInPath()
	}
	if cf.counterpart != "" && (cf.counterpart != "sign-up" || r.login.SignUpPage) {
		p.Other = views.Prompt{
			Question: i18n.Msg(cf.question),
			Link:     views.Link{To: cf.counterpart, URL: r.to(counterpart), Label: i18n.Msg(cf.link)},
		}
	}
	return form{base: &p.Base, view: func() templ.Component { return views.SendCode(*p) }}
}

// codePage is the second step.
func (cf *codeFlow) codePage(r *request, f *flow) (*views.CodePage, form, error) {
	sealed, err := sealFlow(r, cf.name, f)
	if err != nil {
		return nil, form{}, err
	}
	lead := "code.lead_email"
	if f.Phone != "" {
		lead = "code.lead_phone"
	}
	if cf.targetOf(r) == authclient.TargetUser { // the page must not say that something was sent
		lead += "_maybe"
	}
	p := &views.CodePage{
		Fixed:   cf.bound != nil,
		Base:    *cf.h.formPage(r, cf.name+"-code", i18n.Msg("code.title"), cf.path, sealed),
		Lead:    i18n.Message{Key: lead, Args: i18n.Args{"to": f.masked()}},
		Button:  i18n.Msg("code.continue"),
		Wait:    cf.h.sendWait(context.Background(), r, f.to()),
		Minutes: int(math.Ceil(float64(f.CodeUntil-cf.h.now().Unix()) / 60)),
		Email:   f.Email,
	}
	if f.Phone != "" {
		p.Phone = &views.PhoneField{}
		p.Phone.Country, p.Phone.Number = splitPhone(f.Phone)
	}
	if cf.method != "" {
		p.Button = i18n.Msg("sign-in.button")
		p.Ways = cf.h.ways(r, cf.method)
		p.Ways.Anonymous, p.Ways.Skip = "", ""
		for i, w := range p.Ways.Others {
			if id, ok := strings.CutPrefix(w.To, "provider-"); ok { // its POST is this form's: the agreement came before it
				p.Ways.Others[i].URL = r.to("/provider/"+id, "flow="+sealed)
			}
		}
	}
	switch {
	case p.Minutes <= 0:
		p.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("code.expired")}
	case f.Again:
		p.Alert = views.Alert{Kind: views.AlertOK, Message: i18n.Msg("code.again")}
	}
	return p, form{base: &p.Base, view: func() templ.Component { return views.Code(*p) }}, nil
}

func (cf *codeFlow) get(c *fiber.Ctx) error {
	r := requestOf(c)
	if !cf.offered(r.login) {
		return errDisabled
	}
	f, found := cf.opened(r)
	if f == nil || f.verified() && cf.h.now().Unix() >= f.TokenUntil {
		form := cf.sendPage(r, cf.hinted(r))
		switch {
		case f != nil:
			form.base.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("error.session_over")}
		case found:
			form.base.Alert = views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("error.code_lost")}
		}
		return cf.h.show(c, fiber.StatusOK, form)
	}
	if f.verified() {
		form, err := cf.form(c, f)
		if err != nil {
			return err
		}
		return cf.h.show(c, fiber.StatusOK, form)
	}
	_, form, err := cf.codePage(r, f)
	if err != nil {
		return err
	}
	return cf.h.show(c, fiber.StatusOK, form)
}

// opened is the step under way. One in the portal is the person's whose portal it
// was: after a code to somebody's own number, nobody else is who they say.
func (cf *codeFlow) opened(r *request) (f *flow, found bool) {
	f, found = openFlow(r, cf.name)
	if f != nil && cf.portal && f.Sub != r.me.Sub {
		return nil, true
	}
	return f, found
}

// hinted fills the first step from login_hint, as far as it fits.
func (cf *codeFlow) hinted(r *request) destination {
	if cf.portal {
		return destination{}
	}
	if cf.byPhone(r) {
		if phone, ok := parsePhone(r.LoginHint, defaultCountry(r.loc.Tag())); ok {
			return (&flow{Phone: phone}).destination()
		}
		return destination{}
	}
	address, _ := parseEmail(r.LoginHint)
	return destination{email: address}
}

func (cf *codeFlow) post(c *fiber.Ctx) error {
	r := requestOf(c)
	if !cf.offered(r.login) {
		return errDisabled
	}
	if r.target == targetCode {
		return errNotYet
	}
	name := field(c, "form")
	cf.h.readForm(c, r, name)
	f, found := cf.opened(r)
	switch {
	case f == nil && found:
		// The session is gone, or the step is over. The form brought the number
		// along, so all it costs is another code.
		form := cf.sendPage(r, cf.typedDestination(c))
		form.base.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.code_lost")}
		return cf.h.show(c, fiber.StatusUnprocessableEntity, form)
	case f == nil:
		return cf.postSend(c)
	case f.verified() && cf.h.now().Unix() >= f.TokenUntil:
		form := cf.sendPage(r, f.destination())
		form.base.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.session_over")}
		return cf.h.show(c, fiber.StatusUnprocessableEntity, form)
	case f.verified():
		return cf.submit(c, f)
	}
	return cf.postCode(c, f)
}

func (cf *codeFlow) postSend(c *fiber.Ctx) error {
	r := requestOf(c)
	d := cf.typedDestination(c)
	form := cf.sendPage(r, d)
	field := "email"
	switch {
	case cf.bound != nil:
	case cf.byPhone(r):
		field = "phone_number"
		need(form.base, field, d.number)
		switch {
		case d.elsewhere:
			wrong(form.base, field, "error.phone_country")
		case d.number != "" && d.phone == "":
			wrong(form.base, field, "error.phone")
		}
	default:
		need(form.base, field, d.email)
		if d.email != "" && d.address == "" {
			wrong(form.base, field, "error.email")
		}
	}
	needConsent(r, form.base)
	if cf.judge != nil && !form.base.Invalid() {
		if key := cf.judge(r, d); key != "" {
			wrong(form.base, field, key)
		}
	}
	if form.base.Invalid() {
		return cf.h.show(c, fiber.StatusUnprocessableEntity, form)
	}
	return cf.send(c, form, &flow{Phone: d.phone, Email: d.address})
}

// send has a code sent and leads to the step that asks for it; form is what to
// show when it cannot be.
func (cf *codeFlow) send(c *fiber.Ctx, form form, f *flow) error {
	h, r, ctx := cf.h, requestOf(c), context.Background()
	counted, demand, err := h.takeSend(ctx, r, f)
	if err != nil {
		cf.offerOthers(r, form)
		return cf.refuse(c, form, err, nil)
	}
	if !cf.portal {
		alike(c)
	}
	var sent *authclient.Verification
	err = h.guarded(c, authclient.CallGetVerification, demand, h.watched(c, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		ask := r.client.auth.GetVerification
		if cf.portal {
			ask = r.user().GetVerification
		}
		sent, err = ask(ctx, authclient.GetVerificationRequest{
			PhoneNumber: f.Phone, Email: f.Email, Target: cf.targetOf(r), Usage: cf.usage,
		}, opts...)
		return err
	}, floorSend, r.env.ID, cf.viaOf(f)))
	switch {
	case err == nil:
		h.issued[f.channel()].Store(&issued{length: len(sent.VerificationID), expiresIn: sent.ExpiresIn})
	case !cf.portal && aboutAccount(err), cf.targetOf(r) == authclient.TargetUser && errors.Is(err, authclient.ErrResourceExhausted):
		// TCB would not send because of who has, or has not, an account. That is
		// between TCB and the owner: the page goes on as if it had, to a code
		// that nobody can know.
		traceOf(c).code = codeOf(err)
		if sent, err = h.decoy(f); err != nil {
			return err
		}
	case isOutage(err):
		// The message may be on its way all the same. It counts, but nobody has
		// to wait a minute because TCB failed.
		counted.refundPause(ctx)
		return cf.refuse(c, form, err, nil)
	default:
		counted.refund(ctx)
		return cf.refuse(c, form, err, nil)
	}
	if cf.portal {
		f.Sub = r.me.Sub
	}
	f.VerificationID = sent.VerificationID
	f.setUser(sent.IsUser)
	f.CodeUntil = h.now().Unix() + int64(sent.ExpiresIn)
	sealed, err := sealFlow(r, cf.name, f)
	if err != nil {
		return err
	}
	extra := []string{"flow=" + sealed}
	if r.via != "" && cf.phone && cf.email {
		extra = append([]string{"via=" + cf.viaOf(f)}, extra...)
	}
	return h.seeOther(c, r.to(cf.path, extra...))
}

// offerOthers puts the other ways in beside a pause, which may be of a stranger's making.
func (cf *codeFlow) offerOthers(r *request, f form) {
	if cf.portal {
		return
	}
	for _, w := range cf.h.ways(r, cf.method).Others {
		if !w.Provider {
			f.base.Alert.Links = append(f.base.Alert.Links, w.Link)
		}
	}
}

func (cf *codeFlow) viaOf(f *flow) string {
	if f.Phone != "" {
		return "phone"
	}
	return "email"
}

// channel indexes Handler.issued.
func (f *flow) channel() int {
	if f.Phone != "" {
		return 0
	}
	return 1
}

// aboutAccount reports that a code was not sent because of the state of an account.
func aboutAccount(err error) bool {
	for _, target := range []error{
		authclient.ErrFailedPrecondition, authclient.ErrNotFound, authclient.ErrUserNotFound,
		authclient.ErrUserBlocked, authclient.ErrUserPending, authclient.ErrAlreadyExists,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func codeOf(err error) string {
	var api *authclient.Error
	if errors.As(err, &api) {
		return api.Code
	}
	return ""
}

// issued is what a verification of TCB's looks like from outside.
type issued struct{ length, expiresIn int }

// decoy is a verification that TCB never issued, as long and as long-lived as
// those it does, so that neither page nor address tells.
func (h *Handler) decoy(f *flow) (*authclient.Verification, error) {
	like := h.issued[f.channel()].Load()
	if like == nil {
		like = &issued{length: 43, expiresIn: 600}
	}
	b := make([]byte, like.length)
	if _, err := io.ReadFull(h.rand, b); err != nil {
		return nil, err
	}
	return &authclient.Verification{
		VerificationID: base64.RawURLEncoding.EncodeToString(b)[:like.length],
		ExpiresIn:      like.expiresIn,
	}, nil
}

// postCode handles the second step's form: its code, or its other buttons.
func (cf *codeFlow) postCode(c *fiber.Ctx, f *flow) error {
	h, r := cf.h, requestOf(c)
	f.Again = false
	page, form, err := cf.codePage(r, f)
	if err != nil {
		return err
	}
	typed := line(c, "verification_code")
	page.Code = cut(typed, 64)
	action := field(c, "action")
	if action == "" && typed == "" {
		action = r.captcha.Action // a captcha stood between the button and what it does
	}
	switch action {
	case "change":
		form := cf.sendPage(r, f.destination())
		return h.show(c, fiber.StatusOK, form)
	case "resend":
		return cf.send(c, form, &flow{Phone: f.Phone, Email: f.Email, Again: true})
	}
	code := normalizeCode(typed)
	need(&page.Base, "verification_code", code)
	if code != "" && !sixDigits(code) {
		wrong(&page.Base, "verification_code", "error.code_format")
	}
	if page.Invalid() {
		return h.show(c, fiber.StatusUnprocessableEntity, form)
	}
	if err := cf.verify(c, f, code); err != nil {
		var wrong *fieldProblem
		if _, about := codeRefusals[codeOf(err)]; about || errors.As(err, &wrong) {
			page.Code = "" // nobody wants to edit a wrong code
		}
		return cf.refuse(c, form, err, codeRefusals)
	}
	return cf.finish(c, f)
}

// refuse shows a form of the flow again.
func (cf *codeFlow) refuse(c *fiber.Ctx, f form, err error, special map[string]refusal) error {
	if cf.portal {
		return cf.h.refusePortal(c, f, err, special)
	}
	return cf.h.refuse(c, f, err, special)
}

func sixDigits(code string) bool {
	for _, r := range code {
		if r < '0' || r > '9' {
			return false
		}
	}
	return len(code) == 6
}

// codeRefusals are TCB's answers to a code (SDK docs, "Verification Code Related Errors").
var codeRefusals = map[string]refusal{
	"invalid_argument":          {status: 422, key: "error.code_wrong", field: "verification_code"},
	"invalid_verification_code": {status: 422, key: "error.code_wrong", field: "verification_code"},
	"not_found":                 {status: 422, key: "error.code_wrong", field: "verification_code"},
	"permission_denied":         {status: 422, key: "error.code_wrong", field: "verification_code"},
	"aborted":                   {status: 422, key: "error.code_wrong", field: "verification_code"}, // how many tries are left is counted here, for a decoy too
}

// verify checks a code under the limit on tries, which are counted before the
// call: fifty at once get no further than five. On success f is verified.
func (cf *codeFlow) verify(c *fiber.Ctx, f *flow, code string) error {
	h, r, ctx := cf.h, requestOf(c), context.Background()
	sum := sha256.Sum256([]byte(f.VerificationID))
	key := limit.Key(r.env.ID, hex.EncodeToString(sum[:]))
	usedUp := &fieldProblem{field: "verification_code", key: "error.code_tries"}
	tries := &taken{counter: h.counter}
	if tries.take(ctx, ruleCode, "", time.Minute, key) != nil {
		return usedUp
	}
	var got *authclient.VerificationToken
	err := h.guarded(c, authclient.Call{}, false, h.watched(c, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		got, err = r.client.auth.Verify(ctx, authclient.VerifyRequest{VerificationID: f.VerificationID, VerificationCode: code}, opts...)
		return err
	}, floorCode, r.env.ID))
	if err != nil {
		if _, about := codeRefusals[codeOf(err)]; about {
			alike(c)
		}
		if _, about := codeRefusals[codeOf(err)]; !about {
			tries.refund(ctx)
		} else if d, peekErr := h.counter.Peek(ctx, ruleCode, key); peekErr == nil && !d.OK {
			traceOf(c).code = codeOf(err)
			return usedUp // the last try: say so now, and for a code never sent too
		}
		return err
	}
	f.VerificationToken = got.VerificationToken
	f.TokenUntil = h.now().Unix() + int64(got.ExpiresIn)
	return nil
}

// typedForm is one of the flow's forms with what was typed, for the language
// switch and another captcha. step is what follows the flow's name in the form's.
func (cf *codeFlow) typedForm(c *fiber.Ctx, step string) (form, bool) {
	r := requestOf(c)
	if !cf.offered(r.login) || step != "" && step != "-code" && !slices.Contains(cf.last, step) {
		return form{}, false
	}
	cf.h.readForm(c, r, cf.name+step)
	f, _ := cf.opened(r)
	switch {
	case step == "":
		return cf.sendPage(r, cf.typedDestination(c)), true
	case f == nil: // lost on the way; the number is in the form
		form := cf.sendPage(r, cf.typedDestination(c))
		form.base.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("error.code_lost")}
		return form, true
	case step == "-code" && !f.verified():
		f.Again = false
		page, form, err := cf.codePage(r, f)
		if err == nil {
			page.Code = cut(line(c, "verification_code"), 64)
		}
		return form, err == nil
	case f.verified():
		form, err := cf.form(c, f)
		return form, err == nil
	}
	return form{}, false
}
