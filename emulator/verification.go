package emulator

import (
	"cmp"
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

const (
	channelSMS   = "sms"
	channelEmail = "email"

	codeLife   = 10 * time.Minute // of a code, and of the token that a right code earns
	wrongCodes = 5

	sendPause = 30 * time.Second // between two messages to one target
	sendDay   = 24 * time.Hour   // rolling
)

// mailsPerDay is how many messages one address gets in a day. For phones it is a setting.
const mailsPerDay = 50

// verificationRequest is the body of POST /auth/v1/verification.
type verificationRequest struct {
	PhoneNumber string `json:"phone_number"`
	Email       string `json:"email"`
	Target      string `json:"target"`
	Usage       string `json:"usage"`
}

// sendVerification: POST /v1/verification.
func (e *Emulator) sendVerification(ctx context.Context, c *call) (any, error) {
	var req verificationRequest
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	to, err := parseTarget(req.PhoneNumber, req.Email)
	if err != nil {
		return nil, err
	}
	if err := e.methodAllowed(c.client.env, to.kind); err != nil {
		return nil, err
	}
	if err := e.captchaAlways(ctx, c); err != nil {
		return nil, err
	}
	switch req.Target {
	case "", "ANY", "USER", "NOT_USER":
	case "CUR_USER":
		if c.user == nil {
			return nil, fail("unauthenticated")
		}
	default:
		return nil, failText("invalid_argument", textBadTarget)
	}
	answer := struct {
		VerificationID string `json:"verification_id"`
		ExpiresIn      int    `json:"expires_in"`
		IsUser         bool   `json:"is_user"`
	}{VerificationID: e.token(32), ExpiresIn: int(codeLife / time.Second)}
	code := fmt.Sprintf("%06d", e.intn(1_000_000))
	locale := localeOf(c.request)
	now := e.now()

	// A refusal because of who has the target does the same work as a code that is sent, and counts
	// the same: neither the time nor a limit tells who has an account.
	var refused error

	err = e.store.write(ctx, func(tx *sql.Tx) error {
		if err := e.maySend(ctx, tx, c, to, now); err != nil {
			return err
		}
		u, err := userWith(ctx, tx, c.env(), to)
		if err != nil {
			return err
		}
		answer.IsUser = u != nil
		refused = mayReceive(c, req.Target, u)
		if err := keepCode(ctx, tx, c, to, answer.VerificationID, code, now); err != nil {
			return err
		}
		_, err = run(ctx, tx, `INSERT INTO messages (env, channel, target, code, usage, locale, body, withheld, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, c.env(), to.channel(), to.value, code, cut(req.Usage, 64), locale,
			messageBody(locale, code), refused != nil, now.UnixMilli())
		return err
	})
	if err = cmp.Or(err, refused); err != nil {
		return nil, err
	}
	return answer, nil
}

// keepCode keeps a code that is sent. A resend kills the one before it.
func keepCode(ctx context.Context, tx *sql.Tx, c *call, to identifier, id, code string, now time.Time) error {
	if _, err := run(ctx, tx, "DELETE FROM verifications WHERE env = ? AND channel = ? AND target = ?",
		c.env(), to.channel(), to.value); err != nil {
		return err
	}
	_, err := run(ctx, tx, "INSERT INTO verifications (id, env, channel, target, code, expires_at, sub) VALUES (?, ?, ?, ?, ?, ?, ?)",
		id, c.env(), to.channel(), to.value, code, now.Add(codeLife).UnixMilli(), c.sub())
	return err
}

// mayReceive compares whom the code is meant for with who has the target.
func mayReceive(c *call, target string, u *user) error {
	switch target {
	case "", "ANY":
		return nil
	case "USER":
		if u == nil {
			return failText("failed_precondition", textUnregistered)
		}
	case "NOT_USER":
		if u != nil {
			return failText("failed_precondition", textRegistered)
		}
	case "CUR_USER":
		if u == nil || u.sub != c.user.sub {
			return failText("failed_precondition", textNotYours)
		}
	}
	return nil
}

// maySend enforces the sending limits per target: the pause always, and at the day's limit, in mode
// "risk", a captcha for each further message ("when sending SMS or email verification codes reaches
// the rate limit", authentication-v2/method/captcha). What TCB does beyond that is not documented.
func (e *Emulator) maySend(ctx context.Context, tx *sql.Tx, c *call, to identifier, now time.Time) error {
	env := c.env()
	var count int
	var first, last int64
	err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(min(created_at), 0), coalesce(max(created_at), 0) FROM messages
		WHERE env = ? AND channel = ? AND target = ? AND created_at > ?`,
		env, to.channel(), to.value, now.Add(-sendDay).UnixMilli()).Scan(&count, &first, &last)
	if err != nil {
		return fmt.Errorf("emulator: count messages: %w", err)
	}
	perDay := mailsPerDay
	if to.kind == kindPhone {
		perDay = e.smsPerDay()
	}
	free := time.UnixMilli(last).Add(sendPause)
	paused := count > 0 && free.After(now)
	if count >= perDay && perDay > 0 && !paused && e.settings.get().Captcha != captchaNever {
		return e.checkCaptchaToken(ctx, tx, c)
	}
	if count >= perDay {
		if count == 0 { // switched off: no message of the day will run out
			first = now.UnixMilli()
		}
		return failRetry("resource_exhausted", secondsUntil(time.UnixMilli(first).Add(sendDay), now))
	}
	if paused {
		return failRetry("resource_exhausted", secondsUntil(free, now))
	}
	return nil
}

// smsPerDay is how many messages one number gets in a day.
func (e *Emulator) smsPerDay() int {
	if limit := e.settings.get().Login.SmsVerificationConfig.SmsDayLimit; limit >= 0 {
		return limit
	}
	return math.MaxInt
}

func messageBody(locale, code string) string {
	minutes := int(codeLife / time.Minute)
	if locale == localeEnglish {
		return fmt.Sprintf("Your verification code is %s. It is valid for %d minutes. Do not share it with anybody.", code, minutes)
	}
	return fmt.Sprintf("您的验证码为 %s，%d 分钟内有效，请勿泄露给他人。", code, minutes)
}

// verify: POST /v1/verification/verify trades a code for a verification token. The fifth wrong code
// kills it.
func (e *Emulator) verify(ctx context.Context, c *call) (any, error) {
	var req struct {
		VerificationID   string `json:"verification_id"`
		VerificationCode string `json:"verification_code"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	answer := struct {
		VerificationToken string `json:"verification_token"`
		ExpiresIn         int    `json:"expires_in"`
	}{e.token(32), int(codeLife / time.Second)}

	err := e.store.write(ctx, func(tx *sql.Tx) error {
		id, sub, err := e.takeCode(ctx, tx, c.env(), "id = ?", req.VerificationID, req.VerificationCode)
		if err != nil {
			return err
		}
		_, err = run(ctx, tx, "INSERT INTO verification_tokens (hash, env, channel, target, expires_at, sub) VALUES (?, ?, ?, ?, ?, ?)",
			hashOf(answer.VerificationToken), c.env(), id.channel(), id.value, e.now().Add(codeLife).UnixMilli(), sub)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// takeCode uses a code up and returns what it proves and who had asked for it. A wrong code counts,
// even though the caller's transaction ends with an error.
func (e *Emulator) takeCode(ctx context.Context, tx *sql.Tx, env, where, which, given string) (identifier, string, error) {
	var id, code, channel, sub string
	var proven identifier
	var wrong int
	err := tx.QueryRowContext(ctx, `SELECT id, code, channel, target, wrong, sub FROM verifications
		WHERE env = ? AND expires_at > ? AND `+where,
		env, e.now().UnixMilli(), which).Scan(&id, &code, &channel, &proven.value, &wrong, &sub)
	if errors.Is(err, sql.ErrNoRows) {
		return proven, "", failText("invalid_argument", textBadCode)
	}
	if err != nil {
		return proven, "", fmt.Errorf("emulator: read verification: %w", err)
	}
	if wrong >= wrongCodes {
		return proven, "", fail("aborted")
	}
	if subtle.ConstantTimeCompare([]byte(strings.TrimSpace(given)), []byte(code)) != 1 {
		if _, err := run(ctx, tx, "UPDATE verifications SET wrong = wrong + 1 WHERE id = ?", id); err != nil {
			return proven, "", err
		}
		if wrong+1 >= wrongCodes {
			return proven, "", keep(fail("aborted"))
		}
		return proven, "", keep(failText("invalid_argument", textBadCode))
	}
	if proven.kind = kindEmail; channel == channelSMS {
		proven.kind = kindPhone
	}
	_, err = run(ctx, tx, "DELETE FROM verifications WHERE id = ?", id) // used once
	return proven, sub, err
}

// sub is who calls, or "".
func (c *call) sub() string {
	if c.user == nil {
		return ""
	}
	return c.user.sub
}

// useOwnVerification uses up a verification of the target that this user asked for and passed a
// while ago. The SDK's updateUser verifies a new address and then sends the address alone, without
// the token.
func (e *Emulator) useOwnVerification(ctx context.Context, tx *sql.Tx, u *user, target identifier) error {
	n, err := run(ctx, tx, "DELETE FROM verification_tokens WHERE env = ? AND sub = ? AND channel = ? AND target = ? AND expires_at > ?",
		u.env, u.sub, target.channel(), target.value, e.now().UnixMilli())
	if err == nil && n == 0 {
		err = failText("failed_precondition", textNotVerified)
	}
	return err
}

// verified returns what a verification token proves.
func (e *Emulator) verified(ctx context.Context, q querier, env, token string) (identifier, error) {
	var channel string
	var id identifier
	err := q.QueryRowContext(ctx, "SELECT channel, target FROM verification_tokens WHERE hash = ? AND env = ? AND expires_at > ?",
		hashOf(token), env, e.now().UnixMilli()).Scan(&channel, &id.value)
	if errors.Is(err, sql.ErrNoRows) {
		return identifier{}, failText("invalid_argument", textBadToken)
	}
	if err != nil {
		return identifier{}, fmt.Errorf("emulator: read verification token: %w", err)
	}
	if id.kind = kindEmail; channel == channelSMS {
		id.kind = kindPhone
	}
	return id, nil
}

// takeVerification uses a verification token up, unless the transaction fails later on: then
// nothing was used.
func (e *Emulator) takeVerification(ctx context.Context, tx *sql.Tx, env, token string) (identifier, error) {
	id, err := e.verified(ctx, tx, env, token)
	if err != nil {
		return identifier{}, err
	}
	_, err = run(ctx, tx, "DELETE FROM verification_tokens WHERE hash = ?", hashOf(token))
	return id, err
}

// peekVerification checks that a token proves the target, without using it up.
func (e *Emulator) peekVerification(ctx context.Context, q querier, env, token string, want identifier) error {
	id, err := e.verified(ctx, q, env, token)
	if err == nil && id != want {
		err = failText("invalid_argument", textOtherTarget)
	}
	return err
}

// useVerification is takeVerification for a target that the request names.
func (e *Emulator) useVerification(ctx context.Context, tx *sql.Tx, env, token string, want identifier) error {
	id, err := e.takeVerification(ctx, tx, env, token)
	if err == nil && id != want {
		err = failText("invalid_argument", textOtherTarget)
	}
	return err
}
