package emulator

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// What people do with their own account.

const sudoLife = 15 * time.Minute

// sudo: POST /v1/user/sudo. Who has bound a phone number proves themselves with a code, to that
// number or to their e-mail address; who has neither password, phone nor address has nothing to
// prove it with and gets "".
func (e *Emulator) sudo(ctx context.Context, c *call) (any, error) {
	var req struct {
		Password          string `json:"password"`
		VerificationToken string `json:"verification_token"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	answer := struct {
		SudoToken string `json:"sudo_token"`
		ExpiresIn int    `json:"expires_in"`
	}{e.token(32), int(sudoLife / time.Second)}
	issue := func(tx *sql.Tx) error {
		_, err := run(ctx, tx, "INSERT INTO sudo_tokens (hash, session_id, expires_at) VALUES (?, ?, ?)",
			hashOf(answer.SudoToken), c.session.id, e.now().Add(sudoLife).UnixMilli())
		return err
	}
	var err error
	switch {
	case c.user.provesNothing():
		answer.SudoToken = ""
	case req.VerificationToken != "":
		err = e.store.write(ctx, func(tx *sql.Tx) error {
			id, err := e.takeVerification(ctx, tx, c.env(), req.VerificationToken)
			if err != nil {
				return err
			}
			if id.value != c.user.phone && id.value != c.user.email {
				return failText("invalid_argument", textNotYours)
			}
			return issue(tx)
		})
	case c.user.phone != "":
		err = failText("failed_precondition", textPhoneSudo)
	case req.Password == "":
		err = failText("invalid_argument", textNoCredential)
	default:
		err = e.provePassword(ctx, c, c.user, req.Password, func(tx *sql.Tx, _ *user) error { return issue(tx) })
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// provesNothing is somebody who signs in through third parties only, or anonymously.
func (u *user) provesNothing() bool { return u.passwordHash == "" && u.phone == "" && u.email == "" }

// checkSudo wants a sudo_token of this session.
func (e *Emulator) checkSudo(ctx context.Context, q querier, c *call, token string) error {
	if token == "" && c.user.provesNothing() {
		return nil
	}
	var one int
	err := q.QueryRowContext(ctx, "SELECT 1 FROM sudo_tokens WHERE hash = ? AND session_id = ? AND expires_at > ?",
		hashOf(token), c.session.id, e.now().UnixMilli()).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return failText("permission_denied", textNoSudo)
	}
	if err != nil {
		return fmt.Errorf("emulator: read sudo token: %w", err)
	}
	return nil
}

// What happens to the account that has the phone number or address that somebody binds.
const (
	conflictRefuse   = "DEFAULT"
	conflictDelete   = "DELETE_ACCOUNT_TRANSFER"
	conflictTransfer = "TRANSFER" // and it is closed when it is left without a way in
)

// changeContact: PATCH /v1/user/contact.
func (e *Emulator) changeContact(ctx context.Context, c *call) (any, error) {
	var req struct {
		PhoneNumber        string `json:"phone_number"`
		Email              string `json:"email"`
		SudoToken          string `json:"sudo_token"`
		VerificationToken  string `json:"verification_token"`
		ConflictResolution string `json:"conflict_resolution"`
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
	solve := cmp.Or(req.ConflictResolution, conflictRefuse)
	if !slices.Contains([]string{conflictRefuse, conflictDelete, conflictTransfer}, solve) {
		return nil, failText("invalid_argument", textBadConflict)
	}
	if c.user.anonymous {
		return nil, failText("permission_denied", textNoAnonymousNow)
	}
	return nothing{}, e.store.write(ctx, func(tx *sql.Tx) error {
		if err := e.checkSudo(ctx, tx, c, req.SudoToken); err != nil {
			return err
		}
		if err := e.useVerification(ctx, tx, c.env(), req.VerificationToken, target); err != nil {
			return err
		}
		u, err := userBy(ctx, tx, c.env(), "sub", c.user.sub)
		if err != nil || u == nil {
			return cmp.Or(err, error(fail("unauthenticated")))
		}
		if err := e.takeContact(ctx, tx, u, target, solve); err != nil {
			return err
		}
		return e.saveContact(ctx, tx, c, u, target)
	})
}

// takeContact settles who else has the target.
func (e *Emulator) takeContact(ctx context.Context, tx *sql.Tx, u *user, target identifier, solve string) error {
	other, err := userWith(ctx, tx, u.env, target)
	if err != nil || other == nil || other.sub == u.sub {
		return err
	}
	if solve == conflictRefuse {
		return failText("failed_precondition", textContactTaken)
	}
	other.setContact(identifier{kind: target.kind})
	other.updatedAt = e.now().UnixMilli()
	left, err := canEnter(ctx, tx, other)
	if err != nil {
		return err
	}
	if solve == conflictDelete || !left {
		return deleteUser(ctx, tx, other)
	}
	return saveUser(ctx, tx, other)
}

func (u *user) setContact(target identifier) {
	if target.kind == kindPhone {
		u.phone = target.value
	} else {
		u.email = target.value
	}
}

func (e *Emulator) saveContact(ctx context.Context, tx *sql.Tx, c *call, u *user, target identifier) error {
	u.setContact(target)
	u.updatedAt = e.now().UnixMilli()
	if err := saveUser(ctx, tx, u); err != nil {
		return err
	}
	action := actionEmail
	if target.kind == kindPhone {
		action = actionPhone
	}
	return e.record(ctx, tx, c, u, action, fromCode)
}

// changePassword: PATCH /v1/user/password. A sudo_token, in the body or the query, or the old
// password opens it; the latter only where sudo would take a password. All other sessions end.
func (e *Emulator) changePassword(ctx context.Context, c *call) (any, error) {
	var req struct {
		NewPassword     string  `json:"new_password"`
		OldPassword     string  `json:"old_password"`
		ConfirmPassword *string `json:"confirm_password"`
		SudoToken       string  `json:"sudo_token"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if c.user.anonymous {
		return nil, failText("permission_denied", textNoAnonymousNow)
	}
	if req.ConfirmPassword != nil && *req.ConfirmPassword != req.NewPassword {
		return nil, failText("invalid_argument", textPasswordsApart)
	}
	sudo := cmp.Or(req.SudoToken, c.request.URL.Query().Get("sudo_token"))
	byOld := sudo == "" && req.OldPassword != ""
	if byOld && c.user.phone != "" {
		return nil, failText("failed_precondition", textPhoneSudo)
	}
	if !byOld {
		if err := e.checkSudo(ctx, e.store.db, c, sudo); err != nil {
			return nil, err
		}
	}
	if err := e.checkPassword(req.NewPassword); err != nil {
		return nil, err
	}
	hash, err := e.passwords.hash(ctx, req.NewPassword)
	if err != nil {
		return nil, err
	}
	change := func(tx *sql.Tx, u *user) error {
		if err := e.savePassword(ctx, tx, c, u, hash, actionPassword); err != nil {
			return err
		}
		return endOtherSessions(ctx, tx, c)
	}
	if byOld {
		return nothing{}, e.provePassword(ctx, c, c.user, req.OldPassword, change)
	}
	return nothing{}, e.changeSelf(ctx, c, func(tx *sql.Tx, u *user) error {
		if err := e.checkSudo(ctx, tx, c, sudo); err != nil {
			return err
		}
		return change(tx, u)
	})
}

// changeSelf runs a change on the caller as the database has it now.
func (e *Emulator) changeSelf(ctx context.Context, c *call, change func(*sql.Tx, *user) error) error {
	return e.store.write(ctx, func(tx *sql.Tx) error {
		u, err := userBy(ctx, tx, c.env(), "sub", c.user.sub)
		if err != nil {
			return err
		}
		if u == nil || u.mayEnter() != nil {
			return fail("unauthenticated")
		}
		return change(tx, u)
	})
}

// deleteMe: DELETE /v1/user/me?sudo_token= deletes the caller and answers with the profile there
// was.
func (e *Emulator) deleteMe(ctx context.Context, c *call) (any, error) {
	var answer *userProfile
	err := e.changeSelf(ctx, c, func(tx *sql.Tx, u *user) error {
		err := e.checkSudo(ctx, tx, c, c.request.URL.Query().Get("sudo_token"))
		if err != nil {
			return err
		}
		if answer, err = e.profileOf(ctx, tx, c, u); err != nil {
			return err
		}
		return deleteUser(ctx, tx, u)
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}
