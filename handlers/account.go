package handlers

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/i18n"
	"tcb-login/views"
)

// The overview of the account, and the profile.

func (h *Handler) getAccount(c *fiber.Ctx) error {
	return h.show(c, fiber.StatusOK, h.accountPage(requestOf(c)))
}

func (h *Handler) accountPage(r *request) form {
	me := r.me
	link := func(name, label string) views.Link {
		return views.Link{To: name, URL: r.to(portalRoutes[name].path), Label: i18n.Msg(label)}
	}
	set := func(value string, name string) views.Link {
		if value == "" {
			return link(name, "account.add")
		}
		return link(name, "account.change")
	}
	profile := views.Section{Name: "profile", Title: i18n.Msg("account.section.profile"), Rows: []views.Row{
		{Name: "name", Label: i18n.Msg("field.name"), Value: me.Name, Empty: i18n.Msg("account.empty"), Action: set(me.Name, "account-profile")},
		{Name: "username", Label: i18n.Msg("field.username"), Value: me.Username, Empty: i18n.Msg("account.empty"), Action: set(me.Username, "account-username")},
		{Name: "more", Label: i18n.Msg("account.row.more"), Value: h.aboutPerson(r), Empty: i18n.Msg("account.empty"), Action: link("account-profile", "account.change")},
	}}
	signIn := views.Section{Name: "sign-in", Title: i18n.Msg("account.section.sign_in")}
	if r.env.Texts() || me.PhoneNumber != "" {
		row := views.Row{Name: "phone", Label: i18n.Msg("field.phone"), Value: showPhone(me.PhoneNumber), Empty: i18n.Msg("account.empty")}
		if r.env.Texts() {
			row.Action = set(me.PhoneNumber, "account-phone")
		}
		signIn.Rows = append(signIn.Rows, row)
	}
	password := views.Row{Name: "password", Label: i18n.Msg("field.password"), Empty: i18n.Msg("account.password.unset"), Action: link("account-password", "account.set")}
	if me.HasPassword {
		password.Empty, password.Action = i18n.Msg("account.password.is_set"), link("account-password", "account.change")
	}
	var providers []string
	for _, p := range me.Providers {
		providers = append(providers, h.providerName(r, p.ID, ""))
	}
	signIn.Rows = append(signIn.Rows,
		views.Row{Name: "email", Label: i18n.Msg("field.email"), Value: me.Email, Empty: i18n.Msg("account.empty"), Action: set(me.Email, "account-email")},
		password,
		views.Row{Name: "providers", Label: i18n.Msg("account.providers.title"), Value: strings.Join(providers, ", "), Empty: i18n.Msg("account.providers.nothing"), Action: link("account-providers", "account.manage")},
	)
	safety := views.Section{Name: "safety", Title: i18n.Msg("account.section.safety"), Rows: []views.Row{
		{Name: "sessions", Label: i18n.Msg("account.sessions.title"), Hint: i18n.Msg("account.row.sessions"), Action: link("account-sessions", "account.view")},
		{Name: "history", Label: i18n.Msg("account.history.title"), Hint: i18n.Msg("account.row.history"), Action: link("account-history", "account.view")},
	}}
	danger := views.Section{Name: "danger", Title: i18n.Msg("account.section.danger"), Rows: []views.Row{
		{Name: "delete", Label: i18n.Msg("account.delete.title"), Hint: i18n.Msg("account.row.delete"), Action: link("account-delete", "account.delete.action")},
	}}
	p := &views.AccountPage{
		Base:     *h.portalBase(r, "account", i18n.Msg("account.title")),
		Sections: []views.Section{profile, signIn, safety, danger},
	}
	return form{base: &p.Base, view: func() templ.Component { return views.Account(*p) }}
}

// aboutPerson is the rest of the profile in one line.
func (h *Handler) aboutPerson(r *request) string {
	var parts []string
	if key := genderKeys[r.me.Gender]; key != "" && r.me.Gender != "UNKNOWN" {
		parts = append(parts, r.loc.T(key))
	}
	for _, s := range []string{dateOf(r.me.Birthdate), h.localeName(r.me.Locale), r.me.Zoneinfo} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}

func (h *Handler) localeName(tag string) string {
	if l, ok := h.messages.Locale(tag); ok {
		return l.Name()
	}
	return tag
}

// dateOf is the date of a birthdate, which TCB also keeps as an instant.
func dateOf(birthdate string) string {
	date, _, _ := strings.Cut(birthdate, "T")
	return date
}

var genderKeys = map[string]string{"MALE": "gender.male", "FEMALE": "gender.female", "UNKNOWN": "gender.unknown"}

// zones are offered for picking; any other that there is can be typed.
var zones = []string{
	"Asia/Shanghai", "Asia/Hong_Kong", "Asia/Macau", "Asia/Taipei", "Asia/Singapore", "Asia/Tokyo", "Asia/Seoul", "Asia/Bangkok",
	"Asia/Jakarta", "Asia/Kolkata", "Asia/Dubai", "Europe/Moscow", "Europe/Berlin", "Europe/Paris", "Europe/London", "Africa/Cairo",
	"America/Sao_Paulo", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Australia/Sydney",
	"Pacific/Auckland", "UTC",
}

// profilePage is the form, of what is or of what was typed.
func (h *Handler) profilePage(c *fiber.Ctx) (*views.ProfilePage, form) {
	r := requestOf(c)
	me := r.me
	p := &views.ProfilePage{
		Base: *h.portalForm(r, "account-profile", i18n.Msg("account.profile.title"), "/account/profile"),
		Name: me.Name, Picture: me.Picture, Gender: me.Gender,
		Birthdate: dateOf(me.Birthdate), Locale: me.Locale, Zoneinfo: me.Zoneinfo, Zones: zones,
		Latest: h.now().UTC().Format(time.DateOnly),
	}
	p.Username = views.Row{Name: "username", Label: i18n.Msg("field.username"), Value: me.Username, Empty: i18n.Msg("account.empty")}
	p.Username.Action = views.Link{To: "account-username", URL: r.to(portalRoutes["account-username"].path), Label: i18n.Msg("account.change")}
	if me.Username == "" {
		p.Username.Action.Label = i18n.Msg("account.add")
	}
	if c.Method() == fiber.MethodPost {
		h.readForm(c, r, "account-profile")
		p.Name, p.Picture = line(c, "name"), line(c, "picture")
		p.Gender, p.Birthdate, p.Locale, p.Zoneinfo = line(c, "gender"), line(c, "birthdate"), line(c, "locale"), line(c, "zoneinfo")
	}
	p.Genders = []views.Choice{{Value: "", Label: r.loc.T("gender.unsaid")}}
	for _, g := range []string{"FEMALE", "MALE", "UNKNOWN"} {
		p.Genders = append(p.Genders, views.Choice{Value: g, Label: r.loc.T(genderKeys[g])})
	}
	p.Locales = []views.Choice{{Value: "", Label: r.loc.T("gender.unsaid")}}
	known := p.Locale == ""
	for _, l := range h.messages.Locales() {
		p.Locales = append(p.Locales, views.Choice{Value: l.Locale(), Label: l.Name()})
		known = known || l.Locale() == p.Locale
	}
	if !known { // an app's own
		p.Locales = append(p.Locales, views.Choice{Value: p.Locale, Label: p.Locale})
	}
	return p, form{base: &p.Base, view: func() templ.Component { return views.Profile(*p) }}
}

func (h *Handler) getProfile(c *fiber.Ctx) error {
	_, f := h.profilePage(c)
	return h.show(c, fiber.StatusOK, f)
}

const maxPictureURL = 2048

// localeTag is BCP 47 as far as TCB's field takes it.
var localeTag = regexp.MustCompile(`^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$`)

// judgeProfile notes what TCB would not take, and what nobody could mean.
func (h *Handler) judgeProfile(p *views.ProfilePage, me *authclient.UserInfo) {
	b := &p.Base
	tooLong(b, "name", p.Name, maxName)
	if p.Picture != "" && p.Picture != me.Picture {
		u, err := url.Parse(p.Picture)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || utf8.RuneCountInString(p.Picture) > maxPictureURL {
			wrong(b, "picture", "error.picture")
		}
	}
	if _, ok := genderKeys[p.Gender]; !ok && p.Gender != "" {
		wrong(b, "gender", "error.choice")
	}
	if p.Birthdate != "" {
		born, err := time.Parse(time.DateOnly, p.Birthdate)
		if err != nil || born.Year() < 1900 || born.After(h.now().Add(14*time.Hour)) {
			wrong(b, "birthdate", "error.birthdate")
		}
	}
	if p.Locale != "" && (!localeTag.MatchString(p.Locale) || len(p.Locale) > maxName) {
		wrong(b, "locale", "error.choice")
	}
	if p.Zoneinfo != "" {
		if _, err := time.LoadLocation(p.Zoneinfo); err != nil || p.Zoneinfo == "Local" || len(p.Zoneinfo) > maxName {
			wrong(b, "zoneinfo", "error.zoneinfo")
		}
	}
}

func (h *Handler) postProfile(c *fiber.Ctx) error {
	r := requestOf(c)
	page, f := h.profilePage(c)
	h.judgeProfile(page, r.me)
	if page.Invalid() {
		return h.show(c, fiber.StatusUnprocessableEntity, f)
	}
	update := authclient.UserUpdate{
		Name: changed(r.me.Name, page.Name), Picture: changed(r.me.Picture, page.Picture),
		Gender: changed(r.me.Gender, page.Gender), Birthdate: changed(dateOf(r.me.Birthdate), page.Birthdate),
		Locale: changed(r.me.Locale, page.Locale), Zoneinfo: changed(r.me.Zoneinfo, page.Zoneinfo),
	}
	if update == (authclient.UserUpdate{}) {
		return h.finished(c, "/account", "profile")
	}
	if err := h.updateProfile(c, update); err != nil {
		return h.refusePortal(c, f, err, profileRefusals)
	}
	return h.finished(c, "/account", "profile")
}

// profileRefusals: TCB wants no step-up for these fields, so that this is not about one.
var profileRefusals = map[string]refusal{"permission_denied": refusals["invalid_argument"]}

func (h *Handler) updateProfile(c *fiber.Ctx, update authclient.UserUpdate) error {
	return h.asPerson(c, func(ctx context.Context, login *authclient.User, opts ...authclient.CallOption) error {
		_, err := login.Update(ctx, update, opts...)
		return err
	})
}

// changed is a field of an update: nil leaves it as it is.
func changed(is, typed string) *string {
	if is == typed {
		return nil
	}
	return &typed
}
