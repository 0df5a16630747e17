package emulator

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// The console: the controls as pages, for a person. They need no script; what they change goes
// through the same functions as what programs send.

const consoleBase = controlBase + "/ui"

var consolePages = sync.OnceValue(func() *template.Template {
	functions := template.FuncMap{"join": strings.Join, "path": url.PathEscape}
	return template.Must(template.New("").Funcs(functions).ParseFS(web, "web/console/*.html"))
})

func (e *Emulator) consoleTable() map[string]controlRoute {
	return map[string]controlRoute{
		"GET /__emulator/{$}":                          e.getOutboxPage,
		"GET /__emulator/ui/console.css":               e.getAsset("console.css", "text/css; charset=utf-8"),
		"GET /__emulator/ui/console.js":                e.getAsset("console.js", "text/javascript; charset=utf-8"),
		"GET /__emulator/ui/sign-in":                   e.getConsoleSignIn,
		"POST /__emulator/ui/sign-in":                  e.postConsoleSignIn,
		"POST /__emulator/ui/sign-out":                 e.postConsoleSignOut,
		"GET /__emulator/ui/users":                     e.getUsersPage,
		"GET /__emulator/ui/new-user":                  e.getNewUserPage,
		"POST /__emulator/ui/new-user":                 e.postNewUser,
		"GET /__emulator/ui/users/{env}/{sub}":         e.getUserPage,
		"POST /__emulator/ui/users/{env}/{sub}":        e.postUserPage,
		"POST /__emulator/ui/users/{env}/{sub}/delete": e.postDeleteUser,
		"POST /__emulator/ui/import":                   e.postImportForm,
		"GET /__emulator/ui/export":                    e.getExport,
		"GET /__emulator/ui/settings":                  e.getSettingsPage,
		"POST /__emulator/ui/settings/{section}":       e.postSettingsSection,
		"POST /__emulator/ui/clients":                  e.postClientForm,
		"POST /__emulator/ui/clients/{client}/delete":  e.postDeleteClient,
		"POST /__emulator/ui/reset":                    e.postResetForm,
	}
}

// consolePage is what every page of the console shows.
type consolePage struct {
	Title        string
	Here         string // the page in the menu
	Environments []*Environment
	HasToken     bool
	Proof        template.URL // the query of addresses that forms post to
	Done         string       // what has just been done
	Error        string       // what is wrong with what was sent
	Data         any
}

// doneWords are what pages say after a form, by the parameter done of their address.
var doneWords = map[string]string{
	"saved": "Saved.", "created": "Created.", "deleted": "Deleted.", "reset": "Everything is as it was at the start.",
}

// sendConsole renders a page, whole or not at all.
func (e *Emulator) sendConsole(w http.ResponseWriter, r *http.Request, status int, name string, page consolePage) error {
	page.Environments, page.HasToken = e.environments, e.guard.HasToken()
	if page.Here != "" { // anybody may see the form for the token
		page.Proof = template.URL(e.guard.Proof())
	}
	page.Done = cmp.Or(page.Done, doneWords[r.URL.Query().Get("done")])
	if page.Error != "" {
		page.Done = ""
	}
	var out bytes.Buffer
	if err := consolePages().ExecuteTemplate(&out, name, page); err != nil {
		return fmt.Errorf("emulator: render %s: %w", name, err)
	}
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "+
		"img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "same-origin") // with no-referrer our own forms come with "Origin: null"
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
	return nil
}

// refusedWith is a refusal's status and sentence for people; false for a failure of ours.
func refusedWith(err error) (status int, sentence string, ok bool) {
	var refusal *apiError
	if !errors.As(err, &refusal) {
		return 0, "", false
	}
	status = cmp.Or(refusal.status, errorKinds[refusal.code].status)
	if status == http.StatusBadRequest || status == http.StatusConflict {
		status = http.StatusUnprocessableEntity // the form is shown again
	}
	return status, refusal.describe(false), true
}

// sendConsoleError says what is wrong on a page of its own, where there is no form to show again.
func (e *Emulator) sendConsoleError(w http.ResponseWriter, r *http.Request, err error) {
	if status, sentence, ok := refusedWith(err); ok {
		if e.sendConsole(w, r, status, "error", consolePage{Title: "Not done", Error: sentence}) == nil {
			return
		}
	}
	e.sendError(w, r, err)
}

// done leads from a form to a page, which says what has been done.
func done(w http.ResponseWriter, path, what string) error {
	path, fragment, _ := strings.Cut(path, "#")
	mark := "?"
	if strings.Contains(path, "?") {
		mark = "&"
	}
	if path += mark + "done=" + what; fragment != "" {
		path += "#" + fragment
	}
	return redirectTo(w, path)
}

// outboxData is what the outbox page shows.
type outboxData struct {
	Messages []message
	Username string // of the demo user, where there is one
	Password string
	Settings settings
	Scans    []scan
	Keys     []publishedKey
}

// publishedKey is an environment's publishable key.
type publishedKey struct{ Env, Key string }

// getOutboxPage: GET /__emulator/.
func (e *Emulator) getOutboxPage(w http.ResponseWriter, r *http.Request) error {
	messages, err := e.outbox(r.Context(), r.URL.Query().Get("to"))
	if err != nil {
		return err
	}
	scans, err := e.openScans(r)
	if err != nil {
		return err
	}
	data := outboxData{Messages: messages, Settings: e.settings.get(), Scans: scans}
	for _, env := range e.environments {
		key, err := e.publishableKey(env)
		if err != nil {
			return err
		}
		data.Keys = append(data.Keys, publishedKey{env.ID, key})
	}
	if e.users == nil {
		data.Username, data.Password = demoUsername, demoPassword
	}
	return e.sendConsole(w, r, http.StatusOK, "outbox", consolePage{Title: "Outbox", Here: "outbox", Data: data})
}

// signInData is the form for the control token.
type signInData struct{ Next string }

// sendSignIn asks for the token in place of a page.
func (e *Emulator) sendSignIn(w http.ResponseWriter, r *http.Request, status int, complaint string) {
	next := controlBase + "/"
	if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, consoleBase+"/") && r.URL.Path != consoleBase+"/sign-in" {
		next = r.URL.RequestURI()
	}
	page := consolePage{Title: "Control token", Error: complaint, Data: signInData{next}}
	if err := e.sendConsole(w, r, status, "sign-in", page); err != nil {
		e.sendError(w, r, err)
	}
}

func (e *Emulator) getConsoleSignIn(w http.ResponseWriter, r *http.Request) error {
	e.sendSignIn(w, r, http.StatusOK, "")
	return nil
}

// postConsoleSignIn takes the token, and leads to a page of ours and nowhere else.
func (e *Emulator) postConsoleSignIn(w http.ResponseWriter, r *http.Request) error {
	if !e.guard.SignIn(w, r.PostFormValue("token")) {
		e.sendSignIn(w, r, http.StatusUnprocessableEntity, "This is not the token of this emulator. It stands in the line that the emulator printed when it was ready.")
		return nil
	}
	next := r.PostFormValue("next")
	if !strings.HasPrefix(next, consoleBase+"/") || strings.ContainsAny(next, "\\\r\n") {
		next = controlBase + "/"
	}
	return redirectTo(w, next)
}

func (e *Emulator) postConsoleSignOut(w http.ResponseWriter, _ *http.Request) error {
	e.guard.SignOut(w)
	return redirectTo(w, consoleBase+"/sign-in")
}

func (e *Emulator) postResetForm(w http.ResponseWriter, r *http.Request) error {
	if err := e.reset(r.Context()); err != nil {
		return err
	}
	return done(w, consoleBase+"/settings", "reset")
}
