package emulator

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tcb-login/config/input"
	"tcb-login/emulator/seed"
)

// Users by the controls: as an administrator has them in TCB's console, and with nothing to prove.

// controlUser is what the controls tell about a user.
type controlUser struct {
	Env         string          `json:"env"`
	Sub         string          `json:"sub"`
	Username    string          `json:"username"`
	Name        string          `json:"name"`
	Email       string          `json:"email"`
	PhoneNumber string          `json:"phone_number"`
	Picture     string          `json:"picture"`
	Gender      string          `json:"gender"`
	Birthdate   string          `json:"birthdate"`
	Locale      string          `json:"locale"`
	Zoneinfo    string          `json:"zoneinfo"`
	Description string          `json:"description"`
	Status      string          `json:"status"`
	Groups      []string        `json:"groups"`
	Providers   []seed.Provider `json:"providers"`
	Anonymous   bool            `json:"anonymous"`
	HasPassword bool            `json:"has_password"`
	CreatedAt   string          `json:"created_at"`
	UpdatedAt   string          `json:"updated_at"`
}

func (e *Emulator) forControls(ctx context.Context, q querier, u *user) (controlUser, error) {
	bound, err := identitiesOf(ctx, q, u)
	return controlUser{
		Env: u.env, Sub: u.sub, Username: u.username, Name: u.name, Email: u.email, PhoneNumber: u.phone, Picture: u.picture,
		Gender: u.gender, Birthdate: u.birthdate, Locale: u.locale, Zoneinfo: u.zoneinfo, Description: u.description,
		Status: u.status, Groups: append([]string{}, u.groups()...), Providers: append([]seed.Provider{}, seedProviders(bound)...),
		Anonymous: u.anonymous, HasPassword: u.passwordHash != "", CreatedAt: rfc3339(u.createdAt), UpdatedAt: rfc3339(u.updatedAt),
	}, err
}

// userQuery says which users to list.
type userQuery struct {
	env, sub string
	name     string // one of the three names of a user, whole
	part     string // of a name, the sub or what the person is called
	limit    int
	offset   int
}

// usersAtMost is how many users a list has, unless it wants fewer.
const usersAtMost = 1000

// readUserQuery takes the parameters env, sub, username, q, limit and offset.
func readUserQuery(r *http.Request) (userQuery, error) {
	query := r.URL.Query()
	asked := userQuery{
		env: query.Get("env"), sub: query.Get("sub"), name: strings.TrimSpace(query.Get("username")),
		part: strings.TrimSpace(query.Get("q")), limit: usersAtMost,
	}
	for name, into := range map[string]*int{"limit": &asked.limit, "offset": &asked.offset} {
		if given := query.Get(name); given != "" {
			n, err := strconv.ParseInt(given, 10, 32)
			if err != nil || n < 0 {
				return asked, badControl(name)
			}
			*into = int(n)
		}
	}
	asked.limit = min(asked.limit, usersAtMost)
	return asked, nil
}

// listUsers returns users, oldest first, and how many there are on all pages.
func (e *Emulator) listUsers(ctx context.Context, asked userQuery) (users []controlUser, total int, err error) {
	number := digits(asked.part)
	if number == "" {
		number = "-" // which no number has
	}
	where := ` FROM users WHERE (?1 = '' OR env = ?1) AND (?2 = '' OR sub = ?2)
		AND (?3 = '' OR username = ?3 OR email = ?4 OR (phone_number <> '' AND replace(substr(phone_number, 2), ' ', '') = ?5))
		AND (?6 = '' OR instr(lower(username || char(10) || email || char(10) || name || char(10) || sub), lower(?6)) > 0
			OR instr(replace(phone_number, ' ', ''), ?7) > 0)`
	args := []any{asked.env, asked.sub, asked.name, strings.ToLower(asked.name), digits(asked.name), asked.part, number}
	if err := e.store.db.QueryRowContext(ctx, "SELECT count(*)"+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("emulator: count users: %w", err)
	}
	found, err := readUsers(ctx, e.store.db, "SELECT "+userColumns+where+" ORDER BY created_at, rowid LIMIT ?8 OFFSET ?9",
		append(args, asked.limit, asked.offset)...)
	if err != nil {
		return nil, 0, err
	}
	users = []controlUser{}
	for _, u := range found {
		one, err := e.forControls(ctx, e.store.db, u)
		if err != nil {
			return nil, 0, err
		}
		users = append(users, one)
	}
	return users, total, nil
}

func readUsers(ctx context.Context, q querier, query string, args ...any) (users []*user, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("emulator: read users: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		u, err := scanUser(rows.Scan)
		if err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("emulator: read users: %w", err)
	}
	return users, nil
}

// getUsers: GET /__emulator/users.json?env=&sub=&username=&q=&limit=&offset=.
func (e *Emulator) getUsers(w http.ResponseWriter, r *http.Request) error {
	asked, err := readUserQuery(r)
	if err != nil {
		return err
	}
	users, total, err := e.listUsers(r.Context(), asked)
	if err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, struct {
		Users []controlUser `json:"users"`
		Total int           `json:"total"`
	}{users, total})
	return nil
}

// userOf finds a user by its sub, which an import can have brought to several environments.
func (e *Emulator) userOf(ctx context.Context, q querier, env, sub string) (*user, error) {
	found, err := readUsers(ctx, q, "SELECT "+userColumns+" FROM users WHERE sub = ?1 AND (?2 = '' OR env = ?2)", sub, env)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, failText("not_found", textNoSuchUser)
	case len(found) > 1:
		return nil, failText("invalid_argument", textWhichEnv)
	}
	return found[0], nil
}

// sendUser sends one user.
func (e *Emulator) sendUser(w http.ResponseWriter, r *http.Request, status int, u *user) error {
	answer, err := e.forControls(r.Context(), e.store.db, u)
	if err != nil {
		return err
	}
	sendJSON(w, status, answer)
	return nil
}

// getUser: GET /__emulator/users/{sub}?env=.
func (e *Emulator) getUser(w http.ResponseWriter, r *http.Request) error {
	u, err := e.userOf(r.Context(), e.store.db, r.URL.Query().Get("env"), r.PathValue("sub"))
	if err != nil {
		return err
	}
	return e.sendUser(w, r, http.StatusOK, u)
}

// postUser: POST /__emulator/users makes a user of a seed file.
func (e *Emulator) postUser(w http.ResponseWriter, r *http.Request) error {
	body, err := bodyOf(r)
	if err != nil {
		return err
	}
	u, err := e.makeUser(r.Context(), r.URL.Query().Get("env"), body)
	if err != nil {
		return err
	}
	return e.sendUser(w, r, http.StatusCreated, u)
}

func (e *Emulator) makeUser(ctx context.Context, env string, body []byte) (made *user, err error) {
	given, problems := seed.ParseUser(body)
	if err := refuseProblems(problems); err != nil {
		return nil, err
	}
	in, err := e.placeOf(given, env)
	if err != nil {
		return nil, err
	}
	hashed, err := e.hashPasswords(ctx, []seed.User{given})
	if err != nil {
		return nil, err
	}
	err = e.store.write(ctx, func(tx *sql.Tx) error {
		if given.Sub != "" {
			if taken, err := userBy(ctx, tx, in.ID, "sub", given.Sub); err != nil {
				return err
			} else if taken != nil {
				return alreadyThere("sub")
			}
		}
		made = e.newUser(in, given)
		return e.applySeed(ctx, tx, made, hashed[0])
	})
	return made, err
}

// newUser is one that has nothing yet but its id.
func (e *Emulator) newUser(env *Environment, given seed.User) *user {
	u := &user{env: env.ID, sub: given.Sub, createdFrom: env.Clients[0].ID, createdAt: e.now().UnixMilli()}
	if u.sub == "" {
		u.sub = e.newSub()
	}
	return u
}

// putUser: PUT /__emulator/users/{sub}?env= changes the fields of a seed file's user that it names.
func (e *Emulator) putUser(w http.ResponseWriter, r *http.Request) error {
	body, err := bodyOf(r)
	if err != nil {
		return err
	}
	u, err := e.changeUser(r.Context(), r.URL.Query().Get("env"), r.PathValue("sub"), body)
	if err != nil {
		return err
	}
	return e.sendUser(w, r, http.StatusOK, u)
}

func (e *Emulator) changeUser(ctx context.Context, env, sub string, body []byte) (changed *user, err error) {
	given, problems := seed.Merge(seed.User{}, body)
	if err := refuseProblems(problems); err != nil {
		return nil, err
	}
	hashed, err := e.hashPasswords(ctx, []seed.User{given}) // outside of the transaction: it is slow by design
	if err != nil {
		return nil, err
	}
	err = e.store.write(ctx, func(tx *sql.Tx) error {
		u, err := e.userOf(ctx, tx, env, sub)
		if err != nil {
			return err
		}
		before, err := e.seedOf(ctx, tx, u)
		if err != nil {
			return err
		}
		next, _ := seed.Merge(before, body)
		if next.Sub != before.Sub || next.Env != before.Env {
			return badControl("sub and env of a user stay")
		}
		if u.anonymous == next.HasName() {
			return badControl("a user has a username, email, phone_number or account at a provider, and an anonymous one none of them")
		}
		if hashed[0].PasswordHash != "" {
			next.Password, next.PasswordHash, next.PasswordUpdatedAt = "", hashed[0].PasswordHash, given.PasswordUpdatedAt
			next.PasswordInitial = given.PasswordInitial
		}
		changed = u
		return e.applySeed(ctx, tx, u, next)
	})
	return changed, err
}

// deleteUserControl: DELETE /__emulator/users/{sub}?env=.
func (e *Emulator) deleteUserControl(w http.ResponseWriter, r *http.Request) error {
	if err := e.removeUser(r.Context(), r.URL.Query().Get("env"), r.PathValue("sub")); err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, nothing{})
	return nil
}

func (e *Emulator) removeUser(ctx context.Context, env, sub string) error {
	return e.store.write(ctx, func(tx *sql.Tx) error {
		u, err := e.userOf(ctx, tx, env, sub)
		if err != nil {
			return err
		}
		return deleteUser(ctx, tx, u)
	})
}

// placeOf is the environment of a user of a file: its own, else the one that was asked for, else the
// first.
func (e *Emulator) placeOf(u seed.User, asked string) (*Environment, error) {
	id := u.Env
	if id == "" {
		id = asked
	}
	if id == "" {
		return e.environments[0], nil
	}
	if env := e.environment(id); env != nil {
		return env, nil
	}
	return nil, failText("invalid_argument", text{textNoEnv.zh + "：" + id, textNoEnv.en + ": " + id})
}

// problemDetail is where a seed file is wrong.
type problemDetail struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// refuseProblems tells all of them.
func refuseProblems(problems input.Problems) error {
	if len(problems) == 0 {
		return nil
	}
	refusal := failText("invalid_argument", text{})
	var lines []string
	for _, p := range problems {
		refusal.details = append(refusal.details, problemDetail{p.Line, p.Column, p.Message})
		line := p.Message
		if p.Line > 1 {
			line = fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Message)
		}
		lines = append(lines, line)
	}
	refusal.text = text{strings.Join(lines, "\n"), strings.Join(lines, "\n")}
	return refusal
}

func millis(t time.Time, otherwise int64) int64 {
	if t.IsZero() {
		return otherwise
	}
	return t.UnixMilli()
}
