package emulator

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// fieldChange is one profile field of a request and where it goes. A field that is not sent stays
// as it is.
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

// setNames gives the user another username, phone number or e-mail address. The latter two must
// have been verified by the user before; none of them can be taken from somebody else, or away.
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

// checkUsername: GET /v1/checkUsername answers {} for a username that is free. The SDK puts it into
// the body of the GET, which browsers refuse to send; the query does as well.
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
