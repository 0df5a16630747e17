package emulator

import (
	"cmp"
	"context"
	"database/sql"
)

// signUpRequest is the body of signup.
type signUpRequest struct {
	profile
	PhoneNumber       string `json:"phone_number"`
	Email             string `json:"email"`
	VerificationToken string `json:"verification_token"`
	VerificationCode  string `json:"verification_code"`
	ProviderToken     string `json:"provider_token"`
	Password          string `json:"password"`
	AnonymousToken    string `json:"anonymous_token"`
}

// signUp: POST /v1/signup. The verified phone or e-mail is the account, or a third party's
// identity, or both; username, name and password are extras. What is wrong with them never costs
// the verification token.
func (e *Emulator) signUp(ctx context.Context, c *call) (any, error) {
	var req signUpRequest
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	var target identifier
	if req.ProviderToken == "" || req.PhoneNumber+req.Email != "" {
		var err error
		if target, err = parseTarget(req.PhoneNumber, req.Email); err != nil {
			return nil, err
		}
		if err := e.methodAllowed(c.client.env, target.kind); err != nil {
			return nil, err
		}
	}
	if err := e.captchaAlways(ctx, c); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	// Before the password is hashed: only who has verified something may spend our time.
	if target != (identifier{}) && (req.VerificationToken != "" || req.VerificationCode == "") {
		if err := e.peekVerification(ctx, e.store.db, c.env(), req.VerificationToken, target); err != nil {
			return nil, err
		}
	}
	if req.ProviderToken != "" {
		if _, err := e.peekProviderToken(ctx, e.store.db, c.env(), req.ProviderToken); err != nil {
			return nil, err
		}
	}
	var hash string
	if req.Password != "" {
		if err := e.checkPassword(req.Password); err != nil {
			return nil, err
		}
		var err error
		if hash, err = e.passwords.hash(ctx, req.Password); err != nil {
			return nil, err
		}
	}
	return e.enter(ctx, func(tx *sql.Tx) (*grant, error) { return e.register(ctx, tx, c, req, target, hash) })
}

// register makes the account of a sign-up.
func (e *Emulator) register(
	ctx context.Context, tx *sql.Tx, c *call, req signUpRequest, target identifier, hash string,
) (*grant, error) {
	how := login{from: fromSignUp}
	if target != (identifier{}) {
		if err := e.useTarget(ctx, tx, c.env(), req.VerificationToken, req.VerificationCode, target); err != nil {
			return nil, err
		}
		if taken, err := userWith(ctx, tx, c.env(), target); err != nil {
			return nil, err
		} else if taken != nil {
			return nil, failText("failed_precondition", textRegistered)
		}
		how = loginWith(target, fromSignUp)
	}
	if err := usernameFree(ctx, tx, c.env(), req.Username, ""); err != nil {
		return nil, err
	}
	u, err := e.accountFor(ctx, tx, c, req.AnonymousToken)
	if err != nil {
		return nil, err
	}
	u.username, u.name, u.gender, u.picture, u.locale = req.Username, req.Name, req.Gender, req.Picture, req.Locale
	var identity *providerProfile
	if req.ProviderToken != "" {
		if identity, err = e.takeProviderToken(ctx, tx, c.env(), req.ProviderToken); err != nil {
			return nil, err
		}
		if owner, err := identityOwner(ctx, tx, c.env(), identity.ProviderID, identity.Sub); err != nil {
			return nil, err
		} else if owner != nil {
			return nil, failText("failed_precondition", textIdentityBound)
		}
		u.name, u.picture = cmp.Or(u.name, identity.Name), cmp.Or(u.picture, identity.Picture)
		if target == (identifier{}) {
			how = loginThrough(identity.ProviderID)
		}
	}
	u.name = cmp.Or(u.name, req.Username)
	switch target.kind {
	case kindPhone:
		u.phone = target.value
	case kindEmail:
		u.email = target.value
	}
	if hash != "" {
		u.passwordHash, u.passwordUpdatedAt = hash, u.updatedAt
	}
	if err := saveUser(ctx, tx, u); err != nil {
		return nil, err
	}
	if identity != nil {
		if err := e.bind(ctx, tx, u, identity); err != nil {
			return nil, err
		}
	}
	return e.startSession(ctx, tx, c, u, how)
}

// useTarget uses up the proof of a target: the token that a code was traded for, or, without one,
// the code itself.
func (e *Emulator) useTarget(ctx context.Context, tx *sql.Tx, env, token, code string, target identifier) error {
	if token != "" || code == "" {
		return e.useVerification(ctx, tx, env, token, target)
	}
	where := "channel = '" + target.channel() + "' AND target = ?"
	_, _, err := e.takeCode(ctx, tx, env, where, target.value, code)
	return err
}

// usernameFree refuses a username that somebody else has.
func usernameFree(ctx context.Context, tx querier, env, username, sub string) error {
	taken, err := userBy(ctx, tx, env, "username", username)
	if err == nil && taken != nil && taken.sub != sub {
		err = fail("already_exists")
	}
	return err
}

// accountFor is a new account, or the anonymous one that the token belongs to, which keeps its sub.
// From then on its device id alone opens nothing any more: the binding goes, and so do the
// anonymous sessions.
func (e *Emulator) accountFor(ctx context.Context, tx *sql.Tx, c *call, anonymousToken string) (*user, error) {
	now := e.now().UnixMilli()
	if anonymousToken == "" {
		return &user{
			env: c.env(), sub: e.newSub(), status: statusActive, createdFrom: c.client.id, createdAt: now, updatedAt: now,
		}, nil
	}
	_, u, err := e.sessionOf(ctx, tx, anonymousToken)
	if err != nil {
		return nil, err
	}
	if u == nil || !u.anonymous || u.env != c.env() {
		return nil, failText("invalid_argument", textBadAnonymous)
	}
	if err := u.mayEnter(); err != nil {
		return nil, err
	}
	u.anonymous, u.deviceHash, u.updatedAt = false, "", now
	return u, endSessions(ctx, tx, u)
}

// signInAnonymously: POST /v1/signin/anonymously. One user per device, or per mini-program user,
// who comes with a provider_token; its sub is 22 characters of base64url.
func (e *Emulator) signInAnonymously(ctx context.Context, c *call) (any, error) {
	var req struct {
		ProviderToken string `json:"provider_token"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if !e.settings.get().Login.AnonymousLogin {
		return nil, failText("unimplemented", textNoAnonymous)
	}
	device := c.request.Header.Get("X-Device-Id")
	if req.ProviderToken == "" && (device == "" || len(device) > 128) {
		return nil, failText("invalid_argument", textNoDevice)
	}
	return e.enter(ctx, func(tx *sql.Tx) (*grant, error) {
		key := hashOf(device)
		if req.ProviderToken != "" {
			identity, err := e.takeProviderToken(ctx, tx, c.env(), req.ProviderToken)
			if err != nil {
				return nil, err
			}
			key = hashOf("provider " + identity.ProviderID + " " + identity.Sub)
		}
		u, err := userBy(ctx, tx, c.env(), "device_hash", key)
		if err != nil {
			return nil, err
		}
		if u == nil {
			now := e.now().UnixMilli()
			u = &user{
				env: c.env(), sub: e.token(16), status: statusActive, anonymous: true, deviceHash: key,
				createdFrom: c.client.id, createdAt: now, updatedAt: now,
			}
			if err := saveUser(ctx, tx, u); err != nil {
				return nil, err
			}
		}
		if err := u.mayEnter(); err != nil {
			return nil, err
		}
		return e.startSession(ctx, tx, c, u, login{kind: loginAnonymous, from: fromAnonymous})
	})
}
