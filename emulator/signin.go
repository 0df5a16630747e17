package emulator

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Wrong passwords: from the sixth on a captcha is asked for (in mode "risk"), as the vendor's page
// has it ("after 5 failed username and password login attempts", authentication-v2/method/captcha).
// After the tenth within the window the account is locked until the oldest of them is out of the
// window; TCB documents the lock, and neither its number nor its length.
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

// signInWithCode signs in the user whose phone or e-mail was verified. A username, when given, must
// be the verified target.
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

// signInWithPassword checks a password. Unknown users and users without a password cost the same
// time as the others.
func (e *Emulator) signInWithPassword(ctx context.Context, c *call, username, password, secondFactor string) (any, error) {
	id, err := parseIdentifier(username)
	if err != nil {
		return nil, err
	}
	// Before what is missing, so that a call that can do nothing tells whether the method is on.
	if err := e.methodAllowed(c.client.env, id.kind); err != nil {
		return nil, err
	}
	if password == "" {
		return nil, failText("invalid_argument", textNoCredential)
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

// factorTargets are where the code of a second factor can go, as details of two_factor_required.
type factorTargets struct {
	PhoneNumber string `json:"phone_number,omitempty"`
	Email       string `json:"email,omitempty"`
}

// secondFactor wants a verified phone or e-mail of the user besides the password, where MfaConfig
// says so. TCB documents no form of it; the doc comment of Demand, in authclient, says what is taken
// for it, here as there.
func (e *Emulator) secondFactor(ctx context.Context, tx *sql.Tx, u *user, token string) error {
	rule := e.settings.get().Login.MfaConfig
	if !rule.On {
		return nil
	}
	if rule.RequiredBindPhone && u.phone == "" {
		return fail("mfa_phone_required")
	}
	if token == "" {
		refusal := fail("two_factor_required")
		var to factorTargets
		if rule.Sms {
			to.PhoneNumber = u.phone
		}
		if rule.Email {
			to.Email = u.email
		}
		if to != (factorTargets{}) {
			refusal.details = []any{to}
		}
		return refusal
	}
	id, err := e.takeVerification(ctx, tx, u.env, token)
	if err != nil || id.kind == kindPhone && (!rule.Sms || id.value != u.phone) || id.kind == kindEmail && (!rule.Email || id.value != u.email) {
		return fail("invalid_two_factor")
	}
	return nil
}

// provePassword checks a user's password within the limits for wrong ones, and makes the change
// when it is right. The user may be nil. Only the wrong passwords of a user who has one count, as
// at TCB: whether a captcha is asked tells that there is such a user, and hiding that is the login
// page's business.
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
		// Asked again where nobody else writes: a burst of parallel tries gets no more answers than
		// tries one by one.
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

// mayTry refuses a locked account, and asks for a captcha where there were too many wrong
// passwords. It returns their number.
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

// signInWithVerificationCode: POST /v2/signin/verificationcode takes a code and signs in at once.
// The SDK sends what it got for sending the code as verification_id or as verification_token.
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

// resetPassword: POST /v1/reset. It also ends the user's sessions and the lock: whoever proves the
// phone or e-mail is let in.
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
