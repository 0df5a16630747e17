package authclient

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Built-in identity providers, as the documents of @cloudbase/js-sdk@2 list them
// ("System Built-in Third-party List"). Others have the ids that their
// configuration in TCB gives them; a mini program's is its appid.
const (
	ProviderWeChatOpen     = "wx_open" // WeChat Open Platform: scanning a QR code
	ProviderWeChatOfficial = "wx_mp"   // WeChat Official Account
)

// GenProviderRedirectURIRequest asks where to send the browser to an identity provider.
type GenProviderRedirectURIRequest struct {
	ProviderID          string // of the identity provider
	ProviderRedirectURI string // where the provider sends the browser back, with code and state
	State               string // comes back as it is
	Scope               string // optional
	ResponseType        string // optional
	SignOutURI          string // optional: where the provider's own sign-out leads back to
}

// ProviderRedirectURI is where to send the browser.
type ProviderRedirectURI struct {
	URI        string `json:"uri"`         // of the provider's sign-in page
	SignoutURI string `json:"signout_uri"` // of the provider's own sign-out; often empty
}

func (p *ProviderRedirectURI) complete() bool { return p.URI != "" }

// GenProviderRedirectURI asks for the address of an identity provider's sign-in
// page.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, genProviderRedirectUri.
func (c *Client) GenProviderRedirectURI(ctx context.Context, in GenProviderRedirectURIRequest, opts ...CallOption) (*ProviderRedirectURI, error) {
	query := queryOf(map[string]string{
		"scope": in.Scope, "response_type": in.ResponseType, "other_params[sign_out_uri]": in.SignOutURI,
	})
	query.Set("provider_id", in.ProviderID)
	query.Set("redirect_uri", in.ProviderRedirectURI)
	query.Set("state", in.State)
	return call[ProviderRedirectURI](ctx, c, request{op: "GenProviderRedirectURI", call: CallGenProviderRedirectURI, query: query}, opts)
}

// ProviderParams are what a WeChat mini program has besides a code.
type ProviderParams struct {
	Redacted

	ProviderCodeType string `json:"provider_code_type,omitempty"` // open_id, union_id or phone
	AppID            string `json:"appid,omitempty"`              // of the mini program
	Code             string `json:"code,omitempty"`               // of the phone number component
	EncryptedData    string `json:"encryptedData,omitempty"`      // PatchProviderToken alone
	IV               string `json:"iv,omitempty"`                 // PatchProviderToken alone
}

// GrantProviderTokenRequest exchanges what an identity provider gave, one of
// code, access token and id token, for a provider_token.
type GrantProviderTokenRequest struct {
	Redacted

	ProviderID          string          `json:"provider_id"`                     // of the identity provider
	ProviderRedirectURI string          `json:"provider_redirect_uri,omitempty"` // the one that the code was made for
	ProviderCode        string          `json:"provider_code,omitempty"`         // the code that the browser came back with
	ProviderAccessToken string          `json:"provider_access_token,omitempty"` // instead of a code
	ProviderIDToken     string          `json:"provider_id_token,omitempty"`     // instead of a code
	ProviderParams      *ProviderParams `json:"provider_params,omitempty"`       // mini programs alone
}

// ProviderToken stands for somebody's identity at a provider.
type ProviderToken struct {
	Redacted

	ProviderToken   string          `json:"provider_token"`   // opaque
	ExpiresIn       int             `json:"expires_in"`       // seconds, 3600
	ProviderProfile ProviderProfile `json:"provider_profile"` // who it is
}

// ProviderProfile is what the provider says of that person.
type ProviderProfile struct {
	ProviderID  string `json:"provider_id"`  // of the identity provider
	Sub         string `json:"sub"`          // the person's id there
	Name        string `json:"name"`         // the person's name there
	Picture     string `json:"picture"`      // URL of the avatar there
	Email       string `json:"email"`        // empty when the provider does not say
	PhoneNumber string `json:"phone_number"` // empty when the provider does not say
	Meta        struct {
		AppID  string `json:"appid"`  // of the app at WeChat
		OpenID string `json:"openid"` // the person's id for that app
	} `json:"meta"` // WeChat alone
}

func (p *ProviderToken) complete() bool { return p.ProviderToken != "" }

// GrantProviderToken makes a provider_token.
// ErrFailedPrecondition: the provider would not say who it is.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, grantProviderToken.
func (c *Client) GrantProviderToken(ctx context.Context, in GrantProviderTokenRequest, opts ...CallOption) (*ProviderToken, error) {
	return call[ProviderToken](ctx, c, request{op: "GrantProviderToken", call: Call{"POST", "/v1/provider/token"}, body: in}, opts)
}

// PatchProviderTokenRequest adds what a mini program learnt later to a provider_token.
type PatchProviderTokenRequest struct {
	Redacted

	ProviderToken  string         `json:"provider_token"`        // of GrantProviderToken
	ProviderID     string         `json:"provider_id,omitempty"` // of the identity provider
	ProviderParams ProviderParams `json:"provider_params"`       // what is added
}

// PatchProviderToken adds to a provider_token.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, patchProviderToken.
func (c *Client) PatchProviderToken(ctx context.Context, in PatchProviderTokenRequest, opts ...CallOption) (*ProviderToken, error) {
	return call[ProviderToken](ctx, c, request{op: "PatchProviderToken", call: Call{"PATCH", "/v1/provider/token"}, body: in}, opts)
}

// SignInWithProviderRequest signs in with a provider_token.
type SignInWithProviderRequest struct {
	Redacted

	ProviderToken      string `json:"provider_token"`                  // of GrantProviderToken
	ProviderID         string `json:"provider_id,omitempty"`           // of the identity provider
	ForceDisableSignUp bool   `json:"force_disable_sign_up,omitempty"` // never make an account, whatever the provider's configuration
	SyncProfile        bool   `json:"sync_profile,omitempty"`          // take name and picture over
}

// SignInWithProvider signs in, or up where the provider's configuration says so.
// ErrNotFound: nobody has this identity and no account is made; BindWithProvider
// or SignUp with the token can help.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, signInWithProvider.
func (c *Client) SignInWithProvider(ctx context.Context, in SignInWithProviderRequest, opts ...CallOption) (*Credentials, error) {
	return call[Credentials](ctx, c, request{op: "SignInWithProvider", call: Call{"POST", "/v1/signin/with/provider"}, body: in}, opts)
}

// MiniProgramRequest carries what a WeChat mini program got from wx.login and,
// for SignInWithPhoneAuth, from its phone number component.
type MiniProgramRequest struct {
	Redacted

	AppID     string // of the mini program, which is also its provider_id
	Code      string // wx.login's
	PhoneCode string // SignInWithPhoneAuth alone
}

// SignInWithOpenID signs in silently by the mini program's openid.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, signInWithOpenId.
func (c *Client) SignInWithOpenID(ctx context.Context, in MiniProgramRequest, opts ...CallOption) (*Credentials, error) {
	return c.signInWithMiniProgram(ctx, in, ProviderParams{ProviderCodeType: "open_id", AppID: in.AppID}, opts)
}

// SignInWithUnionID signs in silently by WeChat's unionid.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, signInWithUnionId.
func (c *Client) SignInWithUnionID(ctx context.Context, in MiniProgramRequest, opts ...CallOption) (*Credentials, error) {
	return c.signInWithMiniProgram(ctx, in, ProviderParams{ProviderCodeType: "union_id", AppID: in.AppID}, opts)
}

// SignInWithPhoneAuth signs in by the phone number that WeChat has verified.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, signInWithPhoneAuth.
func (c *Client) SignInWithPhoneAuth(ctx context.Context, in MiniProgramRequest, opts ...CallOption) (*Credentials, error) {
	return c.signInWithMiniProgram(ctx, in, ProviderParams{ProviderCodeType: "phone", AppID: in.AppID, Code: in.PhoneCode}, opts)
}

func (c *Client) signInWithMiniProgram(ctx context.Context, in MiniProgramRequest, params ProviderParams, opts []CallOption) (*Credentials, error) {
	granted, err := c.GrantProviderToken(ctx, GrantProviderTokenRequest{
		ProviderID: in.AppID, ProviderCode: in.Code, ProviderParams: &params,
	}, opts...)
	if err != nil {
		return nil, err
	}
	return c.SignInWithProvider(ctx, SignInWithProviderRequest{ProviderToken: granted.ProviderToken}, opts...)
}

// SetCustomSignFunc sets where SignInWithCustomTicket gets its tickets from:
// the app's own server, which signs them with TCB's node SDK. With nil there is no such function any more.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, setCustomSignFunc.
func (c *Client) SetCustomSignFunc(getTicket func(context.Context) (string, error)) {
	if getTicket == nil {
		c.customTicket.Store(nil)
		return
	}
	c.customTicket.Store(&getTicket)
}

// SignInWithCustomTicket signs in with a ticket of the app's own server. Without
// SetCustomSignFunc before it the error is ErrFailedPrecondition, as in the SDK;
// the function's own error is returned as it is.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, signInWithCustomTicket.
func (c *Client) SignInWithCustomTicket(ctx context.Context, opts ...CallOption) (*Credentials, error) {
	r := request{op: "SignInWithCustomTicket", call: Call{"POST", "/v1/signin/custom"}}
	getTicket := c.customTicket.Load()
	if getTicket == nil {
		e := r.failed("failed_precondition", nil)
		e.Description = "please use SetCustomSignFunc to set custom sign function"
		return nil, e
	}
	ticket, err := (*getTicket)(ctx)
	if err != nil {
		return nil, err
	}
	r.body = map[string]string{"provider_id": "custom", "ticket": ticket}
	return call[Credentials](ctx, c, r, opts)
}

// DefaultLoginPageRequest says which login page and where it leads.
type DefaultLoginPageRequest struct {
	ConfigVersion string  // `env` when empty
	RedirectURI   string  // absolute; its origin is where the login page is
	AppID         string  // needed when ConfigVersion is not `env`
	Query         []Param // appended as they are: encode them where they need it
	MiniProgram   bool    // the page's path inside a WeChat mini program instead
}

// Param is one name and value of a query.
type Param struct {
	Name  string // as it goes into the query
	Value string // as it goes into the query
}

// ToDefaultLoginPage builds the address of the hosted login page, byte for byte
// as the SDK does before it goes there. It calls nothing. The error is
// ErrInvalidArgument for a RedirectURI that is no http or https URL, or whose
// host is not in ASCII.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, toDefaultLoginPage.
func (c *Client) ToDefaultLoginPage(in DefaultLoginPageRequest) (string, error) {
	var pairs []string
	for _, p := range in.Query {
		pairs = append(pairs, p.Name+"="+p.Value)
	}
	query := strings.Join(pairs, "&")
	if in.MiniProgram {
		page := "/packages/$wd_system/pages/login/index"
		if query != "" {
			page += "?" + query
		}
		return page, nil
	}
	origin, ok := originOf(in.RedirectURI)
	if !ok {
		return "", &Error{Op: "ToDefaultLoginPage", Code: "invalid_argument", Remaining: -1, Description: "redirect_uri is not an absolute URL"}
	}
	version := in.ConfigVersion
	if version == "" {
		version = "env"
	}
	page := origin + "/__auth/?app_id=" + in.AppID + "&env_id=" + c.env + "&client_id=" + c.clientID +
		"&config_version=" + version + "&redirect_uri=" + encodeURIComponent(in.RedirectURI)
	if query != "" {
		page += "&" + query
	}
	return page, nil
}

// originOf is what JavaScript's new URL(uri).origin gives for http and https
// (WHATWG URL Standard, basic URL parser). Hosts that it would have to translate
// first, international ones and numbers in other forms than 127.0.0.1, are
// refused: a wrong guess would send people elsewhere.
func originOf(uri string) (string, bool) {
	uri = strings.TrimFunc(uri, func(r rune) bool { return r <= ' ' })
	uri = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(uri)
	scheme, rest, ok := strings.Cut(uri, ":")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "http" && scheme != "https" {
		return "", false
	}
	authority := strings.TrimLeft(rest, `/\`)
	if i := strings.IndexAny(authority, `/\?#`); i >= 0 {
		authority = authority[:i]
	}
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return "", false
		}
		port = ":" + strconv.FormatUint(n, 10)
		if scheme == "http" && n == 80 || scheme == "https" && n == 443 {
			port = ""
		}
	}
	host, ok = hostOf(host)
	return scheme + "://" + host + port, ok
}

// hostOf is a host as an origin shows it.
func hostOf(host string) (string, bool) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", false
		}
		if addr.Is4In6() { // netip writes the dotted form
			b := addr.As16()
			return fmt.Sprintf("[::ffff:%x:%x]", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15])), true
		}
		return "[" + addr.String() + "]", true
	}
	host, err := url.PathUnescape(host)
	if err != nil || host == "" || strings.ContainsFunc(host, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`#/:<>?@[\]^|%`, r)
	}) {
		return "", false
	}
	host = strings.ToLower(host)
	last := strings.TrimSuffix(host, ".")
	last = last[strings.LastIndexByte(last, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok && strings.Trim(hex, "0123456789abcdef") == "" || strings.Trim(last, "0123456789") == "" {
		addr, err := netip.ParseAddr(host)
		return host, err == nil && addr.Is4()
	}
	return host, true
}

// encodeURIComponent is JavaScript's (ECMA-262 §19.2.6.4): everything but
// letters, digits and -_.!~*'() is written as %XX.
func encodeURIComponent(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.!~*'()", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
