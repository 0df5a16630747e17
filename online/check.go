package online

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tcb-login/config/input"
)

// An Environment is what is to be asked about one of TCB's environments.
type Environment struct {
	ID, Region     string
	Address        string // of TCB's API, without /auth
	Intl           bool   // TCB's console is that of the international site
	PublishableKey string
	Clients        []Client // at least one
	Origins        []string // of the pages
	Offers         Offers
}

// A Client is one of the environment's.
type Client struct {
	ID, Secret string
}

// Offers are what an environment's login pages need of TCB.
type Offers struct {
	Password, SMS, Email bool
	Providers            []string
	ProviderCallback     string // path that they send browsers to
	CaptchaCallback      string // path that TCB's captcha page sends browsers to; empty: captchas are pictures
}

// Config says how to ask.
type Config struct {
	Network   http.RoundTripper
	Timeout   time.Duration // of one question
	UserAgent string
	File      string // of the settings, for the problems
}

// most is how long all questions about an environment may take: one whose TCB is slow has many.
const most = 2 * time.Minute

// checker asks about one environment.
type checker struct {
	env       Environment
	http      *http.Client
	timeout   time.Duration
	userAgent string
	file      string
	codes     map[string]string // what TCB said of a client without an origin, by its id
	problems  input.Problems
}

// Check asks, and returns what the answers say against the settings, each with what to change where.
func Check(ctx context.Context, cfg Config, env Environment) input.Problems {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	c := &checker{
		env: env, timeout: cfg.Timeout, userAgent: cfg.UserAgent, file: cfg.File,
		codes: map[string]string{},
		// The API never redirects. Following one would carry a secret elsewhere.
		http: &http.Client{Transport: cfg.Network, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	if !safe(env.Address) {
		c.errorf("endpoint: %s is no https, and another machine's: nothing was asked there, since secrets would have gone along", input.Quote(env.Address))
		return c.problems
	}
	if !c.reached(ctx) {
		return c.problems
	}
	known := c.clients(ctx)
	for _, origin := range env.Origins {
		c.origin(ctx, known, origin)
	}
	c.methods(ctx, known)
	for _, id := range env.Offers.Providers {
		c.provider(ctx, known, id)
	}
	if env.Offers.CaptchaCallback != "" {
		c.captchaPage(ctx, known)
	}
	return c.problems
}

// safe reports that secrets may go to an address.
func safe(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http" && input.IsLoopback(strings.ToLower(input.Hostname(u.Host))))
}

func (c *checker) add(severity input.Severity, format string, args ...any) {
	c.problems = append(c.problems, input.Problem{
		File: c.file, Severity: severity, Message: "environment " + c.env.ID + ": " + fmt.Sprintf(format, args...),
	})
}

func (c *checker) errorf(format string, args ...any) { c.add(input.SeverityError, format, args...) }

func (c *checker) warnf(format string, args ...any) { c.add(input.SeverityWarning, format, args...) }

// untold warns that an answer does not tell what was asked, and reports whether that is so. expected are
// codes that are what a question should get.
func (c *checker) untold(a answer, what string, expected ...string) bool {
	switch {
	case a.err != nil:
		c.warnf("%s: could not be asked: %v", what, a.err)
	case a.nonsense:
		c.warnf("%s: cannot be told: the answer, of status %d, is none of TCB's", what, a.status)
	case a.code != "" && !is(expected, a.code):
		c.warnf("%s: cannot be told: TCB says %q", what, a.code)
	default:
		return false
	}
	return true
}

// is reports that a code is one of a list's. The gateway writes its own in capitals.
func is(list []string, code string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return strings.EqualFold(one, code) })
}

// reached asks what needs neither client nor login.
func (c *checker) reached(ctx context.Context) bool {
	a := c.ask(ctx, askCerts, with{})
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	const where = "see region, endpoint_mode, intl and endpoint"
	switch {
	case a.err != nil:
		c.errorf("TCB cannot be reached at %s: %v; %s, or the way out of this network", c.env.Address, a.err, where)
	case a.nonsense:
		c.errorf("%s does not answer as TCB does (status %d); %s", c.env.Address, a.status, where)
	case a.code != "" && wantsToken(a):
		c.tokenWanted(a)
	case a.code != "":
		c.errorf("TCB has no keys of tokens at %s and says %q: is there such an environment in %s? %s", c.env.Address, a.code, c.env.Region, where)
	case json.Unmarshal(a.body, &set) != nil || len(set.Keys) == 0:
		c.errorf("%s does not answer as TCB does: certs has no keys; %s", c.env.Address, where)
	default:
		return true
	}
	return false
}

// wantsToken reports that an answer asks who calls, where no one client is meant.
func wantsToken(a answer) bool {
	return a.status == http.StatusUnauthorized && !is(unknownClient, a.code)
}

func (c *checker) tokenWanted(a answer) {
	if c.env.PublishableKey == "" {
		c.errorf("TCB asks for a token and says %q: set publishable_key to that of %s", a.code, c.console(apiKeys))
		return
	}
	c.errorf("publishable_key: TCB does not take it and says %q: compare it with that of %s", a.code, c.console(apiKeys))
}

// unknownClient are TCB's codes for a client_id that it does not know, or a secret that is not its
// (OAuth's name, and TCB's own: AuthErrorCode 4022 of @cloudbase/js-sdk@3.7.0).
var unknownClient = []string{"unauthorized_client", "invalid_client"}

// clients returns those that TCB knows, so that the other questions are not all answered by that. Each is
// asked for once with its secret, where it has one, and once more without where that was refused.
func (c *checker) clients(ctx context.Context) (known []Client) {
	for _, client := range c.env.Clients {
		a := c.ask(ctx, askPublicKey, with{client: client, secret: true})
		refused := is(unknownClient, a.code)
		c.codes[client.ID] = a.code
		if refused && client.Secret != "" {
			if b := c.ask(ctx, askPublicKey, with{client: client}); b.err == nil && !b.nonsense && !is(unknownClient, b.code) {
				c.errorf("clients: the secret of %s is wrong: TCB knows the client and refuses the secret; see %s", client.ID, c.console(clients))
				client.Secret = ""
				known = append(known, client)
				continue
			}
		}
		switch {
		case refused && client.Secret != "":
			c.errorf("clients: TCB does not know %s, or its secret is wrong; see %s", client.ID, c.console(clients))
		case refused:
			c.errorf("clients: TCB does not know %s, or wants its secret; see %s", client.ID, c.console(clients))
		case wantsToken(a):
			c.tokenWanted(a)
		default:
			c.untold(a, "clients: whether TCB knows "+client.ID)
			known = append(known, client)
		}
	}
	return known
}

// first is the client that the environment's own questions are asked with.
func first(known []Client) (Client, bool) {
	if len(known) == 0 {
		return Client{}, false
	}
	return known[0], true
}

// origin asks whether pages of an origin may call TCB, as the app's own SDK does: by a preflight, and by a
// call, since TCB's documents show the refusal as an answer that the app reads.
func (c *checker) origin(ctx context.Context, known []Client, origin string) {
	client, ok := first(known)
	if !ok {
		return
	}
	what := "whether " + origin + " is one of the security domains"
	before := c.ask(ctx, askPreflight, with{client: client, origin: origin})
	a := c.ask(ctx, askPublicKey, with{client: client, origin: origin})
	switch {
	case before.err != nil:
		c.untold(before, what)
	case strings.EqualFold(a.code, "permission_denied") && c.codes[client.ID] != a.code || !before.readable || before.status > 299 || a.err == nil && !a.readable:
		c.errorf("public_origins: %s is none of the security domains, so the SDK of an app there cannot call TCB; add it at %s, which takes some 10 minutes to count",
			origin, c.console(domains))
	case len(before.unsent) > 0:
		c.errorf("public_origins: browsers let no page of %s send TCB %s, which the SDK does: the answer to their preflight does not allow it; see endpoint, and what stands between, or add the origin at %s",
			origin, strings.Join(before.unsent, ", "), c.console(domains))
	default:
		c.untold(a, what)
	}
}

// off are TCB's codes for a way to sign in, or a provider, that is switched off or not there.
var off = []string{"unimplemented", "login_method_disabled", "login_type_disabled", "provider_not_enabled"}

// refusedForLack are codes for a package of messages that is used up.
var refusedForLack = []string{"payment_required", "license_required"}

// methods asks about those that login pages offer. A question that cannot be valid gets one of expected
// where the method is on: it proves no more than that nothing else is wrong.
func (c *checker) methods(ctx context.Context, known []Client) {
	client, ok := first(known)
	if !ok {
		return
	}
	expected := []string{"invalid_argument", "unauthenticated", "permission_denied", "failed_precondition", "captcha_required", "not_found", "invalid_password", "password_not_set"}
	for _, m := range []struct {
		offered      bool
		ask          question
		what, method string
	}{
		{c.env.Offers.Password, askPassword, "sign-in by username and password", "__password"},
		{c.env.Offers.SMS, askSMS, "sign-in by SMS", "__sms"},
		{c.env.Offers.Email, askEmail, "sign-in by email", "email"},
	} {
		if !m.offered {
			continue
		}
		a := c.ask(ctx, m.ask, with{client: client})
		switch {
		case is(off, a.code):
			c.errorf("%s is switched off at TCB (%s), and login pages offer it: switch it on at %s, or take %s out of the login configs", m.what, a.code, c.console(methods), m.method)
		case is(refusedForLack, a.code):
			c.errorf("%s: TCB has no messages left (%s): buy a package in TCB's console", m.what, a.code)
		case a.err == nil && !a.nonsense && a.code == "":
			c.warnf("%s: cannot be told: TCB took what cannot be valid", m.what)
		default:
			c.untold(a, m.what, expected...)
		}
	}
}

// provider asks for the way to an identity provider, and back to each origin.
func (c *checker) provider(ctx context.Context, known []Client, id string) {
	client, ok := first(known)
	if !ok {
		return
	}
	for _, origin := range c.env.Origins {
		callback := origin + c.env.Offers.ProviderCallback
		a := c.ask(ctx, askProvider, with{client: client, values: map[string]string{"provider_id": id, "redirect_uri": callback, "state": "tcb-login-check"}})
		switch {
		case is(off, a.code) || strings.EqualFold(a.code, "not_found") || strings.EqualFold(a.code, "failed_precondition"):
			c.errorf("identity provider %s: TCB has none that is switched on (%s), and login pages offer it: set it up at %s, or take it out of the login configs", id, a.code, c.console(providers))
			return
		case strings.EqualFold(a.code, "invalid_argument"):
			c.errorf("identity provider %s: TCB does not send people back to %s: register that address at %s and with the provider, or see provider_callback", id, callback, c.console(providers))
		case !c.untold(a, "identity provider "+id) && !leads(a.body, "uri"):
			c.warnf("identity provider %s: TCB's answer has no address of it", id)
		}
	}
}

// captchaPage asks for TCB's own captcha page, which comes back to each origin.
func (c *checker) captchaPage(ctx context.Context, known []Client) {
	client, ok := first(known)
	if !ok {
		return
	}
	for _, origin := range c.env.Origins {
		callback := origin + c.env.Offers.CaptchaCallback
		a := c.ask(ctx, askCaptchaPage, with{client: client, values: map[string]string{"redirect_uri": callback, "state": "tcb-login-check"}})
		switch {
		case is(off, a.code) || strings.EqualFold(a.code, "not_found"):
			c.errorf("captcha: TCB has no captcha page here (%s): want captcha: picture", a.code)
			return
		case strings.EqualFold(a.code, "invalid_argument") || strings.EqualFold(a.code, "permission_denied"):
			c.errorf("captcha: TCB's captcha page does not come back to %s (%s): allow that address at %s, or want captcha: picture", callback, a.code, c.console(domains))
		case !c.untold(a, "captcha") && !leads(a.body, "url") && !empty(a.body, "url"):
			c.warnf("captcha: TCB's answer has no address of its page")
		}
	}
}

// leads reports that a field of an answer is an address that a browser may be sent to.
func leads(body []byte, field string) bool {
	var fields map[string]any
	_ = json.Unmarshal(body, &fields) // an answer of another form has no such field
	text, _ := fields[field].(string)
	u, err := url.Parse(text)
	return err == nil && safe(text) && u.Host != "" && u.User == nil
}

// empty reports that a field is there and says nothing.
func empty(body []byte, field string) bool {
	var fields map[string]any
	_ = json.Unmarshal(body, &fields)
	text, ok := fields[field].(string)
	return ok && text == ""
}
