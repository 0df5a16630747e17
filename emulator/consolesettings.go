package emulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settingsData is what the page of the settings shows.
type settingsData struct {
	Settings  settings
	Now       string // the emulator's time
	Clients   []controlClient
	Providers []providerLine
	Codes     []string // that a fault can give
	Paths     []string // that a fault can be at
}

// providerLine is an identity provider's.
type providerLine struct {
	ID, Name string
	provider
}

func (e *Emulator) getSettingsPage(w http.ResponseWriter, r *http.Request) error {
	return e.sendSettings(w, r, http.StatusOK, "")
}

func (e *Emulator) sendSettings(w http.ResponseWriter, r *http.Request, status int, complaint string) error {
	data := settingsData{
		Settings: e.settings.get(), Now: e.now().UTC().Format(time.RFC3339), Clients: e.listClients(""), Codes: slices.Sorted(maps.Keys(errorKinds)),
	}
	for _, id := range slices.Sorted(maps.Keys(data.Settings.Providers)) {
		data.Providers = append(data.Providers, providerLine{id, providerName(id, false), data.Settings.Providers[id]})
	}
	for pattern := range e.routeTable() {
		_, path, _ := strings.Cut(pattern, " ")
		if !strings.Contains(path, "{") {
			data.Paths = append(data.Paths, path)
		}
	}
	slices.Sort(data.Paths)
	data.Paths = slices.Compact(data.Paths)
	return e.sendConsole(w, r, status, "settings", consolePage{Title: "Settings", Here: "settings", Error: complaint, Data: data})
}

// settingsForms are the forms of the page: each makes of its fields what PUT settings takes.
var settingsForms = map[string]func(form url.Values, now settings) (any, error){
	"methods":   methodsForm,
	"passwords": passwordsForm,
	"captcha": func(form url.Values, _ settings) (any, error) {
		return map[string]any{"captcha": form.Get("captcha")}, nil
	},
	"domains": func(form url.Values, _ settings) (any, error) {
		return map[string]any{"security_domains": append([]string{}, strings.Fields(form.Get("security_domains"))...)}, nil
	},
	"clock":     clockForm,
	"latency":   latencyForm,
	"fault":     faultForm,
	"unfault":   unfaultForm,
	"providers": providersForm,
}

// postSettingsSection takes one form of the page.
func (e *Emulator) postSettingsSection(w http.ResponseWriter, r *http.Request) error {
	section := r.PathValue("section")
	read, ok := settingsForms[section]
	if !ok {
		return failText("not_found", textNoRoute)
	}
	if err := r.ParseForm(); err != nil {
		return failText("invalid_argument", textBadForm)
	}
	if section == "unfault" {
		section = "fault"
	}
	change, err := read(r.PostForm, e.settings.get())
	if err == nil {
		var body []byte
		if body, err = json.Marshal(change); err == nil {
			_, err = e.changeSettings(body)
		}
	}
	if status, sentence, refused := refusedWith(err); refused {
		return e.sendSettings(w, r, status, sentence)
	}
	if err != nil {
		return err
	}
	return done(w, consoleBase+"/settings#"+section, "saved")
}

// formNumber is a field that holds one.
func formNumber(form url.Values, name string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(form.Get(name)), 10, 64)
	if err != nil {
		return 0, badControl(name)
	}
	return n, nil
}

func methodsForm(form url.Values, now settings) (any, error) {
	limit, err := formNumber(form, "SmsDayLimit")
	now.Login.SmsVerificationConfig.SmsDayLimit = int(limit)
	now.Login.PhoneNumberLogin, now.Login.EmailLogin = form.Has("PhoneNumberLogin"), form.Has("EmailLogin")
	now.Login.UserNameLogin, now.Login.AnonymousLogin = form.Has("UserNameLogin"), form.Has("AnonymousLogin")
	now.Login.MfaConfig.On, now.Login.MfaConfig.Sms = form.Has("MfaOn"), form.Has("MfaSms")
	now.Login.MfaConfig.Email, now.Login.MfaConfig.RequiredBindPhone = form.Has("MfaEmail"), form.Has("RequiredBindPhone")
	return map[string]any{"login": now.Login}, err
}

func passwordsForm(form url.Values, now settings) (any, error) {
	value, err := formNumber(form, "PeriodValue")
	now.Login.PwdUpdateStrategy = pwdUpdateStrategy{
		FirstLoginUpdate: form.Has("FirstLoginUpdate"), PeriodUpdate: form.Has("PeriodUpdate"),
		PeriodValue: int(value), PeriodType: form.Get("PeriodType"),
	}
	return map[string]any{"login": now.Login, "password_strength": form.Get("password_strength")}, err
}

// clockForm sets the offset, or moves it by the button that was pressed.
func clockForm(form url.Values, now settings) (any, error) {
	if form.Has("by") {
		by, err := formNumber(form, "by")
		return map[string]any{"clock_offset_s": now.ClockOffsetS + by}, err
	}
	to, err := formNumber(form, "clock_offset_s")
	return map[string]any{"clock_offset_s": to}, err
}

func latencyForm(form url.Values, _ settings) (any, error) {
	latency, err := formNumber(form, "latency_ms")
	return map[string]any{"latency_ms": latency}, err
}

func faultForm(form url.Values, now settings) (any, error) {
	f := fault{Path: strings.TrimSpace(form.Get("path")), Error: strings.TrimSpace(form.Get("error")), Body: form.Get("body")}
	for name, into := range map[string]*int{"status": &f.Status, "times": &f.Times} {
		if form.Get(name) == "" {
			continue
		}
		n, err := formNumber(form, name)
		if err != nil {
			return nil, err
		}
		*into = int(n)
	}
	return map[string]any{"faults": append(now.Faults, f)}, nil
}

// unfaultForm takes away one fault, or all.
func unfaultForm(form url.Values, now settings) (any, error) {
	if form.Get("at") == "all" {
		return map[string]any{"faults": []fault{}}, nil
	}
	at, err := formNumber(form, "at")
	if err != nil || at < 0 || at >= int64(len(now.Faults)) {
		return nil, badControl("at")
	}
	return map[string]any{"faults": slices.Delete(now.Faults, int(at), int(at)+1)}, nil
}

// providersForm has the switches that people turn most; the others stay.
func providersForm(form url.Values, now settings) (any, error) {
	for id, rule := range now.Providers {
		rule.On, rule.AutoSignUpWithProviderUser = form.Has("on "+id), form.Has("register "+id)
		now.Providers[id] = rule
	}
	return map[string]any{"providers": map[string]provider(now.Providers)}, nil
}

// postClientForm makes a client, or changes one.
func (e *Emulator) postClientForm(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return failText("invalid_argument", textBadForm)
	}
	_, err := e.changeClient(strings.TrimSpace(r.PostForm.Get("id")), clientBody(r.PostForm))
	return e.clientDone(w, r, err, "saved")
}

func (e *Emulator) postDeleteClient(w http.ResponseWriter, r *http.Request) error {
	return e.clientDone(w, r, e.dropClient(r.Context(), r.PathValue("client")), "deleted")
}

func (e *Emulator) clientDone(w http.ResponseWriter, r *http.Request, err error, what string) error {
	if status, sentence, refused := refusedWith(err); refused {
		return e.sendSettings(w, r, status, sentence)
	}
	if err != nil {
		return fmt.Errorf("emulator: client: %w", err)
	}
	return done(w, consoleBase+"/settings#clients", what)
}
