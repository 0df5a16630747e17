package authclient

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// expiryMargin is how long before its end the SDK stops using an access token
// (oauth2client.ts: expires_in - 30).
const expiryMargin = 30 * time.Second

// StateChange says what happened to a login; the values are the SDK's
// LOGIN_STATE_CHANGED_TYPE.
type StateChange string

const (
	SignedIn         StateChange = "sign_in"           // credentials were taken or refreshed
	SignedOut        StateChange = "sign_out"          // SignOut ended the login
	CredentialsError StateChange = "credentials_error" // TCB no longer accepts them
)

// errSignedOut is the cause of calls on a login that is over.
var errSignedOut = errors.New("there is no login any more")

// LoginState holds one login and makes the calls that need it, refreshing the
// access token where it has run out: once, for however many callers at the
// same time. Create it with Client.LoginState; it is safe for concurrent use.
//
// TCB rotates the refresh token at every refresh, so two holders of one log
// each other out: whoever keeps credentials elsewhere must follow OnChange.
type LoginState struct {
	client *Client

	mu         sync.Mutex
	onChange   func(StateChange, Credentials)
	creds      Credentials
	expiresAt  time.Time
	over       bool
	refreshing *refresh
}

// refresh is one exchange of tokens that several callers wait for.
type refresh struct {
	done  chan struct{}
	token string
	err   error
}

// LoginState takes credentials whose access token expires at expiresAt (its
// ExpiresIn counts from when it was issued, which only the holder knows).
// onChange, which may be nil, is called after every change, from the goroutine
// that made it, and must not call back into the LoginState.
func (c *Client) LoginState(creds Credentials, expiresAt time.Time, onChange func(StateChange, Credentials)) *LoginState {
	return &LoginState{client: c, onChange: onChange, creds: creds, expiresAt: expiresAt}
}

// String names the person and no token.
func (s *LoginState) String() string { return "LoginState{" + s.Credentials().String() + "}" }

// GoString is String: %#v shows no token either.
func (s *LoginState) GoString() string { return s.String() }

// Credentials are those held now, empty once the login is over.
func (s *LoginState) Credentials() Credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.creds
}

// LoginScope is the login's scope; "anonymous" marks an anonymous one
// (SDK docs, Auth.loginScope).
func (s *LoginState) LoginScope() string { return s.Credentials().Scope }

// GetAccessToken gives an access token that serves for 30 seconds at least,
// refreshed where needed (SDK docs, Auth.getAccessToken). ErrUnauthenticated:
// the login is over.
func (s *LoginState) GetAccessToken(ctx context.Context, opts ...CallOption) (string, error) {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return "", &Error{Op: "GetAccessToken", Code: "unauthenticated", Remaining: -1, cause: errSignedOut}
	}
	r := s.refreshing
	if r == nil && s.client.now().Add(expiryMargin).Before(s.expiresAt) {
		token := s.creds.AccessToken
		s.mu.Unlock()
		return token, nil
	}
	if r == nil {
		r = &refresh{done: make(chan struct{})}
		s.refreshing = r
		// Detached: the exchange serves everybody who waits, so one caller's
		// going away must not lose the new refresh token. The client's timeout ends it.
		go s.refresh(context.WithoutCancel(ctx), r, s.creds.RefreshToken, opts)
	}
	s.mu.Unlock()
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return "", &Error{Op: "GetAccessToken", Code: "unreachable", Remaining: -1, cause: ctx.Err()}
	}
}

func (s *LoginState) refresh(ctx context.Context, r *refresh, refreshToken string, opts []CallOption) {
	creds, err := s.client.RefreshToken(ctx, refreshToken, opts...)
	s.mu.Lock()
	change := StateChange("")
	switch {
	case s.over:
		err = &Error{Op: "GetAccessToken", Code: "unauthenticated", Remaining: -1, cause: errSignedOut}
	case err == nil:
		if creds.RefreshToken == "" {
			creds.RefreshToken = refreshToken
		}
		s.creds = *creds
		s.expiresAt = s.client.now().Add(time.Duration(creds.ExpiresIn) * time.Second)
		r.token = creds.AccessToken
		change = SignedIn
	case errors.Is(err, ErrInvalidGrant) || errors.Is(err, ErrUnauthenticated):
		err = &Error{Op: "GetAccessToken", Code: "unauthenticated", Remaining: -1, cause: err}
		s.end()
		change = CredentialsError
	}
	r.err = err
	held := s.creds
	s.mu.Unlock()
	// Told before anybody can act on it: a SignOut in between would be told
	// first, and its hearer would then keep a login that is over.
	s.tell(change, held)
	s.mu.Lock()
	s.refreshing = nil
	s.mu.Unlock()
	close(r.done)
}

// end forgets the credentials; s.mu is held.
func (s *LoginState) end() {
	s.over = true
	s.creds = Credentials{}
}

func (s *LoginState) tell(change StateChange, creds Credentials) {
	s.mu.Lock()
	listen := s.onChange // OnLoginStateChanged may be replacing it
	s.mu.Unlock()
	if change != "" && listen != nil {
		listen(change, creds)
	}
}

// do makes a call as the person. TCB's `unauthenticated` ends the login, as in
// the SDK (oauth2client.ts:586).
func (s *LoginState) do(ctx context.Context, in call, out any, opts []CallOption) error {
	token, err := s.GetAccessToken(ctx, opts...)
	if err != nil {
		return err
	}
	in.bearer = token
	err = s.client.do(ctx, in, out, opts)
	if errors.Is(err, ErrUnauthenticated) {
		s.mu.Lock()
		dropped := !s.over && s.creds.AccessToken == token
		if dropped {
			s.end()
		}
		s.mu.Unlock()
		if dropped {
			s.tell(CredentialsError, Credentials{})
		}
	}
	return err
}

// GetUserInfo asks for the person's profile (SDK docs, Auth.getUserInfo).
func (s *LoginState) GetUserInfo(ctx context.Context, opts ...CallOption) (*UserInfo, error) {
	var out UserInfo
	err := s.do(ctx, call{op: "GetUserInfo", method: http.MethodGet, path: "/v1/user/me"}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// SignOutRequest says where an identity provider's own sign-out should lead back to.
type SignOutRequest struct {
	RedirectURI string `json:"redirect_uri,omitempty"`
	State       string `json:"state,omitempty"`
}

// SignOutResponse names where the browser should go next, if anywhere.
type SignOutResponse struct {
	RedirectURI string `json:"redirect_uri"`
}

// SignOut ends the login at TCB and here (SDK docs, Auth.signOut). As in the
// SDK, the zero request revokes the token and any other asks TCB for the URL to
// go to; a login that TCB has ended already is no error. On any other error the
// login is kept, so that the caller can try again.
func (s *LoginState) SignOut(ctx context.Context, in SignOutRequest, opts ...CallOption) (SignOutResponse, error) {
	token, err := s.GetAccessToken(ctx, opts...)
	var out SignOutResponse
	switch {
	case err != nil:
	case in == SignOutRequest{}:
		err = s.client.Revoke(ctx, token, opts...)
	default:
		out, err = s.client.SignOut(ctx, token, in, opts...)
	}
	if err != nil && !errors.Is(err, ErrUnauthenticated) {
		return SignOutResponse{}, err
	}
	s.signedOut()
	return out, nil
}

// signedOut forgets a login that has ended.
func (s *LoginState) signedOut() {
	s.mu.Lock()
	already := s.over
	s.end()
	s.mu.Unlock()
	if !already {
		s.tell(SignedOut, Credentials{})
	}
}
