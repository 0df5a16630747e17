package emulator

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tcb-login/emulator/seed"
)

// The states of a user. Only an active one signs in.
const (
	statusActive  = seed.Active
	statusPending = seed.Pending
	statusBlocked = seed.Blocked
)

// user is one row of users.
type user struct {
	env, sub                    string
	username, email, phone      string
	name, picture, gender       string
	birthdate, locale, zoneinfo string
	status, passwordHash        string
	anonymous                   bool
	deviceHash, createdFrom     string
	description, groupIDs       string
	passwordInitial             bool // chosen by somebody else
	passwordUpdatedAt           int64
	createdAt, updatedAt        int64
}

// kind tells the three names of a user apart.
type kind string

const (
	kindUsername kind = "username"
	kindEmail    kind = "email"
	kindPhone    kind = "phone_number"
)

// identifier is one normalised name of a user: what people type to sign in, or what a code is sent
// to.
type identifier struct {
	kind  kind
	value string
}

// channel is the way a code takes to an identifier.
func (id identifier) channel() string {
	if id.kind == kindPhone {
		return channelSMS
	}
	return channelEmail
}

// parseIdentifier tells what kind of name was given. A username has neither "+" nor "@", so that
// nobody can register somebody else's address or number as a username.
func parseIdentifier(s string) (identifier, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return identifier{}, failText("invalid_argument", textNoUsername)
	case strings.HasPrefix(s, "+"):
		return parsePhone(s)
	case strings.Contains(s, "@"):
		return parseEmail(s)
	}
	return identifier{kindUsername, s}, nil // one that breaks the rule for usernames simply belongs to nobody
}

// parsePhone wants "+CC number" with one space, as TCB does.
func parsePhone(s string) (identifier, error) {
	if !seed.IsPhoneNumber(s) {
		return identifier{}, failText("invalid_argument", textBadPhone)
	}
	return identifier{kindPhone, s}, nil
}

func parseEmail(s string) (identifier, error) {
	if !seed.IsEmail(s) {
		return identifier{}, failText("invalid_argument", textBadEmail)
	}
	return identifier{kindEmail, strings.ToLower(s)}, nil
}

// parseTarget takes exactly one of the two fields that most requests carry.
func parseTarget(phone, email string) (identifier, error) {
	switch phone, email = strings.TrimSpace(phone), strings.TrimSpace(email); {
	case (phone == "") == (email == ""):
		return identifier{}, failText("invalid_argument", textOneTarget)
	case phone != "":
		return parsePhone(phone)
	}
	return parseEmail(email)
}

// checkPassword is the one place that knows the rule for new passwords, which is a setting: the
// vendor's pages disagree, and the samples of the SDK's documents ("password", "test_new_password")
// keep to none of them but the length.
func (e *Emulator) checkPassword(password string) error {
	n := utf8.RuneCountInString(password)
	if n < 8 || n > 64 {
		return failText("invalid_argument", textShortPassword)
	}
	if e.settings.get().PasswordStrength == strengthStrict && !mixed(password) {
		return failText("invalid_argument", textWeakPassword)
	}
	return nil
}

// mixed says whether a password has upper and lower case, a digit and a special character.
func mixed(password string) bool {
	var upper, lower, digit, special bool
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			upper = true
		case unicode.IsLower(r):
			lower = true
		case unicode.IsDigit(r):
			digit = true
		case unicode.IsPunct(r), unicode.IsSymbol(r):
			special = true
		}
	}
	return upper && lower && digit && special
}

// checkUsername is the rule for new usernames: 2 to 48 letters, digits, "_", "." or "-". The
// vendor's pages disagree here too.
func checkUsername(username string) error {
	if !seed.IsUsername(username) {
		return failText("invalid_argument", textBadUsername)
	}
	return nil
}

// profile is what people may say about themselves when they sign up.
type profile struct {
	Username string `json:"username"`
	Name     string `json:"name"`
	Gender   string `json:"gender"`
	Picture  string `json:"picture"`
	Locale   string `json:"locale"`
}

func (p profile) check() error {
	if p.Username != "" {
		if err := checkUsername(p.Username); err != nil {
			return err
		}
	}
	if !slices.Contains([]string{"", "MALE", "FEMALE", "UNKNOWN"}, p.Gender) ||
		utf8.RuneCountInString(p.Name) > 64 || len(p.Picture) > 2048 || len(p.Locale) > 64 {
		return failText("invalid_argument", textBadProfile)
	}
	return nil
}

const userColumns = `env, sub, username, email, phone_number, name, picture, gender, birthdate, locale, zoneinfo, status,
	password_hash, password_updated_at, anonymous, device_hash, created_from, created_at, updated_at, description, group_ids,
	password_initial`

func scanUser(scan func(...any) error) (*user, error) {
	var u user
	err := scan(&u.env, &u.sub, &u.username, &u.email, &u.phone, &u.name, &u.picture, &u.gender, &u.birthdate, &u.locale,
		&u.zoneinfo, &u.status, &u.passwordHash, &u.passwordUpdatedAt, &u.anonymous, &u.deviceHash, &u.createdFrom,
		&u.createdAt, &u.updatedAt, &u.description, &u.groupIDs, &u.passwordInitial)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("emulator: read user: %w", err)
	}
	return &u, nil
}

// userBy finds the user of an environment by one column, or nil. An empty value belongs to nobody;
// saying so also lets SQLite use the partial indexes.
func userBy(ctx context.Context, q querier, env, column, value string) (*user, error) {
	return scanUser(q.QueryRowContext(ctx,
		"SELECT "+userColumns+" FROM users WHERE env = ? AND "+column+" = ? AND "+column+" <> ''", env, value).Scan)
}

// userWith finds the user that has the identifier, or nil.
func userWith(ctx context.Context, q querier, env string, id identifier) (*user, error) {
	return userBy(ctx, q, env, string(id.kind), id.value)
}

// saveUser inserts or overwrites the user.
func saveUser(ctx context.Context, q querier, u *user) error {
	_, err := run(ctx, q, `INSERT INTO users (`+userColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (env, sub) DO UPDATE SET username = excluded.username, email = excluded.email,
			phone_number = excluded.phone_number, name = excluded.name, picture = excluded.picture, gender = excluded.gender,
			birthdate = excluded.birthdate, locale = excluded.locale, zoneinfo = excluded.zoneinfo, status = excluded.status,
			password_hash = excluded.password_hash, password_updated_at = excluded.password_updated_at,
			anonymous = excluded.anonymous, device_hash = excluded.device_hash, updated_at = excluded.updated_at,
			description = excluded.description, group_ids = excluded.group_ids, password_initial = excluded.password_initial`,
		u.env, u.sub, u.username, u.email, u.phone, u.name, u.picture, u.gender, u.birthdate, u.locale, u.zoneinfo, u.status,
		u.passwordHash, u.passwordUpdatedAt, u.anonymous, u.deviceHash, u.createdFrom, u.createdAt, u.updatedAt, u.description,
		u.groupIDs, u.passwordInitial)
	return err
}

// mayEnter refuses users that are not active.
func (u *user) mayEnter() error {
	switch u.status {
	case statusPending:
		return fail("user_pending")
	case statusBlocked:
		return fail("user_blocked")
	}
	return nil
}

// newSub makes a number of 19 digits like TCB's: milliseconds, then random bits.
func (e *Emulator) newSub() string {
	const epoch = 1288834974657 // the samples' numbers decode to plausible dates with this one
	n := (e.now().UnixMilli()-epoch)<<22 | int64(e.intn(1<<22))
	const least = 1_000_000_000_000_000_000
	if n < least { // a clock before 2018
		n = least + n&(1<<62-1)
	}
	return strconv.FormatInt(n, 10)
}

// The user that every environment starts with, unless others are given. Its e-mail address is verified; it has no phone.
const (
	demoUsername = "demo"
	demoPassword = "Demo-pass-1"
	demoName     = "Demo"
	demoEmail    = "demo@example.com"
)

// seed makes the users that the emulator starts with, as far as they are missing, after deleting
// everything else when that is wanted.
func (e *Emulator) seed(ctx context.Context, wipe bool) error {
	given := e.users
	if given == nil {
		if missing, err := e.demoMissing(ctx); err != nil || !missing && !wipe {
			return err
		}
		given = []seed.User{{Password: demoPassword}} // one hash for all: the password is public, and argon2 is slow by design
	}
	hashed, err := e.hashPasswords(ctx, given)
	if err != nil {
		return err
	}
	return e.store.write(ctx, func(tx *sql.Tx) error {
		if wipe {
			if err := e.store.wipe(ctx, tx); err != nil {
				return err
			}
		}
		if e.users != nil {
			err := e.makeMissing(ctx, tx, hashed)
			return err
		}
		for _, env := range e.environments {
			if err := e.seedEnvironment(ctx, tx, env, hashed[0].PasswordHash); err != nil {
				return err
			}
		}
		return nil
	})
}

// demoMissing says whether an environment lacks the demo user.
func (e *Emulator) demoMissing(ctx context.Context) (bool, error) {
	for _, env := range e.environments {
		if u, err := userBy(ctx, e.store.db, env.ID, "username", demoUsername); err != nil || u == nil {
			return true, err
		}
	}
	return false, nil
}

func (e *Emulator) seedEnvironment(ctx context.Context, tx *sql.Tx, env *Environment, hash string) error {
	if u, err := userBy(ctx, tx, env.ID, "username", demoUsername); err != nil || u != nil {
		return err
	}
	email := demoEmail
	if taken, err := userBy(ctx, tx, env.ID, "email", demoEmail); err != nil {
		return err
	} else if taken != nil {
		email = ""
	}
	now := e.now().UnixMilli()
	return saveUser(ctx, tx, &user{
		env: env.ID, sub: e.newSub(), username: demoUsername, name: demoName, email: email, status: statusActive,
		passwordHash: hash, passwordUpdatedAt: now, passwordInitial: true, createdFrom: env.Clients[0].ID, createdAt: now, updatedAt: now,
	})
}

type group struct {
	ID string `json:"id"`
}

// boundProvider is one third-party identity in a profile.
type boundProvider struct {
	ID             string       `json:"id"`
	ProviderUserID string       `json:"provider_user_id"`
	Name           string       `json:"name"`
	Picture        string       `json:"picture,omitempty"`
	Meta           providerMeta `json:"meta"`
}

// userProfile is the answer of user/me, and of the calls that change or delete the user.
type userProfile struct {
	Sub               string          `json:"sub"`
	UserID            string          `json:"user_id"`
	Name              string          `json:"name"`
	Username          string          `json:"username"`
	Picture           string          `json:"picture"`
	Email             string          `json:"email"`
	EmailVerified     bool            `json:"email_verified"`
	PhoneNumber       string          `json:"phone_number"`
	Gender            string          `json:"gender"`
	Birthdate         string          `json:"birthdate"`
	Locale            string          `json:"locale"`
	Zoneinfo          string          `json:"zoneinfo"`
	Description       string          `json:"description,omitempty"`
	Groups            []group         `json:"groups"`
	Providers         []boundProvider `json:"providers"`
	Meta              struct{}        `json:"meta"`
	Status            string          `json:"status"`
	HasPassword       bool            `json:"has_password"`
	Password          string          `json:"password"` // "SET" or ""; never the password
	LoginType         string          `json:"loginType,omitempty"`
	Type              string          `json:"type"`
	InternalUserType  string          `json:"internal_user_type"`
	CreatedFrom       string          `json:"created_from"`
	CreatedAt         string          `json:"created_at"`
	UpdatedAt         string          `json:"updated_at"`
	PasswordUpdatedAt string          `json:"password_updated_at,omitempty"`
}

// userMe: GET /v1/user/me.
func (e *Emulator) userMe(ctx context.Context, c *call) (any, error) {
	return e.profileOf(ctx, e.store.db, c, c.user)
}

// profileOf is the caller's profile.
func (e *Emulator) profileOf(ctx context.Context, q querier, c *call, u *user) (*userProfile, error) {
	answer := userProfile{
		Sub: u.sub, UserID: u.sub, Name: u.name, Username: u.username, Picture: u.picture, Email: u.email,
		EmailVerified: u.email != "", PhoneNumber: u.phone, Gender: u.gender, Birthdate: u.birthdate, Locale: u.locale,
		Zoneinfo: u.zoneinfo, Description: u.description, Groups: []group{}, Providers: []boundProvider{}, Status: u.status,
		HasPassword: u.passwordHash != "", LoginType: c.session.loginType, Type: "external", InternalUserType: "generalUser",
		CreatedFrom: u.createdFrom, CreatedAt: rfc3339(u.createdAt), UpdatedAt: rfc3339(u.updatedAt),
	}
	for _, id := range u.groups() {
		answer.Groups = append(answer.Groups, group{id})
	}
	if answer.HasPassword {
		answer.Password = "SET"
		answer.PasswordUpdatedAt = rfc3339(u.passwordUpdatedAt)
	}
	if u.anonymous {
		answer.Name = "anonymous" // by which the SDK tells an anonymous user
	}
	bound, err := identitiesOf(ctx, q, u)
	if err != nil {
		return nil, err
	}
	for _, id := range bound {
		answer.Providers = append(answer.Providers, boundProvider{
			ID: id.ProviderID, ProviderUserID: id.Sub, Name: id.Name, Picture: id.Picture, Meta: id.Meta,
		})
	}
	return &answer, nil
}

// groups are the groups a user is in: those that the controls gave, else the default one.
func (u *user) groups() []string {
	switch {
	case u.groupIDs != "":
		return strings.Fields(u.groupIDs)
	case u.anonymous:
		return nil
	}
	return []string{"user"}
}

func (u *user) scope() string {
	if u.anonymous {
		return "anonymous"
	}
	return "user"
}

func rfc3339(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// checkIfUserExist: GET /v1/checkIfUserExist?username=.
func (e *Emulator) checkIfUserExist(ctx context.Context, c *call) (any, error) {
	id, err := parseIdentifier(c.request.URL.Query().Get("username"))
	if err != nil {
		return nil, err
	}
	u, err := userWith(ctx, e.store.db, c.env(), id)
	if err != nil {
		return nil, err
	}
	return struct {
		Exist bool `json:"exist"`
	}{u != nil}, nil
}
