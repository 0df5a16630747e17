package signin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/captcha"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/qrcode"
	"tcb-login/views"
)

// Sign-in by a WeChat mini program, which a phone opens by scanning a code on this page:
//
//	POST /sign-in/qr         makes a code: by the button of a page that has the agreement
//	POST /sign-in/qr/status  by script, now and then: what became of it
//	POST /sign-in/qr/check   the same by a button, for who has no script
//	POST /sign-in/qr/enter   signs in, once the person has said yes on the phone
//
// The attack is a code of the attacker's on a page or in a message of theirs: whoever scans it and
// says yes signs the attacker in. The page can only say so, and give its codes little to be carried
// off with. A code
//
//   - belongs to this session: its id is sealed, in flow=. Nobody else's browser can ask about it.
//   - lives for two minutes, whatever TCB would give it, and is one at a time: a cookie says which.
//   - is made under a limit of the network's, beyond which a picture is asked for.
//
// What TCB answers to a yes (provider_token) stays here: it is asked for again when it is needed,
// and goes straight into the sign-in. Who has an account that way has said yes on another device,
// which proves nothing of who sits before this one: there is no auth_at, so whatever wants a
// step-up asks for it. An identity without an account is told so and not offered to be linked: TCB
// does not name it, and nothing is bound that no page has named.

// Forms of the pages: the one with the button, and the one with a code.
const (
	formQR     = "qr"
	formQRCode = "qr-code"
)

const (
	pathQRStatus = entry.PathSignInQR + "/status"
	pathQRCheck  = entry.PathSignInQR + "/check"
	pathQREnter  = entry.PathSignInQR + "/enter"

	qrLife    = 2 * time.Minute
	qrKept    = 15 * time.Minute // for the button that gets another one
	qrPurpose = "qr code"
	qrCookie  = "qr" // in the place of a state: there is one
)

// States of a code.
const (
	qrWaiting   = "waiting"
	qrScanned   = "scanned"
	qrConfirmed = "confirmed"
	qrRefused   = "refused"
	qrExpired   = "expired"
)

// qrStates are all, with their words.
var qrStates = []views.QRState{
	{Name: qrWaiting, Words: i18n.Msg("qr.waiting")},
	{Name: qrScanned, Words: i18n.Msg("qr.scanned")},
	{Name: qrConfirmed, Words: i18n.Msg("qr.confirmed")},
	{Name: qrRefused, Words: i18n.Msg("qr.refused")},
	{Name: qrExpired, Words: i18n.Msg("qr.expired")},
}

// qrStep is a code as it rides in flow=.
type qrStep struct {
	ID    string `json:"i"` // TCB's, for asking about it
	Sum   string `json:"s"` // of what the phone scans: no other is shown for it
	Until int64  `json:"u"` // Unix seconds
}

func (in *Room) qrRows() []web.Row {
	offered := func(handle web.Handler) web.Handler {
		return func(r *web.Request) (web.Reply, error) {
			if !web.OffersQR(&r.LoginRequest) {
				return web.Reply{}, refusal.ErrDisabled
			}
			return handle(r)
		}
	}
	again := offered(func(r *web.Request) (web.Reply, error) { return web.SeeOther(r.To(entry.PathSignInQR)) })
	return []web.Row{
		{
			Path: entry.PathSignInQR, Get: offered(func(r *web.Request) (web.Reply, error) { return web.OK(in.startPage(r, startQR)) }),
			Post: offered(in.postQR), Form: formQR,
			Forms: map[string]web.Rebuild{formQR: in.rebuildQR, formQRCode: in.rebuildQRCode},
		},
		{Path: pathQRStatus, Post: offered(in.postQRStatus), JSON: true},
		{Path: pathQRCheck, Get: again, Post: offered(in.postQRCheck), Form: formQRCode, Question: true},
		{Path: pathQREnter, Get: again, Post: offered(in.postQREnter), Form: formQRCode},
	}
}

func (in *Room) rebuildQR(r *web.Request) (views.Page, error) {
	if !web.OffersQR(&r.LoginRequest) {
		return nil, refusal.ErrDisabled
	}
	return in.startPage(r, startQR), nil
}

// rebuildQRCode is the page with the code again; without one, the page with the button.
func (in *Room) rebuildQRCode(r *web.Request) (views.Page, error) {
	step, ok := in.qrStep(r)
	if !ok {
		return in.rebuildQR(r)
	}
	return in.qrAgain(r, step, in.saidQRState(r, step)), nil
}

// saidQRState is the state that the page was in, for showing it again: whoever acts on it asks TCB.
func (in *Room) saidQRState(r *web.Request, step qrStep) string {
	state, said := in.qrState(r, step), r.Form.Value("qr_state")
	if state != qrExpired && slices.ContainsFunc(qrStates, func(s views.QRState) bool { return s.Name == said }) {
		return said
	}
	return state
}

// postQR makes a code, and shows it at once: what TCB draws may be too long for an address.
func (in *Room) postQR(r *web.Request) (web.Reply, error) {
	page, err := in.start(r)
	if err != nil {
		return web.Reply{}, err
	}
	if page.Frame().Invalid() {
		return web.Invalid(page)
	}
	demand := in.Reserve().TakeSoft(r.Context(), r.Caller.Network.Counts(limits.RuleQR)...) || r.Env.Limits.AttackMode
	var made *authclient.MiniProgramQRCode
	err = in.Guarded(r, authclient.CallGetMiniProgramQRCode, demand, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		made, err = r.Auth().GetMiniProgramQRCode(ctx, r.LoginPage.MiniProgram, opts...)
		return err
	})
	if err != nil {
		return in.refuseStart(r, page, err, startQR)
	}
	code, ok := drawQR(made.QRCode)
	if !ok {
		return web.Reply{}, &authclient.Error{Op: "GetMiniProgramQRCode", Code: "unknown", Remaining: -1}
	}
	life := min(qrLife, time.Duration(cmp.Or(made.ExpiresIn, int(qrLife/time.Second)))*time.Second)
	step := qrStep{ID: made.QRCodeID, Sum: sumOf(code.Given), Until: in.Now().Add(life).Unix()}
	sealed, err := r.Session.Seal(qrPurpose, step, qrKept)
	if err != nil {
		return web.Reply{}, err
	}
	current, err := r.Session.SealFlow(qrPurpose, qrCookie, web.HashOf(step.ID), qrLife)
	if err != nil {
		return web.Reply{}, err
	}
	r.Session.SendFlow(current)
	return web.OK(in.qrPage(r, sealed, code, qrWaiting))
}

// drawQR is what TCB gave, as pages show it: a picture that it drew, or a text that we draw. It
// reports false for what is neither.
func drawQR(given string) (views.QRCode, bool) {
	if picture, ok := captcha.Picture(given); ok {
		return views.QRCode{Given: picture, Picture: picture}, true
	}
	if strings.HasPrefix(given, "data:") {
		return views.QRCode{}, false
	}
	drawn, err := qrcode.Draw(given)
	return views.QRCode{Given: given, Size: drawn.Size, Path: drawn.Path}, err == nil
}

func sumOf(given string) string {
	sum := sha256.Sum256([]byte(given))
	return hex.EncodeToString(sum[:16])
}

func (in *Room) qrPage(r *web.Request, sealed string, code views.QRCode, state string) *views.QRPage {
	flow := entry.Add("flow", sealed)
	_, host, _ := strings.Cut(r.Origin.Text, "://")
	page := &views.QRPage{
		Base: in.FormPage(&r.LoginRequest, formQRCode, i18n.Msg("qr.title"), pathQRCheck, sealed),
		Lead: i18n.Message{Key: "qr.lead", Args: i18n.Args{"host": host}},
		Code: code, State: state, States: qrStates,
		Check: r.To(pathQRCheck, flow), Enter: r.To(pathQREnter, flow), New: r.To(entry.PathSignInQR, flow), Status: r.To(pathQRStatus, flow),
		Script: in.Asset("qr.js"),
		Back:   views.Link{To: "sign-in", URL: r.To(r.SignInPath()), Label: i18n.Msg("sign-in.back")},
	}
	switch state { // Enter in a captcha does what the button that is shown does, and so does TCB's captcha page
	case qrConfirmed:
		page.Form.Action = page.Enter
	case qrRefused, qrExpired:
		page.Form.Action = page.New
	}
	page.Styled = true
	return page
}

// qrStep is the code that a request is about.
func (in *Room) qrStep(r *web.Request) (step qrStep, ok bool) {
	if !web.OffersQR(&r.LoginRequest) {
		return step, false
	}
	return step, r.Session.Open(qrPurpose, r.Flow, &step)
}

// qrState is what can be said of a code without TCB: that its time is over, or that the browser has
// had another one made since, or somebody else sign in. A phone may have said yes to it, which is as
// good as a code that was right.
func (in *Room) qrState(r *web.Request, step qrStep) string {
	var current string
	if in.Now().Unix() >= step.Until || !r.Session.FlowPersonal(qrPurpose, qrCookie, &current) || current != web.HashOf(step.ID) {
		return qrExpired
	}
	return qrWaiting
}

// qrAgain is the page with the code that its form has brought back.
func (in *Room) qrAgain(r *web.Request, step qrStep, state string) *views.QRPage {
	given := r.Form.Value("qr_code")
	code, ok := drawQR(given)
	if !ok || sumOf(code.Given) != step.Sum {
		code = views.QRCode{}
		if state == qrWaiting || state == qrScanned { // there is nothing to scan
			state = qrExpired
		}
	}
	return in.qrPage(r, r.Flow, code, state)
}

// qrOver are TCB's words for a code that it does not know any more.
func qrOver(err error) bool {
	return errors.Is(err, authclient.ErrInvalidArgument) || errors.Is(err, authclient.ErrNotFound) || errors.Is(err, authclient.ErrExpiredToken)
}

// askQR asks TCB what became of a code. A poll that comes too soon after another is a
// *refusal.Limited, and beyond some sixty the code's time is over. The token is TCB's
// provider_token, where the person has said yes.
func (in *Room) askQR(r *web.Request, step qrStep, paced bool) (state, token string, err error) {
	if state = in.qrState(r, step); state == qrExpired {
		return state, "", nil
	}
	counts, key := in.Reserve(), web.HashOf(step.ID)
	if paced {
		if err := counts.Take(r.Context(), limits.RuleQRPause, "qr.pause", time.Second, key); err != nil {
			return state, "", err
		}
	}
	if counts.TakeSoft(r.Context(), limits.Count{Rule: limits.RuleQRPolls, Key: key}) {
		return qrExpired, "", nil
	}
	got, err := r.Auth().GetMiniProgramQRCodeStatus(r.Context(), r.LoginPage.MiniProgram, step.ID, r.Options()...)
	switch {
	case qrOver(err):
		r.Trace.Refused(err)
		return qrExpired, "", nil
	case err != nil:
		return state, "", err
	}
	return stateOfQR(got.Status, got.ProviderToken), got.ProviderToken, nil
}

// stateOfQR reads TCB's word for what became of a code. None is documented: a token says more than
// any, and one that nobody knows leaves the code as it is.
func stateOfQR(status, token string) string {
	if token != "" {
		return qrConfirmed
	}
	switch strings.ToUpper(status) {
	case "SCANNED", "SCANED", "SCAN":
		return qrScanned
	case "CANCELLED", "CANCELED", "CANCEL", "REFUSED", "REJECTED", "DENIED":
		return qrRefused
	case "EXPIRED", "EXPIRE", "TIMEOUT", "INVALID", "USED":
		return qrExpired
	}
	return qrWaiting
}

// qrAnswer is what script hears.
type qrAnswer struct {
	State string `json:"state,omitempty"`
	Error string `json:"error,omitempty"`
}

// postQRStatus answers script. web has seen that it is from a page of this origin; the token says
// that it is a page of this session.
func (in *Room) postQRStatus(r *web.Request) (web.Reply, error) {
	if !r.Session.CSRFValid(r.Header("X-CSRF-Token")) {
		r.Trace.Because(refusal.ReasonCSRF)
		return web.JSON(403, qrAnswer{Error: "csrf"})
	}
	step, ok := in.qrStep(r)
	if !ok {
		return web.JSON(200, qrAnswer{State: qrExpired})
	}
	state, _, err := in.askQR(r, step, true)
	if limited := (*refusal.Limited)(nil); errors.As(err, &limited) {
		reply, err := web.JSON(429, qrAnswer{Error: "limited"})
		reply.RetryAfter = limited.Wait
		return reply, err
	}
	if err != nil {
		r.Trace.Refused(err)
		r.Trace.Err = err
		return web.JSON(503, qrAnswer{Error: web.Unavailable})
	}
	return web.JSON(200, qrAnswer{State: state})
}

// postQRCheck is the same for who has no script.
func (in *Room) postQRCheck(r *web.Request) (web.Reply, error) {
	step, ok := in.qrStep(r)
	if !ok {
		return in.qrLost(r)
	}
	state, _, err := in.askQR(r, step, true)
	if err != nil {
		return web.Refuse(in.qrAgain(r, step, in.saidQRState(r, step)), err, nil)
	}
	return web.OK(in.qrAgain(r, step, state))
}

// qrLost is for a code of another session, or of long ago.
func (in *Room) qrLost(r *web.Request) (web.Reply, error) {
	page := in.startPage(r, startQR)
	page.Alert = views.Alert{Kind: views.AlertError, Message: i18n.Msg("qr.expired")}
	return web.Invalid(page)
}

// postQREnter signs in who has said yes.
func (in *Room) postQREnter(r *web.Request) (web.Reply, error) {
	step, ok := in.qrStep(r)
	if !ok {
		return in.qrLost(r)
	}
	state, token, err := in.askQR(r, step, false)
	if err != nil {
		return web.Refuse(in.qrAgain(r, step, in.saidQRState(r, step)), err, nil)
	}
	page := in.qrAgain(r, step, state)
	if state != qrConfirmed {
		return web.Invalid(page)
	}
	var creds *authclient.Credentials
	err = in.Guarded(r, authclient.Call{}, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.Auth().SignInWithProvider(ctx, authclient.SignInWithProviderRequest{
			ProviderToken: token, ProviderID: r.LoginPage.MiniProgram, ForceDisableSignUp: !r.LoginPage.RegistersByItself(),
		}, opts...)
		return err
	})
	if err == nil {
		r.Session.ForgetFlow(qrCookie) // it is used up
	}
	reply, err := in.admit(r, given{elsewhere: true, by: audit.ByQR, provider: r.LoginPage.MiniProgram}, creds, err)
	switch {
	case err == nil:
		return reply, nil
	case errors.Is(err, authclient.ErrNotFound), errors.Is(err, authclient.ErrUserNotFound):
		r.Trace.Refused(err)
		return web.Show(422, in.qrUnknown(r))
	}
	return web.Refuse(page, err, nil)
}

// qrUnknown is for an identity that no account has.
func (in *Room) qrUnknown(r *web.Request) *views.NoticePage {
	p := &views.NoticePage{Base: in.Page(&r.LoginRequest, "qr-unknown", i18n.Msg("qr.unknown.title")), Lead: i18n.Msg("qr.unknown.lead")}
	web.LinkLanguages(&p.Base, func(other entry.Differ) string { return r.To(entry.PathEntry, entry.With("prompt", "login"), other) })
	p.Button = views.Link{To: "sign-in", URL: r.To(entry.PathEntry, entry.With("prompt", "login")), Label: i18n.Msg("sign-in.back")}
	if path := r.LoginPage.RegisterPath(); path != "" {
		p.Others = []views.Link{{To: "sign-up", URL: r.To(path), Label: i18n.Msg("sign-up.title")}}
	}
	return p
}

func (in *Room) qrSamples(r *web.Request) []sample.Sample {
	all := sample.Form("qr", entry.PathSignInQR, func() (views.Page, error) { return in.startPage(r, startQR), nil }, sample.Consent(r.LoginPage)...)
	states := []sample.State{}
	for _, state := range []string{qrScanned, qrConfirmed, qrRefused, qrExpired} {
		states = append(states, sample.State{Name: state, Change: func(p views.Page) { p.(*views.QRPage).State = state }})
	}
	states = append(states, sample.Alert("pause", views.AlertError, i18n.Message{Key: "qr.pause", N: 1}))
	all = append(all, sample.Form("qr-code", pathQRCheck, func() (views.Page, error) {
		code, ok := drawQR("https://example.com/scan?code=sample")
		if !ok {
			return nil, errNoQR
		}
		page := in.qrPage(r, "", code, qrWaiting)
		page.Script = "" // it would ask
		return page, nil
	}, states...)...)
	return append(all, sample.Plain("qr-unknown", entry.PathSignInQR+"/unknown", func() (views.Page, error) { return in.qrUnknown(r), nil })...)
}

// errNoQR: the sample cannot be drawn.
var errNoQR = errors.New("no sample of a code")
