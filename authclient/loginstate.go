package authclient

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// expiryMargin is how long before its end the SDK stops using an access token
// (@cloudbase/oauth@3.3.3 src/oauth2client/oauth2client.ts, setCredentials).
const expiryMargin = 30 * time.Second

// StateChange says what happened to a login. The values are those of
// LOGIN_STATE_CHANGED_TYPE (@cloudbase/oauth@3.3.3 src/auth/consts.ts).
type StateChange string

// What a listener hears.
const (
	SignedIn         StateChange = "sign_in"           // credentials were taken or refreshed
	SignedOut        StateChange = "sign_out"          // SignOut, DeleteMe, RevokeAllDevices or TransByProvider ended the login
	CredentialsError StateChange = "credentials_error" // TCB no longer accepts them
)

// errSignedOut is the cause of calls on a login that is over.
var errSignedOut = errors.New("there is no login any more")

// errNoRefreshToken is the cause where an access token has run out that cannot be refreshed.
var errNoRefreshToken = errors.New("there is no refresh token")

// LoginState holds one login and makes the calls that need it, refreshing the
// access token where it has run out: once, for however many callers at the
// same time. Create it with Client.LoginState; it is safe for concurrent use.
//
// TCB rotates the refresh token at every refresh, so two holders of one log
// each other out: whoever keeps credentials elsewhere must follow onChange. To
// make a person's calls without the refresh token, see Client.AsUser.
//
// Its calls are those of User. SignOut, DeleteMe, RevokeAllDevices and TransByProvider end the login
// here too, also when they are called on User itself, as does TCB's ErrUnauthenticated.
type LoginState struct {
	*User // makes the calls, with the access token of GetAccessToken

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
	creds Credentials
	err   error
}

// LoginState takes credentials whose access token expires at expiresAt (its
// ExpiresIn counts from when it was issued, which only the holder knows).
// onChange, which may be nil, is called after every change, from the goroutine
// that made it, and must not call back into the LoginState.
func (c *Client) LoginState(creds Credentials, expiresAt time.Time, onChange func(StateChange, Credentials)) *LoginState {
	s := &LoginState{onChange: onChange, creds: creds, expiresAt: expiresAt}
	s.User = &User{client: c, tokens: s}
	return s
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

// LoginScope is the login's scope; "anonymous" marks an anonymous one.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, loginScope.
func (s *LoginState) LoginScope() string { return s.Credentials().Scope }

// ofAccessToken is what errors of GetAccessToken name: the call that refreshes.
var ofAccessToken = request{op: "GetAccessToken", call: callToken}

// GetAccessToken gives an access token that serves for 30 seconds at least,
// refreshed where needed. ErrUnauthenticated: the login is over, as it is without a refresh token once
// the access token has run out.
//
// Source: @cloudbase/oauth@3.3.3 src/oauth2client/oauth2client.ts, getAccessToken.
func (s *LoginState) GetAccessToken(ctx context.Context, opts ...CallOption) (string, error) {
	creds, err := s.fresh(ctx, opts)
	return creds.AccessToken, err
}

// fresh gives credentials whose access token serves.
func (s *LoginState) fresh(ctx context.Context, opts []CallOption) (Credentials, error) {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return Credentials{}, ofAccessToken.failed("unauthenticated", errSignedOut)
	}
	r := s.refreshing
	if r == nil && s.client.now().Add(expiryMargin).Before(s.expiresAt) {
		defer s.mu.Unlock()
		return s.creds, nil
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
		return r.creds, r.err
	case <-ctx.Done():
		return Credentials{}, ofAccessToken.failed("unreachable", ctx.Err())
	}
}

func (s *LoginState) refresh(ctx context.Context, r *refresh, refreshToken string, opts []CallOption) {
	var creds *Credentials
	err := errNoRefreshToken // as the SDK has it (oauth2client.ts, _refreshToken): no call is made
	if refreshToken != "" {
		creds, err = s.client.RefreshToken(ctx, refreshToken, opts...)
	}
	s.mu.Lock()
	change := StateChange("")
	switch {
	case s.over:
		err = ofAccessToken.failed("unauthenticated", errSignedOut)
	case err == nil:
		if creds.RefreshToken == "" {
			creds.RefreshToken = refreshToken
		}
		s.creds = *creds
		s.expiresAt = s.client.now().Add(time.Duration(creds.ExpiresIn) * time.Second)
		r.creds = *creds
		change = SignedIn
	case err == errNoRefreshToken, errors.Is(err, ErrInvalidGrant), errors.Is(err, ErrUnauthenticated):
		err = ofAccessToken.failed("unauthenticated", err)
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

// refused ends the login that TCB no longer knows, as the SDK does
// (@cloudbase/oauth@3.3.3 src/oauth2client/oauth2client.ts, request). While it is being refreshed the
// token is an old one, and what TCB says to the refresh decides.
func (s *LoginState) refused(token string) {
	s.mu.Lock()
	dropped := !s.over && s.refreshing == nil && s.creds.AccessToken == token
	if dropped {
		s.end()
	}
	s.mu.Unlock()
	if dropped {
		s.tell(CredentialsError, Credentials{})
	}
}

// LoginGroups are the groups that the login has.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, loginGroups.
func (s *LoginState) LoginGroups() []string { return slices.Clone(s.Credentials().Groups) }

// HasLoginState reports whether there is still a login, as far as is known
// without asking TCB.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, hasLoginState.
func (s *LoginState) HasLoginState() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.over
}

// GetLoginState gives the credentials, refreshed where needed, or nil when the
// login is over.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, getLoginState.
func (s *LoginState) GetLoginState(ctx context.Context, opts ...CallOption) (*Credentials, error) {
	creds, err := s.fresh(ctx, opts)
	switch {
	case errors.Is(err, ErrUnauthenticated):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &creds, nil
}

// OnLoginStateChanged adds a listener to the one given at the start. Listeners
// are called in order, from the goroutine that made the change, and must not
// call back into the LoginState. A nil one is none.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, onLoginStateChanged.
func (s *LoginState) OnLoginStateChanged(listen func(StateChange, Credentials)) {
	if listen == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.onChange
	s.onChange = func(change StateChange, creds Credentials) {
		if before != nil {
			before(change, creds)
		}
		listen(change, creds)
	}
}

// ended forgets a login that a call has ended.
func (s *LoginState) ended() {
	s.mu.Lock()
	already := s.over
	s.end()
	s.mu.Unlock()
	if !already {
		s.tell(SignedOut, Credentials{})
	}
}
