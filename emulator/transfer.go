package emulator

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"tcb-login/emulator/seed"
)

// Users in and out, in the form of a seed file.

// seedOf is a user as a file has them, with the hash of the password.
func (e *Emulator) seedOf(ctx context.Context, q querier, u *user) (seed.User, error) {
	bound, err := identitiesOf(ctx, q, u)
	if err != nil {
		return seed.User{}, err
	}
	out := seed.User{
		Env: u.env, Sub: u.sub, Username: u.username, Email: u.email, PhoneNumber: u.phone, Name: u.name, Picture: u.picture,
		Gender: u.gender, Birthdate: u.birthdate, Locale: u.locale, Zoneinfo: u.zoneinfo, Description: u.description,
		Status: u.status, Groups: strings.Fields(u.groupIDs), Providers: seedProviders(bound), CreatedAt: time.UnixMilli(u.createdAt).UTC(),
	}
	if u.passwordHash != "" {
		initial := u.passwordInitial
		out.PasswordHash, out.PasswordInitial = u.passwordHash, &initial
		out.PasswordUpdatedAt = time.UnixMilli(u.passwordUpdatedAt).UTC()
	}
	return out, nil
}

func seedProviders(bound []providerProfile) (out []seed.Provider) {
	for _, p := range bound {
		out = append(out, seed.Provider{
			ID: p.ProviderID, ProviderUserID: p.Sub, Name: p.Name, Picture: p.Picture, Email: p.Email, PhoneNumber: p.PhoneNumber,
			Meta: seed.Meta(p.Meta),
		})
	}
	return out
}

// applySeed makes a user what a file says, whose password is hashed already. What belongs to another
// user of the environment is refused.
func (e *Emulator) applySeed(ctx context.Context, tx *sql.Tx, u *user, s seed.User) error {
	now := e.now().UnixMilli()
	for _, name := range []struct{ column, value string }{{"username", s.Username}, {"email", s.Email}, {"phone_number", s.PhoneNumber}} {
		other, err := userBy(ctx, tx, u.env, name.column, name.value)
		if err != nil {
			return err
		}
		if other != nil && other.sub != u.sub {
			return alreadyThere(name.column)
		}
	}
	u.username, u.email, u.phone = s.Username, s.Email, s.PhoneNumber
	u.name, u.picture, u.gender, u.birthdate = s.Name, s.Picture, s.Gender, s.Birthdate
	u.locale, u.zoneinfo, u.description, u.groupIDs = s.Locale, s.Zoneinfo, s.Description, strings.Join(s.Groups, " ")
	u.status, u.createdAt, u.updatedAt = s.Status, millis(s.CreatedAt, u.createdAt), now
	if u.status == "" {
		u.status = statusActive
	}
	u.passwordHash, u.passwordInitial, u.passwordUpdatedAt = s.PasswordHash, false, 0
	if s.PasswordHash != "" {
		u.passwordInitial = s.PasswordInitial == nil || *s.PasswordInitial
		u.passwordUpdatedAt = millis(s.PasswordUpdatedAt, now)
	}
	if err := saveUser(ctx, tx, u); err != nil {
		return err
	}
	return e.bindAll(ctx, tx, u, s.Providers)
}

// bindAll gives the user these accounts at providers, and no other.
func (e *Emulator) bindAll(ctx context.Context, tx *sql.Tx, u *user, accounts []seed.Provider) error {
	if bound, err := identitiesOf(ctx, tx, u); err != nil || slices.Equal(seedProviders(bound), accounts) {
		return err
	}
	if _, err := run(ctx, tx, "DELETE FROM identities WHERE env = ? AND sub = ?", u.env, u.sub); err != nil {
		return err
	}
	for _, one := range accounts {
		owner, err := identityOwner(ctx, tx, u.env, one.ID, one.ProviderUserID)
		if err != nil {
			return err
		}
		if owner != nil {
			return alreadyThere("account at " + one.ID)
		}
		profile := providerProfile{
			ProviderID: one.ID, Sub: one.ProviderUserID, Name: one.Name, Picture: one.Picture, Email: one.Email,
			PhoneNumber: one.PhoneNumber, Meta: providerMeta(one.Meta),
		}
		if err := e.bind(ctx, tx, u, &profile); err != nil {
			return err
		}
	}
	return nil
}

func alreadyThere(what string) *apiError {
	return failText("already_exists", text{"已属于其他用户：" + what, "Another user has this " + what})
}

// hashPasswords returns the users with hashes in place of passwords, as many at a time as there are
// processors.
func (e *Emulator) hashPasswords(ctx context.Context, users []seed.User) ([]seed.User, error) {
	users = slices.Clone(users)
	failures := make([]error, len(users))
	var all sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range users {
		if users[i].Password == "" {
			continue
		}
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			users[i].PasswordHash, failures[i] = e.passwords.hash(ctx, users[i].Password)
			users[i].Password = ""
		})
	}
	all.Wait()
	return users, errors.Join(failures...)
}

// imported counts what an import came to.
type imported struct {
	Created int `json:"created"`
	Changed int `json:"changed"`
}

// importUsers takes all users in, or none. Whose sub, name, address or account at a provider somebody
// has is that person, who becomes what the file says, sub and all.
func (e *Emulator) importUsers(ctx context.Context, tx *sql.Tx, env string, users []seed.User) (done imported, err error) {
	places, known, err := e.everyMeant(ctx, tx, env, users)
	if err != nil {
		return done, err
	}
	for i, u := range known { // before anybody takes anything: a name may go from one to another
		if u == nil {
			continue
		}
		if err := giveUp(ctx, tx, u, users[i]); err != nil {
			return done, err
		}
	}
	for i, given := range users {
		u := known[i]
		if u == nil {
			done.Created++
		} else {
			done.Changed++
		}
		if u == nil || given.Sub != "" && given.Sub != u.sub {
			u = e.newUser(places[i], given)
		}
		if err := e.applySeed(ctx, tx, u, given); err != nil {
			return done, atUser(i, err)
		}
	}
	return done, nil
}

// everyMeant finds for each user of a file its environment and who it is already, or nil. Nobody is two
// of them: a sub says more than a name, and who has been found is not looked for again.
func (e *Emulator) everyMeant(ctx context.Context, tx *sql.Tx, env string, users []seed.User) ([]*Environment, []*user, error) {
	type id struct{ env, sub string }
	places, known, taken := make([]*Environment, len(users)), make([]*user, len(users)), map[id]bool{}
	for i, given := range users {
		in, err := e.placeOf(given, env)
		if err != nil {
			return nil, nil, atUser(i, err)
		}
		places[i] = in
		if given.Sub == "" {
			continue
		}
		if taken[id{in.ID, given.Sub}] {
			return nil, nil, atUser(i, alreadyThere("sub"))
		}
		taken[id{in.ID, given.Sub}] = true
		if known[i], err = userBy(ctx, tx, in.ID, "sub", given.Sub); err != nil {
			return nil, nil, err
		}
	}
	for i, given := range users {
		if known[i] != nil {
			continue
		}
		u, err := e.meant(ctx, tx, places[i].ID, given, func(u *user) bool { return !taken[id{u.env, u.sub}] })
		if err != nil {
			return nil, nil, err
		}
		if known[i] = u; u != nil {
			taken[id{u.env, u.sub}] = true
		}
	}
	return places, known, nil
}

// giveUp has somebody let go of what they are found by, as far as a file says otherwise; of everything,
// logins too, where they are to have another sub.
func giveUp(ctx context.Context, tx *sql.Tx, u *user, given seed.User) error {
	if given.Sub != "" && given.Sub != u.sub { // what was theirs, as logins, was another's
		return deleteUser(ctx, tx, u)
	}
	if _, err := run(ctx, tx, "UPDATE users SET username = '', email = '', phone_number = '' WHERE env = ? AND sub = ?", u.env, u.sub); err != nil {
		return err
	}
	bound, err := identitiesOf(ctx, tx, u)
	if err != nil || slices.Equal(seedProviders(bound), given.Providers) {
		return err
	}
	_, err = run(ctx, tx, "DELETE FROM identities WHERE env = ? AND sub = ?", u.env, u.sub)
	return err
}

// makeMissing makes those users of a list that are not there; the others stay as they are.
func (e *Emulator) makeMissing(ctx context.Context, tx *sql.Tx, users []seed.User) error {
	for i, given := range users {
		in, err := e.placeOf(given, "")
		if err != nil {
			return atUser(i, err)
		}
		u, err := e.meant(ctx, tx, in.ID, given, func(*user) bool { return true })
		if err != nil {
			return err
		}
		if u != nil {
			continue
		}
		if err := e.applySeed(ctx, tx, e.newUser(in, given), given); err != nil {
			return atUser(i, err)
		}
	}
	return nil
}

// atUser says which user of a file a refusal is about.
func atUser(i int, err error) error {
	var refusal *apiError
	if !errors.As(err, &refusal) {
		return err
	}
	at := *refusal
	where := fmt.Sprintf("users[%d]: ", i)
	at.text = text{where + refusal.describe(true), where + refusal.describe(false)}
	return &at
}

// meant is the user of an environment that a file's user is already, of those who may be, or nil.
func (e *Emulator) meant(ctx context.Context, tx *sql.Tx, env string, given seed.User, may func(*user) bool) (*user, error) {
	for _, by := range []struct{ column, value string }{
		{"sub", given.Sub}, {"username", given.Username}, {"email", given.Email}, {"phone_number", given.PhoneNumber},
	} {
		if u, err := userBy(ctx, tx, env, by.column, by.value); err != nil || u != nil && may(u) {
			return u, err
		}
	}
	for _, one := range given.Providers {
		if u, err := identityOwner(ctx, tx, env, one.ID, one.ProviderUserID); err != nil || u != nil && may(u) {
			return u, err
		}
	}
	return nil, nil
}

// postImport: POST /__emulator/import?env= takes a seed file.
func (e *Emulator) postImport(w http.ResponseWriter, r *http.Request) error {
	body, err := bodyOf(r)
	if err != nil {
		return err
	}
	done, err := e.importFile(r.Context(), r.URL.Query().Get("env"), body)
	if err != nil {
		return err
	}
	sendJSON(w, http.StatusOK, done)
	return nil
}

func (e *Emulator) importFile(ctx context.Context, env string, body []byte) (done imported, err error) {
	users, problems := seed.Parse("import", body)
	if err := refuseProblems(problems); err != nil {
		return done, err
	}
	if users, err = e.hashPasswords(ctx, users); err != nil {
		return done, err
	}
	err = e.store.write(ctx, func(tx *sql.Tx) error {
		done, err = e.importUsers(ctx, tx, env, users)
		return err
	})
	return done, err
}

// getExport: GET /__emulator/export?env= is a seed file of an environment's users, or of all. Who is
// signed in without an account is not in it: nobody could become them again.
func (e *Emulator) getExport(w http.ResponseWriter, r *http.Request) error {
	env := r.URL.Query().Get("env")
	if env != "" && e.environment(env) == nil {
		return failText("not_found", textNoEnv)
	}
	file, err := e.exportUsers(r.Context(), env)
	if err != nil {
		return err
	}
	name := "users.json"
	if env != "" {
		name = "users-" + env + ".json"
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	sendPage(w, "application/json; charset=utf-8", file)
	return nil
}

func (e *Emulator) exportUsers(ctx context.Context, env string) ([]byte, error) {
	found, err := readUsers(ctx, e.store.db, "SELECT "+userColumns+` FROM users
		WHERE anonymous = 0 AND (?1 = '' OR env = ?1) ORDER BY created_at, rowid`, env)
	if err != nil {
		return nil, err
	}
	users := make([]seed.User, 0, len(found))
	for _, u := range found {
		one, err := e.seedOf(ctx, e.store.db, u)
		if err != nil {
			return nil, err
		}
		if env != "" || len(e.environments) == 1 {
			one.Env = "" // so that another environment can take them
		}
		users = append(users, one)
	}
	return seed.Encode(users)
}
