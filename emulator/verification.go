package emulator

import (
	"cmp"
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
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

// perDay is how many messages one target gets in a day.
var perDay = map[string]int{channelSMS: 30, channelEmail: 50}

// sendVerification: POST /v1/verification.
func (e *Emulator) sendVerification(ctx context.Context, c *call) (any, error) {
	var req struct {
		PhoneNumber string `json:"phone_number"`
		Email       string `json:"email"`
		Target      string `json:"target"`
		Usage       string `json:"usage"`
	}
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

	// A refusal because of who has the target does the same work as a code that is sent, and counts the same: neither the time
	// nor a limit tells who has an account.
	var refused error

	err = e.store.write(ctx, func(tx *sql.Tx) error {
		if err := e.maySend(ctx, tx, c.env(), to, now); err != nil {
			return err
		}
		u, err := userWith(ctx, tx, c.env(), to)
		if err != nil {
			return err
		}
		answer.IsUser = u != nil
		refused = mayReceive(c, req.Target, u)
		// A resend kills the code before it.
		if _, err := run(ctx, tx, "DELETE FROM verifications WHERE env = ? AND channel = ? AND target = ?",
			c.env(), to.channel(), to.value); err != nil {
			return err
		}
		if _, err := run(ctx, tx, "INSERT INTO verifications (id, env, channel, target, code, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
			answer.VerificationID, c.env(), to.channel(), to.value, code, now.Add(codeLife).UnixMilli()); err != nil {
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

// maySend enforces the sending limits per target.
func (e *Emulator) maySend(ctx context.Context, tx *sql.Tx, env string, to identifier, now time.Time) error {
	var count int
	var first, last int64
	err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(min(created_at), 0), coalesce(max(created_at), 0) FROM messages
		WHERE env = ? AND channel = ? AND target = ? AND created_at > ?`,
		env, to.channel(), to.value, now.Add(-sendDay).UnixMilli()).Scan(&count, &first, &last)
	if err != nil {
		return fmt.Errorf("emulator: count messages: %w", err)
	}
	if count >= perDay[to.channel()] {
		return failRetry("resource_exhausted", secondsUntil(time.UnixMilli(first).Add(sendDay), now))
	}
	if free := time.UnixMilli(last).Add(sendPause); count > 0 && free.After(now) {
		return failRetry("resource_exhausted", secondsUntil(free, now))
	}
	return nil
}

func messageBody(locale, code string) string {
	minutes := int(codeLife / time.Minute)
	if locale == localeEnglish {
		return fmt.Sprintf("Your verification code is %s. It is valid for %d minutes. Do not share it with anybody.", code, minutes)
	}
	return fmt.Sprintf("您的验证码为 %s，%d 分钟内有效，请勿泄露给他人。", code, minutes)
}

// verify: POST /v1/verification/verify trades a code for a verification token. The fifth wrong code kills it.
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
	now := e.now()

	err := e.store.write(ctx, func(tx *sql.Tx) error {
		var code, channel, target string
		var wrong int
		err := tx.QueryRowContext(ctx, "SELECT code, channel, target, wrong FROM verifications WHERE id = ? AND env = ? AND expires_at > ?",
			req.VerificationID, c.env(), now.UnixMilli()).Scan(&code, &channel, &target, &wrong)
		if errors.Is(err, sql.ErrNoRows) {
			return failText("invalid_argument", textBadCode)
		}
		if err != nil {
			return fmt.Errorf("emulator: read verification: %w", err)
		}
		if wrong >= wrongCodes {
			return fail("aborted")
		}
		given := strings.TrimSpace(req.VerificationCode)
		if subtle.ConstantTimeCompare([]byte(given), []byte(code)) != 1 {
			if _, err := run(ctx, tx, "UPDATE verifications SET wrong = wrong + 1 WHERE id = ?", req.VerificationID); err != nil {
				return err
			}
			if wrong+1 >= wrongCodes {
				return keep(fail("aborted"))
			}
			return keep(failText("invalid_argument", textBadCode))
		}
		if _, err := run(ctx, tx, "DELETE FROM verifications WHERE id = ?", req.VerificationID); err != nil { // used once
			return err
		}
		_, err = run(ctx, tx, "INSERT INTO verification_tokens (hash, env, channel, target, expires_at) VALUES (?, ?, ?, ?, ?)",
			hashOf(answer.VerificationToken), c.env(), channel, target, now.Add(codeLife).UnixMilli())
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
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

// takeVerification uses a verification token up, unless the transaction fails later on: then nothing was used.
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
