package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"tcb-login/emulator/seed"
)

// usersOnPage is how many users a page of the console lists.
const usersOnPage = 50

// usersData is what the list of users shows.
type usersData struct {
	Users      []controlUser
	Total      int
	From, To   int
	Env, Query string
	Previous   string // addresses; empty where there is none
	Next       string
}

func (e *Emulator) getUsersPage(w http.ResponseWriter, r *http.Request) error {
	data, err := e.usersData(r)
	if err != nil {
		return err
	}
	return e.sendConsole(w, r, http.StatusOK, "users", consolePage{Title: "Users", Here: "users", Data: data})
}

func (e *Emulator) usersData(r *http.Request) (usersData, error) {
	asked, err := readUserQuery(r)
	if err != nil {
		return usersData{}, err
	}
	asked.limit = usersOnPage
	users, total, err := e.listUsers(r.Context(), asked)
	if err != nil {
		return usersData{}, err
	}
	data := usersData{
		Users: users, Total: total, From: asked.offset + 1, To: asked.offset + len(users), Env: asked.env, Query: asked.part,
	}
	page := func(offset int) string {
		return consoleBase + "/users?" + url.Values{"env": {asked.env}, "q": {asked.part}, "offset": {fmt.Sprint(offset)}}.Encode()
	}
	if asked.offset > 0 {
		data.Previous = page(max(0, asked.offset-usersOnPage))
	}
	if data.To < total {
		data.Next = page(data.To)
	}
	return data, nil
}

// userData is the form of a user.
type userData struct {
	New   bool
	User  controlUser
	Form  map[string]string // what the fields hold
	Texts []userField
	Env   string
}

// Genders are what the form offers.
func (userData) Genders() []string { return []string{"", "MALE", "FEMALE", "UNKNOWN"} }

// Statuses are what the form offers.
func (userData) Statuses() []string { return []string{statusActive, statusPending, statusBlocked} }

// userField is a line of the form.
type userField struct{ Name, Label, Hint, Type string }

var userFields = []userField{
	{"username", "Username", "", "text"},
	{"email", "Email address", "", "email"},
	{"phone_number", "Phone number", "+86 13800000000", "text"},
	{"name", "Name", "", "text"},
	{"picture", "Picture (address)", "", "text"},
	{"birthdate", "Birthdate", "1990-01-31", "text"},
	{"locale", "Locale", "zh-CN", "text"},
	{"zoneinfo", "Time zone", "Asia/Shanghai", "text"},
	{"description", "Description", "", "text"},
	{"groups", "Groups", "ids; none: the default group", "text"},
}

// formOf is what the fields hold for a user.
func formOf(u seed.User) map[string]string {
	form := map[string]string{
		"username": u.Username, "email": u.Email, "phone_number": u.PhoneNumber, "name": u.Name, "picture": u.Picture,
		"birthdate": u.Birthdate, "locale": u.Locale, "zoneinfo": u.Zoneinfo, "description": u.Description,
		"groups": strings.Join(u.Groups, " "), "gender": u.Gender, "status": u.Status,
	}
	for _, p := range u.Providers {
		form["providers"] += p.ID + " " + p.ProviderUserID + "\n"
	}
	return form
}

// typedForm is what was typed, but for the password.
func typedForm(r *http.Request) map[string]string {
	form := map[string]string{}
	for name := range r.PostForm {
		form[name] = r.PostForm.Get(name)
	}
	delete(form, "password")
	return form
}

// userBody is the form as the controls take it. Accounts at providers that the user has already keep
// what the provider said.
func userBody(r *http.Request, has []seed.Provider) ([]byte, error) {
	body := map[string]any{}
	for _, name := range []string{
		"username", "email", "phone_number", "name", "picture", "birthdate", "locale", "zoneinfo", "description", "gender", "status",
	} {
		body[name] = strings.TrimSpace(r.PostForm.Get(name))
	}
	body["groups"] = append([]string{}, strings.Fields(r.PostForm.Get("groups"))...)
	providers := []seed.Provider{}
	for line := range strings.Lines(r.PostForm.Get("providers")) {
		id, who, _ := strings.Cut(strings.TrimSpace(line), " ")
		if id == "" {
			continue
		}
		next := seed.Provider{ID: id, ProviderUserID: strings.TrimSpace(who)}
		for _, old := range has {
			if old.ID == next.ID && old.ProviderUserID == next.ProviderUserID {
				next = old
			}
		}
		providers = append(providers, next)
	}
	body["providers"] = providers
	switch {
	case r.PostForm.Get("no_password") != "":
		body["password"] = ""
	case r.PostForm.Get("password") != "":
		body["password"] = r.PostForm.Get("password")
	}
	return json.Marshal(body)
}

func (e *Emulator) getNewUserPage(w http.ResponseWriter, r *http.Request) error {
	data := userData{New: true, Form: map[string]string{"status": statusActive}, Texts: userFields, Env: r.URL.Query().Get("env")}
	return e.sendConsole(w, r, http.StatusOK, "user", consolePage{Title: "New user", Here: "users", Data: data})
}

func (e *Emulator) postNewUser(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return failText("invalid_argument", textBadForm)
	}
	body, err := userBody(r, nil)
	if err != nil {
		return fmt.Errorf("emulator: %w", err)
	}
	u, err := e.makeUser(r.Context(), r.PostForm.Get("env"), body)
	if status, sentence, refused := refusedWith(err); refused {
		data := userData{New: true, Form: typedForm(r), Texts: userFields, Env: r.PostForm.Get("env")}
		return e.sendConsole(w, r, status, "user", consolePage{Title: "New user", Here: "users", Error: sentence, Data: data})
	}
	if err != nil {
		return err
	}
	return done(w, userPath(u.env, u.sub), "created")
}

func userPath(env, sub string) string {
	return consoleBase + "/users/" + url.PathEscape(env) + "/" + url.PathEscape(sub)
}

func (e *Emulator) getUserPage(w http.ResponseWriter, r *http.Request) error {
	return e.sendUserPage(w, r, http.StatusOK, "", nil)
}

// sendUserPage shows a user, or what was typed about them and what is wrong with it.
func (e *Emulator) sendUserPage(w http.ResponseWriter, r *http.Request, status int, complaint string, typed map[string]string) error {
	ctx := r.Context()
	u, err := e.userOf(ctx, e.store.db, r.PathValue("env"), r.PathValue("sub"))
	if err != nil {
		return err
	}
	shown, err := e.forControls(ctx, e.store.db, u)
	if err != nil {
		return err
	}
	if typed == nil {
		now, err := e.seedOf(ctx, e.store.db, u)
		if err != nil {
			return err
		}
		typed = formOf(now)
	}
	return e.sendConsole(w, r, status, "user", consolePage{
		Title: "User", Here: "users", Error: complaint, Data: userData{User: shown, Form: typed, Texts: userFields, Env: u.env},
	})
}

func (e *Emulator) postUserPage(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return failText("invalid_argument", textBadForm)
	}
	ctx, env, sub := r.Context(), r.PathValue("env"), r.PathValue("sub")
	u, err := e.userOf(ctx, e.store.db, env, sub)
	if err != nil {
		return err
	}
	has, err := e.seedOf(ctx, e.store.db, u)
	if err != nil {
		return err
	}
	body, err := userBody(r, has.Providers)
	if err != nil {
		return fmt.Errorf("emulator: %w", err)
	}
	_, err = e.changeUser(ctx, env, sub, body)
	if status, sentence, refused := refusedWith(err); refused {
		return e.sendUserPage(w, r, status, sentence, typedForm(r))
	}
	if err != nil {
		return err
	}
	return done(w, userPath(env, sub), "saved")
}

func (e *Emulator) postDeleteUser(w http.ResponseWriter, r *http.Request) error {
	if err := e.removeUser(r.Context(), r.PathValue("env"), r.PathValue("sub")); err != nil {
		return err
	}
	return done(w, consoleBase+"/users", "deleted")
}

// postImportForm takes a file that somebody chose.
func (e *Emulator) postImportForm(w http.ResponseWriter, r *http.Request) error {
	file, _, err := r.FormFile("file")
	var body []byte
	if err == nil {
		body, err = io.ReadAll(file)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return e.sendImport(w, r, failText("invalid_argument", textNoFile), "")
	}
	did, err := e.importFile(r.Context(), r.PostFormValue("env"), body)
	return e.sendImport(w, r, err, fmt.Sprintf("Imported: %d created, %d changed.", did.Created, did.Changed))
}

// sendImport shows the list again, with how the import went.
func (e *Emulator) sendImport(w http.ResponseWriter, r *http.Request, failure error, did string) error {
	status, sentence, refused := refusedWith(failure)
	if failure != nil && !refused {
		return failure
	}
	if !refused {
		status = http.StatusOK
	}
	data, err := e.usersData(r)
	if err != nil {
		return err
	}
	return e.sendConsole(w, r, status, "users", consolePage{Title: "Users", Here: "users", Done: did, Error: sentence, Data: data})
}
