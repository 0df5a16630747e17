package entry

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
	"tcb-login/pattern"
	"tcb-login/redirect"
)

// A LoginRequest is what an address of ours asks for: who wants a login for which app, where it is
// to lead, in which language, and which step of ours is under way. It is made once, by
// Places.Parse, and nobody assigns to it afterwards: what differs in the address of another page is
// said to To.
type LoginRequest struct {
	Params
	Step

	Origin Origin
	Base   string // base path, as /__auth
	Path   string // of the page, below the base path
	Portal bool   // the page is the portal's
	OnWay  bool   // the page is on the way to one that next= names, and carries that along
	Query  string // the entry query string as it came, without the parameters of our own steps; in the portal see shorten

	Env       *Environment
	Client    *Client
	LoginPage *loginpage.Page
	Theme     *Theme
	Target    redirect.Verdict
	InWeChat  bool // the browser is WeChat's own
	Common    bool // a page of it shows Query and RedirectURI, and else what all show who come to the login page at it
	Loc       *i18n.Localizer
}

// Params are the parameters that the SDK's toDefaultLoginPage sends, and what an app may add.
type Params struct {
	AppID         string // see decisive for what these may be
	EnvID         string
	ClientID      string
	ConfigVersion string
	RedirectURI   string // where the login leads: the default where none came
	ResponseType  string
	CodeChallenge string

	Lang            string // the rest is read as far as it makes sense
	LoginHint       string
	Prompt          string
	State           string
	ChallengeMethod string

	Authorization // where response_type came with the request

	HasRedirect bool // redirect_uri came with the request
}

// Step are the parameters of our own: which step the page is at.
type Step struct {
	Flow      string // sealed: a code that was sent, or one that was right
	Via       string // phone or email, where a page offers both
	Next      string // name of the portal's page that this leads to, if any
	NextPath  string // its path
	Link      string // sealed: an identity that waits for the account it is bound to
	Done      string // sealed: the change that the page confirms
	PageToken string // TCB's, of a list
	UserCode  string // as the address has it: of a device that waits; carried along, so that sign-in leads back to it
}

// A decisiveParam is one that decides who gets a login. What two readers could understand differently
// (twice, or with brackets) is refused, and so is what does not keep to its rule.
type decisiveParam struct {
	name string
	max  int // characters
	id   bool
	of   func(*Params) *string
}

// keeps reports that a value keeps to the rule. It is none of the validator's: every request has
// several of these, and reflection took two fifths of what reading a query takes.
func (d *decisiveParam) keeps(value string) bool {
	return utf8.RuneCountInString(value) <= d.max && (!d.id || input.IsID(value))
}

// decisive are all of them. Of several that break their rules the first is named.
var decisive = []decisiveParam{
	{"app_id", 64, true, func(q *Params) *string { return &q.AppID }},
	{"env_id", 64, true, func(q *Params) *string { return &q.EnvID }},
	{"client_id", 64, true, func(q *Params) *string { return &q.ClientID }},
	{"config_version", 128, true, func(q *Params) *string { return &q.ConfigVersion }},
	{"redirect_uri", 4096, false, func(q *Params) *string { return &q.RedirectURI }},
	{"response_type", 64, false, func(q *Params) *string { return &q.ResponseType }},
	{"code_challenge", 128, false, func(q *Params) *string { return &q.CodeChallenge }},
}

// single are those by their names.
var single = func() map[string]func(*Params) *string {
	all := make(map[string]func(*Params) *string, len(decisive))
	for _, d := range decisive {
		all[d.name] = d.of
	}
	return all
}()

// first are those of which the first counts.
var first = map[string]func(*Params) *string{
	"lang":                  func(q *Params) *string { return &q.Lang },
	"login_hint":            func(q *Params) *string { return &q.LoginHint },
	"prompt":                func(q *Params) *string { return &q.Prompt },
	"state":                 func(q *Params) *string { return &q.State },
	"code_challenge_method": func(q *Params) *string { return &q.ChallengeMethod },
}

// sealedText is what session.Seal makes.
var sealedText = pattern.New(`^[A-Za-z0-9_-]+$`)

// LoginPages finds the login page of a config version; nil where there is none.
type LoginPages interface {
	Find(loginpage.Key) *loginpage.Page
}

// Places are all that an address can lead to.
type Places struct {
	Base         string
	Environments map[string]*Environment
	OnlyEnv      *Environment // set when there is exactly one
	LoginPages   LoginPages
	ThemeOf      func(*loginpage.Page) (*Theme, error)
	Messages     *i18n.Bundle
	Next         map[string]string // path of a portal's page, by the names that next= may have
	Demo         bool              // there is an app of ours at /, which a login leads to where nothing else is said
}

// Raw is what a login request is made of.
type Raw struct {
	Origin         Origin
	Path           string // below the base path
	Query          string
	Locale         string // the one that the person chose before
	AcceptLanguage string
	UserAgent      string
	Portal         bool // the page is the portal's, and some parameters are its own
	OnWay          bool // see LoginRequest
}

// Parse makes r the login request. Where it returns a problem, r holds as much as was found out, since
// the page that says so needs it: its language, and the app's look.
func (p *Places) Parse(raw Raw, r *LoginRequest) error {
	*r = LoginRequest{Origin: raw.Origin, Base: p.Base, Path: raw.Path, Portal: raw.Portal, OnWay: raw.OnWay, InWeChat: inWeChat(raw.UserAgent)}
	var bad error
	if unread := p.readQuery(r, raw); unread != nil {
		bad = unread
	} else {
		bad = p.resolve(r)
	}
	words := p.Messages
	var broken error
	if r.LoginPage != nil {
		if r.Theme, broken = p.ThemeOf(r.LoginPage); broken == nil {
			words = r.Theme.Messages
		}
	}
	r.Loc = words.Match(r.Lang, raw.Locale, raw.AcceptLanguage)
	switch {
	case broken != nil:
		return broken
	case bad != nil:
		return bad
	}
	if r.Portal && !r.Authorizing {
		r.shorten()
	}
	return nil
}

// inWeChat tells WeChat's own browser, which is on a phone and signs people in without a scan. WeCom
// names itself beside it, and is another service.
func inWeChat(userAgent string) bool {
	return strings.Contains(userAgent, "MicroMessenger/") && !strings.Contains(userAgent, "wxwork/")
}

// readQuery reads the query string. It reads as much as it can even when it returns a problem.
func (p *Places) readQuery(r *LoginRequest, raw Raw) *refusal.Problem {
	params, ok := parseQuery(make([]param, 0, 16), raw.Query) // on the stack
	if !ok {
		return refusal.BadParameter("?")
	}
	var bad *refusal.Problem
	carried, seen := make([]string, 0, 16), make(names, 0, 8) // on the stack
	r.Authorizing = slices.ContainsFunc(params, func(q param) bool { return q.key == "response_type" })
	for _, q := range params {
		name := nameOf(q.key)
		if !q.text && (p.reads(name) || r.Authorizing && oauth[name] != nil) {
			bad = refusal.BadParameter(name)
			continue
		}
		if r.Authorizing && ofOAuth(name) && (q.key != name || seen.has(name)) {
			bad = refusal.BadParameter(name)
		}
		if name, _, bracketed := strings.Cut(q.key, "["); bracketed && single[name] != nil {
			bad = refusal.BadParameter(name)
		}
		if p.readStep(&r.Step, q, raw.Portal) {
			continue
		}
		carried = append(carried, q.raw)
		if field := single[q.key]; field != nil {
			if seen.has(q.key) {
				bad = refusal.BadParameter(q.key)
			}
			*field(&r.Params) = q.value
			r.HasRedirect = r.HasRedirect || q.key == "redirect_uri"
		} else if field := first[q.key]; field != nil && !seen.has(q.key) {
			if *field(&r.Params) = q.value; q.key == "login_hint" {
				r.LoginHint = hint(q.raw)
			}
		} else if field := oauth[q.key]; field != nil && r.Authorizing && !seen.has(q.key) {
			*field(&r.Authorization) = q.value
		}
		if p.reads(q.key) || ofOAuth(q.key) {
			seen = seen.with(q.key)
		}
	}
	r.Query = strings.Join(carried, "&")
	r.Common = bad == nil && !r.Authorizing && isCommon(&r.Step) && !seen.has("lang") && !seen.has("prompt") && !seen.has("login_hint")
	if len(r.Query) > maxEntryQuery {
		return refusal.BadRequest("error.page.too_large", nil)
	}
	if bad != nil {
		return bad
	}
	for i := range decisive {
		d := &decisive[i]
		if value := *d.of(&r.Params); value != "" && !d.keeps(value) {
			return refusal.BadParameter(d.name)
		}
	}
	return nil
}

// isCommon reports that a step is none, but for which way a page shows first.
func isCommon(s *Step) bool {
	return (s.Via == "" || s.Via == "phone" || s.Via == "email") && *s == Step{Via: s.Via}
}

// nameOf is the name that some readers see: they end it at a NUL, or at a bracket.
func nameOf(key string) string {
	if end := strings.IndexAny(key, "\x00["); end >= 0 {
		return key[:end]
	}
	return key
}

// names are a few, each once.
type names []string

func (n names) has(name string) bool { return slices.Contains(n, name) }

func (n names) with(name string) names {
	if n.has(name) {
		return n
	}
	return append(n, name)
}

// reads reports that a parameter means something here, so that it must be text.
func (p *Places) reads(name string) bool {
	return single[name] != nil || first[name] != nil || slices.Contains(steps, name)
}

// steps are the parameters that readStep reads.
var steps = []string{"flow", "via", "next", "link", "done", "page_token"}

// readStep reads a parameter of ours. What cannot be one is the app's own and carried along.
func (p *Places) readStep(s *Step, q param, portal bool) bool {
	switch q.key {
	case "flow":
		s.Flow = cmp.Or(s.Flow, q.value)
		return true
	case "via":
		s.Via = cmp.Or(s.Via, q.value)
		return true
	case "next":
		if p.Next[q.value] != "" && s.Next == "" {
			s.Next, s.NextPath = q.value, p.Next[q.value]
			return true
		}
	case "link":
		if sealedText.MatchString(q.value) {
			s.Link = cmp.Or(s.Link, q.value)
			return true
		}
	case "done":
		if portal {
			s.Done = cmp.Or(s.Done, q.value)
		}
		return portal
	case "page_token":
		if portal {
			s.PageToken = cmp.Or(s.PageToken, q.value)
		}
		return portal
	case "user_code":
		if portal {
			s.UserCode = cmp.Or(s.UserCode, q.value)
		}
	}
	return false
}

// resolve finds environment, client and login page, and validates the target.
func (p *Places) resolve(r *LoginRequest) error {
	switch {
	case r.EnvID != "":
		r.Env = p.Environments[r.EnvID]
	case p.OnlyEnv != nil:
		r.Env = p.OnlyEnv
	default:
		return refusal.BadRequest("error.page.env_missing", nil)
	}
	if r.Env == nil {
		return refusal.BadRequest("error.page.env", i18n.Args{"id": r.EnvID})
	}
	if r.ClientID != "" {
		r.Client = r.Env.Clients[r.ClientID]
	} else {
		r.Client = r.Env.OnlyClient
	}
	if r.Client == nil && r.ClientID == "" {
		return refusal.BadRequest("error.page.client_missing", nil)
	}
	if r.Client == nil {
		return refusal.BadRequest("error.page.client", i18n.Args{"id": r.ClientID})
	}
	// The target comes first: without a login page, which somebody may have retired, it is the one
	// way on that there is.
	refused := p.resolveTarget(r)
	if missing := p.findPage(r); missing != nil {
		return missing
	}
	return refused
}

// findPage finds the login page.
func (p *Places) findPage(r *LoginRequest) *refusal.Problem {
	key := loginpage.Key{Env: r.Env.ID, App: r.AppID, Version: r.ConfigVersion}
	if key.Version == "" && key.App == "" {
		key.Version = loginpage.EnvVersion
	}
	if key.Version == loginpage.EnvVersion {
		key.App = "" // the page is the environment's, whichever app asks
	}
	switch r.LoginPage = p.LoginPages.Find(key); {
	case r.LoginPage == nil && key.App == "" && key.Version != loginpage.EnvVersion:
		return refusal.BadRequest("error.page.app_missing", i18n.Args{"id": key.Version})
	case r.LoginPage == nil && key.App != "":
		return refusal.BadRequest("error.page.app", i18n.Args{"id": key.Version, "app": key.App})
	case r.LoginPage == nil:
		return refusal.BadRequest("error.page.config_version", i18n.Args{"id": key.Version})
	}
	return nil
}

func (p *Places) resolveTarget(r *LoginRequest) error {
	if !r.HasRedirect {
		if r.Authorizing { // an app that asks for a code is none that a default is for
			return refusal.BadRequest("error.page.redirect_missing", nil)
		}
		r.RedirectURI = r.Env.DefaultRedirectURI
		if r.RedirectURI == "" && p.Demo {
			r.RedirectURI = r.Origin.Text + "/"
		}
		if r.RedirectURI == "" {
			return refusal.BadRequest("error.page.redirect_missing", nil)
		}
	}
	var registered []string
	if r.Client.CodeFlow {
		registered = r.Client.RedirectURIs
	}
	proof := r.provesCode()
	r.Target = redirect.Check(r.Origin.Text, r.RedirectURI, registered, proof)
	switch {
	case r.Authorizing && !proof && r.OwnTarget(),
		r.Target == redirect.Refused && !proof && redirect.Check(r.Origin.Text, r.RedirectURI, registered, true) == redirect.WithCode:
		r.Target = redirect.Refused
		return refusal.BadRequest("error.page.pkce", nil)
	case r.Target == redirect.Refused:
		refused := refusal.BadRequest("error.page.redirect", nil)
		refused.Value = r.RedirectURI
		return refused
	case r.Authorizing:
		return r.checkAuthorization()
	}
	return nil
}

// OwnTarget reports that a login is handed over on our own origin.
func (r *LoginRequest) OwnTarget() bool { return r.Target == redirect.OwnOrigin }

// ForCode reports that the app is on another origin, and a login gets it an authorization code.
func (r *LoginRequest) ForCode() bool { return r.Target == redirect.WithCode }

// Destination is where a login leads.
func (r *LoginRequest) Destination() string {
	if r.NextPath != "" {
		return r.Origin.Text + r.Into(r.NextPath)
	}
	return r.RedirectURI
}

// WithoutLink is the request of somebody to whom the identity that waits does not belong.
func (r LoginRequest) WithoutLink() LoginRequest {
	r.Link = ""
	return r
}

// WithUserCode is the request of somebody who has typed a device's code, which needs no escaping;
// without one where it is empty.
func (r LoginRequest) WithUserCode(code string) LoginRequest {
	r.UserCode = code
	if r.Query = WithoutParam(r.Query, "user_code"); code != "" {
		r.Query = WithParam(r.Query, "user_code", code)
	}
	return r
}

// Toward is the request of somebody on the way to a page of the portal, by its name and path.
func (r LoginRequest) Toward(name, path string) LoginRequest {
	r.Next, r.NextPath = name, path
	return r
}

// Here is the address of the page at hand.
func (r *LoginRequest) Here() string {
	if r.OnWay {
		return r.To(r.Path)
	}
	return r.Into(r.Path)
}

// InOther is the address of the page at hand with something different.
func (r *LoginRequest) InOther(differ Differ) string {
	if r.OnWay {
		return r.To(r.Path, differ)
	}
	return r.Into(r.Path, differ)
}

// At is the request for another page.
func (r LoginRequest) At(path string, portal, onWay bool) LoginRequest {
	r.Path, r.Portal, r.OnWay = path, portal, onWay
	return r
}

// InLanguage is the request for the same page in another language.
func (r LoginRequest) InLanguage(loc *i18n.Localizer) LoginRequest {
	r.Loc = loc
	r.Query = WithParam(r.Query, "lang", loc.Locale())
	return r
}

// Title is "Sign in to App", or without the app where it has no name.
func (r *LoginRequest) Title() i18n.Message {
	if r.LoginPage.Name == "" {
		return i18n.Msg("sign-in.title_plain")
	}
	return i18n.Message{Key: "sign-in.title", Args: i18n.Args{"app": r.LoginPage.Name}}
}

// A Theme is a login page's theme and words as pages need them: its words laid over the catalogues,
// its colours written into a stylesheet.
type Theme struct {
	Messages *i18n.Bundle
	Style    string // address of the stylesheet
	Portal   string // address of the one for pages that have more than forms, as the portal's
	Overview string // address of the one for the portal's overview, and the page before it
}
