package emulator

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// What people do with their own account.

const sudoLife = 15 * time.Minute

// sudo: POST /v1/user/sudo. Who has bound a phone number proves themselves with a code, to that number or to their e-mail address;
// who has neither password, phone nor address has nothing to prove it with and gets "".
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

// changePassword: PATCH /v1/user/password. A sudo_token, in the body or the query, or the old password opens it; the latter only
// where sudo would take a password. All other sessions end.
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

// deleteMe: DELETE /v1/user/me?sudo_token= deletes the caller and answers with the profile there was.
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

// fieldChange is one profile field of a request and where it goes. A field that is not sent stays as it is.
type fieldChange struct {
	given *string
	field *string
	max   int
}

func applyFields(changes []fieldChange) error {
	for _, change := range changes {
		if change.given == nil {
			continue
		}
		if !utf8.ValidString(*change.given) || utf8.RuneCountInString(*change.given) > change.max {
			return failText("invalid_argument", textBadProfile)
		}
		*change.field = *change.given
	}
	return nil
}

// setGender and the like check what has only a few values.
func setGender(u *user, gender *string) error {
	if gender == nil {
		return nil
	}
	if !slices.Contains([]string{"", "MALE", "FEMALE", "UNKNOWN"}, *gender) {
		return failText("invalid_argument", textBadProfile)
	}
	u.gender = *gender
	return nil
}

func setBirthdate(u *user, date *string) error {
	if date == nil {
		return nil
	}
	if *date != "" {
		if _, err := time.Parse(time.DateOnly, *date); err != nil {
			if _, err := time.Parse(time.RFC3339, *date); err != nil {
				return failText("invalid_argument", textBadProfile)
			}
		}
	}
	u.birthdate = *date
	return nil
}

// setNames gives the user another username, phone number or e-mail address. The latter two must have been verified by the user
// before; none of them can be taken from somebody else, or away.
func (e *Emulator) setNames(ctx context.Context, tx *sql.Tx, c *call, u *user, username, phone, email *string) error {
	if username != nil && *username != u.username {
		if err := checkUsername(*username); err != nil {
			return err
		}
		if err := usernameFree(ctx, tx, u.env, *username, u.sub); err != nil {
			return err
		}
		u.username = *username
		if err := e.record(ctx, tx, c, u, actionUsername, "profile"); err != nil {
			return err
		}
	}
	for _, contact := range []struct {
		given *string
		has   string
		parse func(string) (identifier, error)
	}{{phone, u.phone, parsePhone}, {email, u.email, parseEmail}} {
		if contact.given == nil || strings.TrimSpace(*contact.given) == contact.has {
			continue
		}
		target, err := contact.parse(strings.TrimSpace(*contact.given))
		if err != nil {
			return err
		}
		if target.value == contact.has {
			continue
		}
		if err := e.methodAllowed(c.client.env, target.kind); err != nil {
			return err
		}
		if err := e.takeContact(ctx, tx, u, target, conflictRefuse); err != nil {
			return err
		}
		if err := e.useOwnVerification(ctx, tx, u, target); err != nil {
			return err
		}
		if err := e.saveContact(ctx, tx, c, u, target); err != nil {
			return err
		}
	}
	return nil
}

// patchProfile: PATCH /v1/user/profile.
func (e *Emulator) patchProfile(ctx context.Context, c *call) (any, error) {
	var req struct {
		Name        *string `json:"name"`
		Username    *string `json:"username"`
		Picture     *string `json:"picture"`
		PhoneNumber *string `json:"phone_number"`
		Email       *string `json:"email"`
		Gender      *string `json:"gender"`
		Birthdate   *string `json:"birthdate"`
		Locale      *string `json:"locale"`
		Zoneinfo    *string `json:"zoneinfo"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if c.user.anonymous {
		return nil, failText("permission_denied", textNoAnonymousNow)
	}
	var answer *userProfile
	err := e.changeSelf(ctx, c, func(tx *sql.Tx, u *user) error {
		err := applyFields([]fieldChange{
			{req.Name, &u.name, 64}, {req.Picture, &u.picture, 2048}, {req.Locale, &u.locale, 64}, {req.Zoneinfo, &u.zoneinfo, 64},
		})
		err = cmp.Or(err, setGender(u, req.Gender), setBirthdate(u, req.Birthdate))
		if err != nil {
			return err
		}
		if err := e.setNames(ctx, tx, c, u, req.Username, req.PhoneNumber, req.Email); err != nil {
			return err
		}
		u.updatedAt = e.now().UnixMilli()
		if err := saveUser(ctx, tx, u); err != nil {
			return err
		}
		answer, err = e.profileOf(ctx, tx, c, u)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// basicsRequest is the body of basic/edit. The passwords may come encrypted.
type basicsRequest struct {
	UserID      string  `json:"user_id"`
	Nickname    *string `json:"nickname"`
	Name        *string `json:"name"` // what the SDK's updateUser calls it
	Username    *string `json:"username"`
	Description *string `json:"description"`
	AvatarURL   *string `json:"avatar_url"`
	Picture     *string `json:"picture"`
	Gender      *string `json:"gender"`
	Email       *string `json:"email"`
	Phone       *string `json:"phone"`
	PhoneNumber *string `json:"phone_number"`
	Password    string  `json:"password"`
	NewPassword string  `json:"new_password"`
	EncOld      string  `json:"encrypt_password"`
	EncNew      string  `json:"encrypt_new_password"`
	Thumbprint  string  `json:"public_key_thumbprint"`
}

// editBasics: POST /v1/user/basic/edit.
func (e *Emulator) editBasics(ctx context.Context, c *call) (any, error) {
	var req basicsRequest
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if req.UserID != "" && req.UserID != c.user.sub {
		return nil, failText("permission_denied", textNotYourself)
	}
	if c.user.anonymous {
		return nil, failText("permission_denied", textNoAnonymousNow)
	}
	var err error
	if req.EncNew != "" {
		if req.NewPassword, err = e.decrypt(ctx, req.Thumbprint, req.EncNew); err != nil {
			return nil, err
		}
	}
	if req.EncOld != "" {
		if req.Password, err = e.decrypt(ctx, req.Thumbprint, req.EncOld); err != nil {
			return nil, err
		}
	}
	var hash string
	if req.NewPassword != "" {
		if req.Password == "" && c.user.passwordHash != "" {
			return nil, failText("invalid_argument", textOldPassword)
		}
		if err := e.checkPassword(req.NewPassword); err != nil {
			return nil, err
		}
		if hash, err = e.passwords.hash(ctx, req.NewPassword); err != nil {
			return nil, err
		}
	}
	change := func(tx *sql.Tx, u *user) error {
		if hash != "" && u.passwordHash != "" && req.Password == "" { // set meanwhile
			return failText("invalid_argument", textOldPassword)
		}
		return e.saveBasics(ctx, tx, c, u, req, hash)
	}
	if hash != "" && req.Password != "" && c.user.passwordHash != "" {
		return nothing{}, e.provePassword(ctx, c, c.user, req.Password, change)
	}
	return nothing{}, e.changeSelf(ctx, c, change)
}

func (e *Emulator) saveBasics(ctx context.Context, tx *sql.Tx, c *call, u *user, req basicsRequest, hash string) error {
	err := applyFields([]fieldChange{
		{req.Name, &u.name, 64}, {req.Nickname, &u.name, 64}, {req.Description, &u.description, 1024},
		{req.Picture, &u.picture, 2048}, {req.AvatarURL, &u.picture, 2048},
	})
	if err := cmp.Or(err, setGender(u, req.Gender)); err != nil {
		return err
	}
	if err := e.setNames(ctx, tx, c, u, req.Username, cmp.Or(req.Phone, req.PhoneNumber), req.Email); err != nil {
		return err
	}
	if hash != "" {
		if err := e.savePassword(ctx, tx, c, u, hash, actionPassword); err != nil {
			return err
		}
		return endOtherSessions(ctx, tx, c)
	}
	u.updatedAt = e.now().UnixMilli()
	return saveUser(ctx, tx, u)
}

// simpleProfile is what anybody signed in may know about somebody else.
type simpleProfile struct {
	Sub         string `json:"sub"`
	Name        string `json:"name"`
	Picture     string `json:"picture,omitempty"`
	Gender      string `json:"gender,omitempty"`
	Locale      string `json:"locale,omitempty"`
	Email       string `json:"email,omitempty"`
	PhoneNumber string `json:"phone_number,omitempty"`
}

const queryMost = 50

// queryUsers: GET /v1/user/query. Several conditions must all hold; ids come joined by commas.
func (e *Emulator) queryUsers(ctx context.Context, c *call) (any, error) {
	if c.session.loginType == loginCustom || c.user.anonymous {
		return nil, failText("permission_denied", textQueryRefused)
	}
	query := c.request.URL.Query()
	var ids []string
	for _, joined := range query["id"] {
		for id := range strings.SplitSeq(joined, ",") {
			if id != "" {
				ids = append(ids, id)
			}
		}
	}
	where, args := []string{"env = ?", "anonymous = 0"}, []any{c.env()}
	for column, value := range map[string]string{
		"username": query.Get("username"), "email": strings.ToLower(query.Get("email")), "phone_number": query.Get("phone_number"),
	} {
		if value != "" {
			where, args = append(where, column+" = ?"), append(args, value)
		}
	}
	if len(ids) > queryMost || len(ids) == 0 && len(args) == 1 {
		return nil, failText("invalid_argument", textNoQuery)
	}
	if len(ids) > 0 {
		where = append(where, "sub IN (?"+strings.Repeat(", ?", len(ids)-1)+")")
		for _, id := range ids {
			args = append(args, id)
		}
	}
	rows, err := e.store.db.QueryContext(ctx, "SELECT "+userColumns+" FROM users WHERE "+strings.Join(where, " AND ")+
		" ORDER BY rowid LIMIT ?", append(args, queryMost)...)
	if err != nil {
		return nil, fmt.Errorf("emulator: query users: %w", err)
	}
	defer func() { _ = rows.Close() }()
	answer := struct {
		Total string          `json:"total"` // so in the documents
		Data  []simpleProfile `json:"data"`
	}{Data: []simpleProfile{}}
	for rows.Next() {
		u, err := scanUser(rows.Scan)
		if err != nil {
			return nil, err
		}
		answer.Data = append(answer.Data, simpleProfile{u.sub, u.name, u.picture, u.gender, u.locale, u.email, u.phone})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("emulator: query users: %w", err)
	}
	answer.Total = strconv.Itoa(len(answer.Data))
	return answer, nil
}

// checkUsername: GET /v1/checkUsername answers {} for a username that is free. The SDK puts it into the body of the GET, which
// browsers refuse to send; the query does as well.
func (e *Emulator) checkUsername(ctx context.Context, c *call) (any, error) {
	var req struct {
		Username string `json:"username"`
	}
	if len(bytes.TrimSpace(c.body)) > 0 {
		if err := c.decode(&req); err != nil {
			return nil, err
		}
	}
	username := cmp.Or(c.request.URL.Query().Get("username"), req.Username)
	if err := checkUsername(username); err != nil {
		return nil, err
	}
	return nothing{}, usernameFree(ctx, e.store.db, c.env(), username, "")
}
