package emulator

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Wrong passwords: from the sixth on a captcha is asked for (in mode "risk"), as the vendor's page has it ("after 5 failed username
// and password login attempts", authentication-v2/method/captcha). After the tenth within the window the account is locked until
// the oldest of them is out of the window; TCB documents the lock, and neither its number nor its length.
const (
	captchaFromTry = 6
	wrongPasswords = 10
	failureWindow  = 10 * time.Minute
)

// methodAllowed refuses what the environment's switches or region do not allow.
func (e *Emulator) methodAllowed(env *Environment, k kind) error {
	login := e.settings.get().Login
	switch k {
	case kindPhone:
		if env.Region != defaultRegion {
			return failText("unimplemented", textShanghaiOnly)
		}
		if !login.PhoneNumberLogin {
			return fail("login_method_disabled")
		}
	case kindEmail:
		if !login.EmailLogin {
			return fail("login_method_disabled")
		}
	case kindUsername:
		if !login.UserNameLogin {
			return fail("unimplemented")
		}
	}
	return nil
}

// signIn: POST /v1/signin, and POST /v2/signin/username, where the same fields come encrypted.
func (e *Emulator) signIn(ctx context.Context, c *call) (any, error) {
	var req struct {
		encrypted
		Username          string `json:"username"`
		Password          string `json:"password"`
		VerificationToken string `json:"verification_token"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if req.Params != "" {
		plain, err := e.decrypt(ctx, req.Thumbprint, req.Params)
		if err != nil {
			return nil, err
		}
		if err := decodeBody([]byte(plain), &req); err != nil {
			return nil, err
		}
	} else if strings.HasPrefix(c.request.URL.Path, "/auth/v2/") {
		return nil, failText("invalid_argument", textBadCipher)
	}
	if req.VerificationToken != "" && req.Password == "" {
		return e.signInWithCode(ctx, c, req.Username, req.VerificationToken)
	}
	return e.signInWithPassword(ctx, c, req.Username, req.Password, req.VerificationToken)
}

// signInWithCode signs in the user whose phone or e-mail was verified. A username, when given, must be the verified target.
func (e *Emulator) signInWithCode(ctx context.Context, c *call, username, token string) (any, error) {
	if err := e.captchaAlways(ctx, c); err != nil {
		return nil, err
	}
	var named identifier
	if strings.TrimSpace(username) != "" {
		var err error
		if named, err = parseIdentifier(username); err != nil {
			return nil, err
		}
	}
	return e.enter(ctx, func(tx *sql.Tx) (*grant, error) {
		target, err := e.takeVerification(ctx, tx, c.env(), token)
		if err != nil {
			return nil, err
		}
		if named != (identifier{}) && named != target {
			return nil, failText("invalid_argument", textOtherTarget)
		}
		if err := e.methodAllowed(c.client.env, target.kind); err != nil {
			return nil, err
		}
		u, err := userWith(ctx, tx, c.env(), target)
		if err != nil {
			return nil, err
		}
		if u == nil {
			return nil, fail("not_found")
		}
		if err := u.mayEnter(); err != nil {
			return nil, err
		}
		return e.startSession(ctx, tx, c, u, loginWith(target, fromCode))
	})
}

// enter runs a sign-in as one transaction and answers with tokens.
func (e *Emulator) enter(ctx context.Context, change func(tx *sql.Tx) (*grant, error)) (any, error) {
	var g *grant
	err := e.store.write(ctx, func(tx *sql.Tx) (err error) {
		g, err = change(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.credentials(g)
}

// signInWithPassword checks a password. Unknown users and users without a password cost the same time as the others.
func (e *Emulator) signInWithPassword(ctx context.Context, c *call, username, password, secondFactor string) (any, error) {
	if password == "" {
		return nil, failText("invalid_argument", textNoCredential)
	}
	id, err := parseIdentifier(username)
	if err != nil {
		return nil, err
	}
	if err := e.methodAllowed(c.client.env, id.kind); err != nil {
		return nil, err
	}
	if err := e.captchaAlways(ctx, c); err != nil {
		return nil, err
	}
	u, err := userWith(ctx, e.store.db, c.env(), id)
	if err != nil {
		return nil, err
	}
	var g *grant
	err = e.provePassword(ctx, c, u, password, func(tx *sql.Tx, u *user) error {
		if e.settings.get().Login.PwdUpdateStrategy.due(u, e.now()) {
			return failText("failed_precondition", textPasswordDue)
		}
		if err := e.secondFactor(ctx, tx, u, secondFactor); err != nil {
			return err
		}
		g, err = e.startSession(ctx, tx, c, u, loginWith(id, fromPassword))
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.credentials(g)
}

// secondFactor wants a verified phone or e-mail of the user besides the password, where MfaConfig says so. How TCB's own clients
// talk about this is not documented; here the verification_token comes in the same call as the password.
func (e *Emulator) secondFactor(ctx context.Context, tx *sql.Tx, u *user, token string) error {
	rule := e.settings.get().Login.MfaConfig
	if !rule.On {
		return nil
	}
	if rule.RequiredBindPhone && u.phone == "" {
		return fail("mfa_phone_required")
	}
	if token == "" {
		return fail("two_factor_required")
	}
	id, err := e.takeVerification(ctx, tx, u.env, token)
	if err != nil || id.kind == kindPhone && (!rule.Sms || id.value != u.phone) || id.kind == kindEmail && (!rule.Email || id.value != u.email) {
		return fail("invalid_two_factor")
	}
	return nil
}

// provePassword checks a user's password within the limits for wrong ones, and makes the change when it is right. The user may
// be nil. Only the wrong passwords of a user who has one count, as at TCB: whether a captcha is asked tells that there is such a
// user, and hiding that is the login page's business.
func (e *Emulator) provePassword(
	ctx context.Context, c *call, u *user, password string, change func(*sql.Tx, *user) error,
) error {
	var hash string
	if u != nil {
		hash = u.passwordHash
	}
	if _, err := e.mayTry(ctx, e.store.db, c, u); err != nil {
		return err
	}
	right, err := e.passwords.matches(ctx, hash, password)
	if err != nil {
		return err
	}
	return e.store.write(ctx, func(tx *sql.Tx) error {
		// Asked again where nobody else writes: a burst of parallel tries gets no more answers than tries one by one.
		failures, err := e.mayTry(ctx, tx, c, u)
		if err != nil {
			return err
		}
		if u != nil { // what was checked must still be the password, and the user
			if u, err = userBy(ctx, tx, u.env, "sub", u.sub); err != nil {
				return err
			}
		}
		if u == nil || !right || u.passwordHash != hash {
			switch {
			case u == nil:
				return fail("not_found")
			case u.passwordHash == "":
				return fail("password_not_set")
			}
			if err := e.addFailure(ctx, tx, u); err != nil {
				return err
			}
			refusal := fail("invalid_password")
			refusal.details = []any{triesLeft{wrongPasswords - failures - 1}}
			return keep(refusal)
		}
		if err := u.mayEnter(); err != nil {
			return err
		}
		if err := clearFailures(ctx, tx, u.env, u.sub); err != nil {
			return err
		}
		return change(tx, u)
	})
}

// mayTry refuses a locked account, and asks for a captcha where there were too many wrong passwords. It returns their number.
func (e *Emulator) mayTry(ctx context.Context, q querier, c *call, u *user) (int, error) {
	if u == nil || u.passwordHash == "" {
		return 0, nil
	}
	now := e.now()
	var failures int
	var oldest int64
	err := q.QueryRowContext(ctx, "SELECT count(*), coalesce(min(at), 0) FROM password_failures WHERE env = ? AND account = ? AND at > ?",
		u.env, u.sub, now.Add(-failureWindow).UnixMilli()).Scan(&failures, &oldest)
	if err != nil {
		return 0, fmt.Errorf("emulator: count wrong passwords: %w", err)
	}
	if failures >= wrongPasswords {
		return 0, failRetry("invalid_status", secondsUntil(time.UnixMilli(oldest).Add(failureWindow), now))
	}
	if failures >= captchaFromTry-1 && e.settings.get().Captcha == captchaRisk {
		return failures, e.checkCaptchaToken(ctx, q, c)
	}
	return failures, nil
}

func (e *Emulator) addFailure(ctx context.Context, tx *sql.Tx, u *user) error {
	_, err := run(ctx, tx, "INSERT INTO password_failures (env, account, at) VALUES (?, ?, ?)", u.env, u.sub, e.now().UnixMilli())
	return err
}

func clearFailures(ctx context.Context, tx *sql.Tx, env, account string) error {
	_, err := run(ctx, tx, "DELETE FROM password_failures WHERE env = ? AND account = ?", env, account)
	return err
}

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

// signUp: POST /v1/signup. The verified phone or e-mail is the account, or a third party's identity, or both; username, name and
// password are extras. What is wrong with them never costs the verification token.
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

// useTarget uses up the proof of a target: the token that a code was traded for, or, without one, the code itself.
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

// accountFor is a new account, or the anonymous one that the token belongs to, which keeps its sub. From then on its device id
// alone opens nothing any more: the binding goes, and so do the anonymous sessions.
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

// signInAnonymously: POST /v1/signin/anonymously. One user per device, or per mini-program user, who comes with a provider_token;
// its sub is 22 characters of base64url.
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

// signInWithVerificationCode: POST /v2/signin/verificationcode takes a code and signs in at once. The SDK sends what it got for
// sending the code as verification_id or as verification_token.
func (e *Emulator) signInWithVerificationCode(ctx context.Context, c *call) (any, error) {
	var req struct {
		VerificationID    string `json:"verification_id"`
		VerificationToken string `json:"verification_token"`
		VerificationCode  string `json:"verification_code"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if err := e.captchaAlways(ctx, c); err != nil {
		return nil, err
	}
	return e.enter(ctx, func(tx *sql.Tx) (*grant, error) {
		target, _, err := e.takeCode(ctx, tx, c.env(), "id = ?", cmp.Or(req.VerificationID, req.VerificationToken), req.VerificationCode)
		if err != nil {
			return nil, err
		}
		if err := e.methodAllowed(c.client.env, target.kind); err != nil {
			return nil, err
		}
		u, err := userWith(ctx, tx, c.env(), target)
		if err != nil {
			return nil, err
		}
		if u == nil {
			return nil, fail("not_found")
		}
		if err := u.mayEnter(); err != nil {
			return nil, err
		}
		return e.startSession(ctx, tx, c, u, loginWith(target, fromCode))
	})
}

// savePassword gives the user a new password and forgets wrong ones.
func (e *Emulator) savePassword(ctx context.Context, tx *sql.Tx, c *call, u *user, hash, action string) error {
	u.updatedAt = e.now().UnixMilli()
	u.passwordHash, u.passwordUpdatedAt, u.passwordInitial = hash, u.updatedAt, false
	if err := saveUser(ctx, tx, u); err != nil {
		return err
	}
	if err := e.record(ctx, tx, c, u, action, fromPassword); err != nil {
		return err
	}
	return clearFailures(ctx, tx, u.env, u.sub)
}

// resetPassword: POST /v1/reset. It also ends the user's sessions and the lock: whoever proves the phone or e-mail is let in.
func (e *Emulator) resetPassword(ctx context.Context, c *call) (any, error) {
	var req struct {
		PhoneNumber       string `json:"phone_number"`
		Email             string `json:"email"`
		NewPassword       string `json:"new_password"`
		VerificationToken string `json:"verification_token"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	target, err := parseTarget(req.PhoneNumber, req.Email)
	if err != nil {
		return nil, err
	}
	if err := e.methodAllowed(c.client.env, target.kind); err != nil {
		return nil, err
	}
	if err := e.captchaAlways(ctx, c); err != nil {
		return nil, err
	}
	if err := e.peekVerification(ctx, e.store.db, c.env(), req.VerificationToken, target); err != nil {
		return nil, err
	}
	if err := e.checkPassword(req.NewPassword); err != nil {
		return nil, err
	}
	hash, err := e.passwords.hash(ctx, req.NewPassword)
	if err != nil {
		return nil, err
	}
	err = e.store.write(ctx, func(tx *sql.Tx) error {
		if err := e.useVerification(ctx, tx, c.env(), req.VerificationToken, target); err != nil {
			return err
		}
		u, err := userWith(ctx, tx, c.env(), target)
		if err != nil {
			return err
		}
		if u == nil {
			return fail("not_found")
		}
		if err := u.mayEnter(); err != nil {
			return err
		}
		if err := e.savePassword(ctx, tx, c, u, hash, actionPasswordReset); err != nil {
			return err
		}
		return endSessions(ctx, tx, u)
	})
	if err != nil {
		return nil, err
	}
	return nothing{}, nil
}
