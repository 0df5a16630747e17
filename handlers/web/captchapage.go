package web

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/handlers/captcha"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/sample"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/views"
)

// TCB's own captcha page, where an environment has `captcha: page`:
//
//	a POST that TCB wants a captcha for
//	  → interstitial to TCB's page, with a cookie for the way back: what was typed, sealed
//	GET /captcha/callback   TCB's redirect: state, and captcha_token or error
//	  → a page whose button, pressed by script, posts to the form's own address
//	POST there              → the form as it was, and the call once more with the token
//
// The GET changes nothing, so that no reload or prefetch makes a call. After an error the button
// shows the form again, with everything typed, and calls nothing. A captcha that we demand ourselves
// is the picture all the same: of a page elsewhere nobody knows whose captcha was solved there.

// maxTrips is how often a form leads to TCB's page before its refusal is the end: once more after a
// captcha_token that TCB does not take.
const maxTrips = 2

const (
	captchaCookie = "captcha page"
	captchaBack   = "way back from captcha page"
	tripLife      = 10 * time.Minute // as TCB's page has
	// captchaField is the form's, of the page that the callback answers with.
	captchaField = "captcha_return"
)

var ruleCaptchaState = limit.Rule{Name: "captcha state", N: 1, Per: time.Hour}

// A captchaTrip is a form that waits in the cookie of its state while the browser is at TCB's page.
type captchaTrip struct {
	Env, Client string
	Path, Query string // of the form's address, the base path left out
	Form        string
	Fields      [][2]string // what was typed, but for the password
	Secret      string      // which comes back within secretLife
	SecretUntil int64       // Unix seconds
	Action      string      // the button that made the call
	At          string      // which of several calls of the POST it was
	Refused     bool        // TCB has refused a token of this form once
	Trips       int         // this one included
}

// A captchaReturn is what the callback brought, sealed into its page.
type captchaReturn struct {
	State  string
	Token  string
	Until  int64  // Unix seconds
	Failed bool   // there is none: the form is shown again
	Said   string // why, in the words of TCB's page
}

// captchaAway says that TCB's page is to be gone to, before a form is shown again.
type captchaAway struct {
	of    authclient.Call // that it is for
	url   string
	state string
}

func (*captchaAway) Error() string { return "captcha page" }

// captchaPage asks for TCB's captcha page. It returns nil where TCB wants none after all.
func (s *Site) captchaPage(ctx context.Context, r *Request, of authclient.Call) error {
	var b [16]byte
	if err := s.Random(b[:]); err != nil {
		return err
	}
	state := hex.EncodeToString(b[:])
	page, err := r.Auth().InitCaptcha(ctx, r.Origin.Text+s.places.Base+entry.PathCaptchaCallback, state, r.Options()...)
	switch {
	case err != nil:
		return err
	case page.URL == "":
		return nil
	case !captcha.PageAddress(page.URL, r.Env.Endpoint):
		return &authclient.Error{Op: "InitCaptcha", Code: "unknown", Remaining: -1}
	}
	return &captchaAway{of, page.URL, state}
}

// leaveForCaptcha leads to TCB's captcha page, from which the browser comes back to the form of a
// page. What does not fit into the cookie for the way, or not beside what the form goes on with, is
// asked for by the picture.
func (s *Site) leaveForCaptcha(r *Request, page views.Page, away *captchaAway) (Reply, error) {
	waiting, err := r.Session.SealFlow(captchaCookie, away.state, s.tripOf(r, page.Frame()), tripLife)
	// The step that is under way may have a cookie, which has to be there on the way back.
	if errors.Is(err, session.ErrTooLarge) || r.Flow != "" && waiting.Crowds() {
		return Refuse(page, s.askCaptcha(r.Context(), r, away.of, ""), nil)
	}
	if err != nil {
		return Reply{}, err
	}
	r.Session.SendFlow(waiting)
	return Leave(&views.InterstitialPage{
		Base: s.Page(&r.LoginRequest, "interstitial", i18n.Msg("captcha.page.title")),
		Lead: i18n.Msg("captcha.page.lead"),
		Data: views.Departure{To: away.url},
	})
}

// notTyped are fields that a form's page makes anew. Whose the form is, sub, has to wait with what was
// typed: somebody else may sign in meanwhile.
var notTyped = []string{"csrf_token", "form", "action", "captcha", "captcha_picture", "captcha_key", captchaField, sdkCaptcha, "kept", "access_token", "refresh_token"}

// tripOf is the form of a page that a request's call waits on, to be found again.
func (s *Site) tripOf(r *Request, b *views.Base) captchaTrip {
	f := r.Form
	action := f.action
	if action == "" {
		action = f.captcha.Action
	}
	path, query, _ := strings.Cut(strings.TrimPrefix(b.Form.Action, s.places.Base), "?")
	t := captchaTrip{
		Env: r.Env.ID, Client: r.Client.ID, Path: path, Query: query, Form: b.Form.Name,
		Action: action, At: f.captcha.At, Refused: f.captcha.Renewed, Trips: f.captcha.Trips + 1,
	}
	t.Fields, _ = f.Typed()
	if f.secret != "" && f.keeps(b) {
		t.Secret, t.SecretUntil = f.secret, s.now().Add(secretLife).Unix()
	}
	return t
}

func (s *Site) pathOf(c *fiber.Ctx) string { return strings.TrimPrefix(c.Path(), s.places.Base) }

// getCaptchaCallback answers TCB's redirect, and the links of its own page to other languages, which
// have sealed what the redirect brought. It reads no entry query: the trip brings its own.
func (s *Site) getCaptchaCallback(r *Request) (Reply, error) {
	r.HideAddress()
	lang, sealed := r.Lang, r.Arg(captchaField)
	var trip captchaTrip
	back := captchaReturn{State: r.Arg("state")}
	if !r.Session.FlowValue(captchaCookie, back.State, &trip) {
		return Reply{}, errCaptchaLost
	}
	if lang != "" {
		trip.Query = entry.WithParam(trip.Query, "lang", lang)
	}
	r, err := s.Recall(r, trip.Query)
	if err != nil {
		return Reply{}, err
	}
	if sealed != "" {
		if !r.Session.Open(captchaBack, sealed, &back) || back.State != r.Arg("state") {
			return Reply{}, errCaptchaLost
		}
		return OK(s.captchaReturnPage(r, trip, back, sealed))
	}
	if token := r.Arg("captcha_token"); r.Arg("error") != "" || !captcha.IsToken(token) {
		r.Trace.Code = "captcha_failed"
		back.Failed, back.Said = true, captcha.Said(r.Arg("error_description"))
	} else {
		back.Token, back.Until = token, s.now().Add(captcha.TokenLife(r.Arg("expires_in"))).Unix()
	}
	if sealed, err = r.Session.Seal(captchaBack, back, tripLife); err != nil {
		return Reply{}, err
	}
	return OK(s.captchaReturnPage(r, trip, back, sealed))
}

func (s *Site) captchaReturnPage(r *Request, trip captchaTrip, back captchaReturn, sealed string) *views.CaptchaReturnPage {
	name, title := "captcha-return", i18n.Msg("captcha.return.title")
	if back.Failed {
		name, title = "captcha-failed", i18n.Msg("captcha.failed.title")
	}
	page := &views.CaptchaReturnPage{Base: s.Page(&r.LoginRequest, name, title), Sealed: sealed, Failed: back.Failed, Said: back.Said}
	for i, l := range page.Languages { // to this page once more, not to the form: nothing is called
		page.Languages[i].URL = entry.Join(s.places.Base, entry.PathCaptchaCallback, "state="+back.State, captchaField+"="+sealed, "lang="+l.Tag)
	}
	page.Form.Name = trip.Form
	page.Form.Action = entry.Join(s.places.Base, trip.Path, trip.Query)
	page.Canonical = page.Form.Action // the address loses the token
	if !strings.Contains(s.allowed.At(s.places.Base+trip.Path), fiber.MethodGet) {
		page.Canonical = r.To(entry.PathEntry)
	}
	return page
}

// errCaptchaLost says that the way to TCB's page was begun elsewhere, or too long ago, or is over.
var errCaptchaLost = &refusal.Problem{Status: fiber.StatusBadRequest, Title: "captcha.lost_title", Lead: "captcha.lost", Again: entry.PathCaptchaCallback}

// returnFrom makes the form of a POST that comes from the callback's page the one that waited.
func (s *Site) returnFrom(r *Request) {
	f := r.Form
	sealed := f.Value(captchaField)
	if sealed == "" {
		return
	}
	var trip captchaTrip
	back := &captchaReturn{}
	f.back = back
	if !r.Session.Open(captchaBack, sealed, back) || !r.Session.FlowValue(captchaCookie, back.State, &trip) ||
		trip.Env != r.Env.ID || trip.Client != r.Client.ID || trip.Path != s.pathOf(r.c) || trip.Form != f.Name {
		*back = captchaReturn{}
		return
	}
	token := f.Value("csrf_token")
	f.fill(trip.Fields)
	f.values.Set("csrf_token", token)
	f.action = ""
	f.captcha = captchaState{
		Token: back.Token, Until: back.Until, Renewed: trip.Refused, Action: trip.Action, At: trip.At, Trips: trip.Trips,
	}
	// Somebody else may have signed in since.
	if !r.Session.FlowOwn(captchaCookie, back.State, &captchaTrip{}) {
		f.captcha.Token = ""
	}
	if s.now().Unix() < trip.SecretUntil && r.Session.FlowPersonal(captchaCookie, back.State, &captchaTrip{}) {
		f.brought = trip.Secret
	}
}

// captchaReturned stands before what a form's POST does: a way to TCB's page is good for one way
// back.
func (s *Site) captchaReturned(c *fiber.Ctx) error {
	r := requestOf(c)
	back := r.Form.back
	if back == nil {
		return c.Next()
	}
	if back.State != "" {
		first, err := s.Once(r.Context(), ruleCaptchaState, HashOf(back.State))
		if err != nil {
			return err
		}
		r.Session.ForgetFlow(back.State)
		if first && !back.Failed {
			return c.Next()
		}
		if first {
			return s.formAgain(c, r, fiber.StatusOK, views.Alert{Kind: views.AlertInfo, Message: i18n.Msg("captcha.not_done")})
		}
		r.Form.captcha = captchaState{}
	}
	r.Trace.Because(refusal.ReasonCaptchaLost)
	return s.formAgain(c, r, fiber.StatusUnprocessableEntity, views.Alert{Kind: views.AlertError, Message: i18n.Msg("captcha.over")})
}

// formAgain shows the form of a POST with what was typed.
func (s *Site) formAgain(c *fiber.Ctx, r *Request, status int, say views.Alert) error {
	r.Form.Keep = true
	page, err := s.Rebuild(r)
	if errors.Is(err, refusal.ErrNoForm) {
		return errCaptchaLost
	}
	if err != nil {
		return err
	}
	page.Frame().Alert = say
	return s.write(c, requestOf(c), Reply{Status: status, Page: page})
}

// CaptchaSamples are the pages on the way back from TCB's captcha page.
func (s *Site) CaptchaSamples(r *Request) (all []sample.Sample) {
	const path = entry.PathCaptchaCallback
	trip := captchaTrip{Path: entry.PathSignIn, Query: r.Query, Form: "sign-in"}
	for _, back := range []captchaReturn{{}, {Failed: true}} {
		make := func() (views.Page, error) {
			return s.captchaReturnPage(r, trip, back, ""), nil
		}
		if !back.Failed {
			all = append(all, sample.Plain("captcha-return", path, make)...)
			continue
		}
		all = append(all, sample.Plain("captcha-failed", path+"/failed", make, sample.State{Name: "described", Change: func(p views.Page) {
			p.(*views.CaptchaReturnPage).Said = "The captcha was not solved"
		}})...)
	}
	return all
}
