package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// When a captcha is asked for.
const (
	captchaNever  = "never"
	captchaRisk   = "risk" // after wrong passwords, and at the limit of sends
	captchaAlways = "always"
)

// How strong a new password has to be.
const (
	strengthLength = "length" // 8 to 64 characters: what the documents' samples keep to
	strengthStrict = "strict" // also upper and lower case, a digit and a special character, as the vendor's page on changing it says
)

// What qrcode/generate answers with, which TCB does not document.
const (
	qrPicture = "picture" // a data: URL
	qrLink    = "link"    // the address that a code is to say
)

// settings is how a running emulator behaves, as far as tests may change it. They are of the
// process, not of the database: they start at the defaults, and a reset puts them back.
type settings struct {
	Captcha string `json:"captcha"`
	// PasswordStrength is the rule for new passwords.
	PasswordStrength string `json:"password_strength"`
	// SecurityDomains are the hosts, with their ports, whose pages may call the API. None lets all
	// in.
	SecurityDomains []string `json:"security_domains"`
	// VerificationURI is the page that devices send people to; empty means the emulator's own.
	VerificationURI string `json:"verification_uri"`
	// QRCode is what a mini program's code is.
	QRCode       string        `json:"qr_code"`
	LatencyMS    int64         `json:"latency_ms"`
	ClockOffsetS int64         `json:"clock_offset_s"`
	Faults       []fault       `json:"faults"`
	Login        loginSwitches `json:"login"`
	Client       clientRules   `json:"client"`
	Providers    providers     `json:"providers"`
}

// loginSwitches are the console's switches for login methods, under their names there.
type loginSwitches struct {
	PhoneNumberLogin bool `json:"PhoneNumberLogin"`
	EmailLogin       bool `json:"EmailLogin"`
	UserNameLogin    bool `json:"UserNameLogin"`
	AnonymousLogin   bool `json:"AnonymousLogin"`

	SmsVerificationConfig smsVerification   `json:"SmsVerificationConfig"`
	MfaConfig             mfa               `json:"MfaConfig"`
	PwdUpdateStrategy     pwdUpdateStrategy `json:"PwdUpdateStrategy"`
}

// smsVerification is how codes go out by SMS. Only the limit means anything here.
type smsVerification struct {
	Type        string `json:"Type"`
	Name        string `json:"Name"`
	Method      string `json:"Method"`
	SmsDayLimit int    `json:"SmsDayLimit"` // to one number; -1 is none
}

// mfa asks for a verified phone or e-mail besides the password. See secondFactor.
type mfa struct {
	On                bool `json:"On"`
	Sms               bool `json:"Sms"`
	Email             bool `json:"Email"`
	RequiredBindPhone bool `json:"RequiredBindPhone"`
}

// pwdUpdateStrategy makes passwords that are too old useless for signing in, and those that
// somebody else chose (the demo user's): POST /v2/signin/password/update changes them.
type pwdUpdateStrategy struct {
	FirstLoginUpdate bool   `json:"FirstLoginUpdate"`
	PeriodUpdate     bool   `json:"PeriodUpdate"`
	PeriodValue      int    `json:"PeriodValue"`
	PeriodType       string `json:"PeriodType"` // YEAR, MONTH or WEEK
}

// due says whether a password of the user has to be changed now.
func (p pwdUpdateStrategy) due(u *user, now time.Time) bool {
	if p.FirstLoginUpdate && u.passwordInitial {
		return true
	}
	changed := time.UnixMilli(u.passwordUpdatedAt)
	switch p.PeriodType {
	case "YEAR":
		changed = changed.AddDate(p.PeriodValue, 0, 0)
	case "MONTH":
		changed = changed.AddDate(0, p.PeriodValue, 0)
	case "WEEK":
		changed = changed.AddDate(0, 0, 7*p.PeriodValue)
	}
	return p.PeriodUpdate && p.PeriodValue > 0 && !now.Before(changed)
}

// clientRules are what the console sets per client; here they are one for all.
type clientRules struct {
	AccessTokenExpiresIn  int `json:"AccessTokenExpiresIn"`
	RefreshTokenExpiresIn int `json:"RefreshTokenExpiresIn"`
	MaxDevice             int `json:"MaxDevice"` // -1: any number; 0: one per user agent; else the most at a time, up to 50
}

func (r clientRules) accessLife() time.Duration {
	return time.Duration(r.AccessTokenExpiresIn) * time.Second
}

func (r clientRules) refreshLife() time.Duration {
	return time.Duration(r.RefreshTokenExpiresIn) * time.Second
}

func (r clientRules) valid() bool {
	return r.AccessTokenExpiresIn >= 1800 && r.AccessTokenExpiresIn < r.RefreshTokenExpiresIn &&
		r.RefreshTokenExpiresIn >= 1800 && r.RefreshTokenExpiresIn <= 2592000 && r.MaxDevice >= -1 && r.MaxDevice <= 50
}

// provider is how an identity source behaves, under the console's names.
type provider struct {
	On                             bool   `json:"On"`
	AutoSignUpWithProviderUser     bool   `json:"AutoSignUpWithProviderUser"`
	ReuseUserID                    bool   `json:"ReuseUserId"`
	AutoSignInWhenEmailMatch       bool   `json:"AutoSignInWhenEmailMatch"`
	AutoSignInWhenPhoneNumberMatch bool   `json:"AutoSignInWhenPhoneNumberMatch"`
	SignOut                        bool   `json:"SignOut"` // has a sign-out page, which user/signout leads to
	ProviderSubType                string `json:"ProviderSubType"`
}

// providers are the identity sources by id. A change names only what it changes.
type providers map[string]provider

// The built-in identity sources. Every other id that looks like a WeChat app's is a mini program,
// whose settings are those of "wx_micro_app" unless it has its own.
const (
	providerDemo   = "demo"
	providerOpen   = "wx_open"
	providerMP     = "wx_mp"
	providerMicro  = "wx_micro_app"
	providerCustom = "custom"
)

func defaultProvider() provider {
	return provider{On: true, AutoSignUpWithProviderUser: true, AutoSignInWhenEmailMatch: true, AutoSignInWhenPhoneNumberMatch: true}
}

func defaultProviders() providers {
	demo := defaultProvider()
	demo.SignOut = true
	return providers{
		providerDemo: demo, providerOpen: defaultProvider(), providerMP: defaultProvider(), providerMicro: defaultProvider(),
		providerCustom: defaultProvider(),
	}
}

// UnmarshalJSON changes the providers that are named, in the fields that are named.
func (p *providers) UnmarshalJSON(body []byte) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(body, &given); err != nil {
		return err
	}
	changed := maps.Clone(*p)
	for id, fields := range given {
		next, ok := changed[id]
		if !ok {
			next = defaultProvider()
		}
		if id == "" || decodeControl(fields, &next) != nil {
			return errors.New("emulator: bad provider")
		}
		changed[id] = next
	}
	*p = changed
	return nil
}

// fault is an answer given instead of the true one. A body is sent as it is; without one the error
// is sent in TCB's form; without either the body is empty.
type fault struct {
	Path   string `json:"path"` // empty means every path of the API
	Status int    `json:"status"`
	Error  string `json:"error"`
	Body   string `json:"body"`
	Times  int    `json:"times"` // 0 means until it is taken away
}

func defaultSettings() settings {
	return settings{
		Captcha:          captchaRisk,
		PasswordStrength: strengthLength,
		SecurityDomains:  []string{},
		QRCode:           qrPicture,
		Faults:           []fault{},
		Login: loginSwitches{
			PhoneNumberLogin: true, EmailLogin: true, UserNameLogin: true, AnonymousLogin: true,
			SmsVerificationConfig: smsVerification{Type: "default", SmsDayLimit: 30},
			MfaConfig:             mfa{Sms: true, Email: true},
			PwdUpdateStrategy:     pwdUpdateStrategy{PeriodValue: 1, PeriodType: "YEAR"},
		},
		Client:    clientRules{AccessTokenExpiresIn: 7200, RefreshTokenExpiresIn: 2592000, MaxDevice: -1},
		Providers: defaultProviders(),
	}
}

// wrong names the first key whose value makes no sense, or "".
func (s settings) wrong() string {
	const year = 366 * 24 * 3600
	for i, f := range s.Faults {
		if f.Status != 0 && (f.Status < 200 || f.Status > 599) || f.Times < 0 || f.Status == 0 && f.Error == "" {
			return fmt.Sprintf("faults[%d]", i)
		}
	}
	for _, key := range []struct {
		name string
		good bool
	}{
		{"captcha", slices.Contains([]string{captchaNever, captchaRisk, captchaAlways}, s.Captcha)},
		{"password_strength", slices.Contains([]string{strengthLength, strengthStrict}, s.PasswordStrength)},
		{"security_domains", !slices.ContainsFunc(s.SecurityDomains, func(domain string) bool { return !securityDomain(domain) })},
		{"verification_uri", verificationPage(s.VerificationURI)},
		{"qr_code", s.QRCode == qrPicture || s.QRCode == qrLink},
		{"client", s.Client.valid()},
		{"login.SmsVerificationConfig.SmsDayLimit", s.Login.SmsVerificationConfig.SmsDayLimit >= -1},
		{"login.PwdUpdateStrategy.PeriodValue", s.Login.PwdUpdateStrategy.PeriodValue >= 0},
		{"login.PwdUpdateStrategy.PeriodType", slices.Contains([]string{"YEAR", "MONTH", "WEEK"}, s.Login.PwdUpdateStrategy.PeriodType)},
		{"latency_ms", s.LatencyMS >= 0 && s.LatencyMS <= 10*60*1000},
		{"clock_offset_s", s.ClockOffsetS >= -10*year && s.ClockOffsetS <= 10*year},
	} {
		if !key.good {
			return key.name
		}
	}
	return ""
}

// verificationPage says whether devices can send people to an address: empty, or one of the web that
// parameters can be appended to.
func verificationPage(uri string) bool {
	u, err := url.Parse(uri)
	return uri == "" || err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.Contains(uri, "#")
}

// settingsBox holds the settings for concurrent use.
type settingsBox struct {
	mu       sync.Mutex
	value    settings
	standard settings // what a reset puts back
}

func newSettingsBox() *settingsBox {
	return &settingsBox{value: defaultSettings(), standard: defaultSettings()}
}

// setVerificationURI changes the page of devices, and what a reset makes of it.
func (b *settingsBox) setVerificationURI(uri string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.value.VerificationURI, b.standard.VerificationURI = uri, uri
}

// clone shares nothing with the original.
func (s settings) clone() settings {
	s.Faults, s.Providers, s.SecurityDomains = slices.Clone(s.Faults), maps.Clone(s.Providers), slices.Clone(s.SecurityDomains)
	return s
}

func (b *settingsBox) get() settings {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.value.clone()
}

// update changes the settings unless the change fails, and returns them.
func (b *settingsBox) update(change func(*settings) error) (settings, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := b.value.clone()
	if err := change(&next); err != nil {
		return settings{}, err
	}
	b.value = next
	return next.clone(), nil
}

func (b *settingsBox) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.value = b.standard.clone()
}

func (b *settingsBox) clockOffset() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Duration(b.value.ClockOffsetS) * time.Second
}

// wait spends the latency that was asked for; false means that the caller went away meanwhile.
func (b *settingsBox) wait(ctx context.Context) bool {
	b.mu.Lock()
	latency := time.Duration(b.value.LatencyMS) * time.Millisecond
	b.mu.Unlock()
	if latency == 0 {
		return true
	}
	timer := time.NewTimer(latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// takeFault returns the first fault for the path and counts it down.
func (b *settingsBox) takeFault(path string) (fault, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, f := range b.value.Faults {
		if f.Path != "" && f.Path != path {
			continue
		}
		switch f.Times {
		case 0:
		case 1:
			b.value.Faults = slices.Delete(slices.Clone(b.value.Faults), i, i+1)
		default:
			b.value.Faults[i].Times--
		}
		return f, true
	}
	return fault{}, false
}

// sendFault sends a fault in place of the answer.
func (e *Emulator) sendFault(w http.ResponseWriter, r *http.Request, f fault) {
	switch {
	case f.Body != "":
		w.Header().Set("Content-Type", http.DetectContentType([]byte(f.Body)))
		if f.Body[0] == '{' {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
		}
		if f.Status == 0 {
			f.Status = errorKinds[f.Error].status
		}
		w.WriteHeader(max(f.Status, http.StatusOK))
		_, _ = w.Write([]byte(f.Body))
	case f.Error != "":
		refusal := fail(f.Error)
		if f.Error == "resource_exhausted" || f.Error == "invalid_status" {
			refusal = failRetry(f.Error, int64(sendPause/time.Second))
		}
		refusal.status = f.Status
		e.sendError(w, r, refusal)
	default:
		w.WriteHeader(f.Status)
	}
}
