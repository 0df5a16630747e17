package account

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/rules"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/pattern"
	"tcb-login/timezone"
	"tcb-login/views"
)

var nameLine = factLine("name", "field.name", "account-profile")

func (a *Room) nameRow(_ *web.Request, login *visitor.Login) (views.Row, bool) {
	return views.Row{Line: nameLine, Value: login.Me.Name}, true
}

// moreLine is changed also where there is nothing of it yet.
var moreLine = &views.Line{Name: "more", Label: "account.row.more", Empty: "account.empty", To: "account-profile", Action: "account.change"}

// moreRow is the rest of the profile in one line.
func (a *Room) moreRow(r *web.Request, login *visitor.Login) (views.Row, bool) {
	me := login.Me
	var parts []string
	if key := genderKeys[me.Gender]; key != "" && me.Gender != "UNKNOWN" {
		parts = append(parts, r.Loc.T(key))
	}
	born := dateOf(me.Birthdate)
	if t, err := time.Parse(time.DateOnly, born); err == nil {
		born = r.Loc.Date(t)
	}
	for _, s := range []string{born, a.localeName(me.Locale), me.Zoneinfo} {
		if s != "" {
			parts = append(parts, r.Loc.Isolate(s))
		}
	}
	return views.Row{Line: moreLine, Value: strings.Join(parts, "\u00a0· ")}, true
}

func (a *Room) localeName(tag string) string {
	if l, ok := a.Messages().Locale(tag); ok {
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

// profileForm is what the form brings.
type profileForm struct{ Name, Picture, Gender, Birthdate, Locale, Zoneinfo string }

func (f *profileForm) each(do func(field string, value *string)) {
	do("name", &f.Name)
	do("picture", &f.Picture)
	do("gender", &f.Gender)
	do("birthdate", &f.Birthdate)
	do("locale", &f.Locale)
	do("zoneinfo", &f.Zoneinfo)
}

// profilePage is the form, of what is or of what was typed.
func (a *Room) profilePage(r *web.Request, login *visitor.Login, form profileForm) *views.ProfilePage {
	p := &views.ProfilePage{
		Base: a.Form(r, login, "account-profile", i18n.Msg("account.profile.title"), "/account/profile", ""),
		Name: form.Name, Picture: form.Picture, Gender: form.Gender,
		Birthdate: form.Birthdate, Locale: form.Locale, Zoneinfo: form.Zoneinfo,
		Latest: a.Now().UTC().Format(time.DateOnly), Pictures: a.ShowsPictures(), Preset: !r.Posted(),
	}
	was := wasProfile(r, login.Me)
	was.each(func(field string, value *string) {
		p.Was = append(p.Was, views.Hidden{Name: web.WasField(field), Value: *value})
	})
	p.Username = views.Row{Line: usernameLine, Value: login.Me.Username, URL: a.Address(r, usernameLine.To)}
	p.Genders = []views.Choice{{Value: "", Label: r.Loc.T("gender.unsaid")}}
	for _, g := range []string{"FEMALE", "MALE", "UNKNOWN"} {
		p.Genders = append(p.Genders, views.Choice{Value: g, Label: r.Loc.T(genderKeys[g])})
	}
	p.Locales = []views.Choice{{Value: "", Label: r.Loc.T("gender.unsaid")}}
	known := p.Locale == ""
	for _, l := range a.Messages().Locales() {
		p.Locales = append(p.Locales, views.Choice{Value: l.Locale(), Label: l.Name()})
		known = known || l.Locale() == p.Locale
	}
	if !known { // an app's own
		p.Locales = append(p.Locales, views.Choice{Value: p.Locale, Label: p.Locale})
	}
	p.Zones = []views.Choice{{Value: "", Label: r.Loc.T("gender.unsaid")}}
	zones := timezone.Offered
	if p.Zoneinfo != "" && !slices.Contains(zones, p.Zoneinfo) {
		zones = append(slices.Clone(zones), p.Zoneinfo)
	}
	for _, z := range zones {
		p.Zones = append(p.Zones, views.Choice{Value: z, Label: r.Loc.Isolate(timezone.Label(z, a.Now()))})
	}
	return p
}

func isForm(me *authclient.UserInfo) profileForm {
	return profileForm{
		Name: me.Name, Picture: me.Picture, Gender: me.Gender, Birthdate: dateOf(me.Birthdate), Locale: me.Locale, Zoneinfo: me.Zoneinfo,
	}
}

// wasProfile is what stood in the form when it was opened. Another window, or the app, may have changed
// the profile since, which whoever has not touched a field does not undo.
func wasProfile(r *web.Request, me *authclient.UserInfo) profileForm {
	was := isForm(me)
	was.each(func(field string, value *string) { *value = r.Form.Was(field, *value) })
	return was
}

// typedProfile is what was typed. Where there is no field for a picture it stays.
func (a *Room) typedProfile(r *web.Request, me *authclient.UserInfo) profileForm {
	f := r.Form
	form := profileForm{
		Name: f.Shown("name"), Picture: pastedURL(f.Line("picture")), Gender: f.Line("gender"),
		Birthdate: f.Line("birthdate"), Locale: f.Line("locale"), Zoneinfo: f.Line("zoneinfo"),
	}
	if !a.ShowsPictures() {
		form.Picture = me.Picture
	}
	return form
}

func (a *Room) getProfile(r *web.Request, login *visitor.Login) (web.Reply, error) {
	return web.OK(a.profilePage(r, login, isForm(login.Me)))
}

func (a *Room) rebuildProfile(r *web.Request, login *visitor.Login) (views.Page, error) {
	return a.profilePage(r, login, a.typedProfile(r, login.Me)), nil
}

const maxPictureURL = 2048

// localeTag is BCP 47 as far as TCB's field takes it.
var localeTag = pattern.New(`^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$`)

// profileRules are what TCB would not take, and what nobody could mean.
type profileRules struct {
	Name      string `form:"name" validate:"omitempty,max=64,visible"`
	Picture   bool   `form:"picture" validate:"required" say:"required=error.picture"`
	Gender    string `form:"gender" validate:"omitempty,oneof=MALE FEMALE UNKNOWN" say:"oneof=error.choice"`
	Birthdate bool   `form:"birthdate" validate:"required" say:"required=error.birthdate"`
	Locale    bool   `form:"locale" validate:"required" say:"required=error.choice"`
	Zoneinfo  string `form:"zoneinfo" validate:"omitempty,max=64,timezone" say:"max=error.zoneinfo timezone=error.zoneinfo"`
}

// checkProfile is what is wrong with the form. A picture that is there already may stay.
func (a *Room) checkProfile(f, was profileForm, me *authclient.UserInfo) (wrong views.FieldErrors) {
	zone := f.Zoneinfo
	if slices.Contains(timezone.Offered, zone) {
		zone = "" // nothing is wrong with it, and its rule would read a file of the system's
	}
	rules.Check(&wrong, profileRules{
		Name: f.Name, Gender: f.Gender, Zoneinfo: zone,
		Picture:   f.Picture == "" || f.Picture == me.Picture || f.Picture == was.Picture || isPictureURL(f.Picture),
		Birthdate: f.Birthdate == "" || a.isBirthdate(f.Birthdate),
		Locale:    f.Locale == "" || localeTag.MatchString(f.Locale) && len(f.Locale) <= 64,
	})
	return wrong
}

// pastedURL is an address without the marks that apps put around what they have copied. Within it they
// may be part of it, and no address with them is taken.
func pastedURL(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) })
}

func isPictureURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil &&
		utf8.RuneCountInString(s) <= maxPictureURL && identifier.AllVisible(s)
}

func (a *Room) isBirthdate(s string) bool {
	born, err := time.Parse(time.DateOnly, s)
	return err == nil && born.Year() >= 1900 && !born.After(a.Now().Add(14*time.Hour))
}

func (a *Room) postProfile(r *web.Request, login *visitor.Login) (web.Reply, error) {
	me := login.Me
	is, was, typed := isForm(me), wasProfile(r, me), a.typedProfile(r, me)
	if wrong := a.checkProfile(typed, was, me); len(wrong) > 0 {
		page := a.profilePage(r, login, typed)
		page.Errors = wrong
		return web.Invalid(page)
	}
	update := authclient.UserUpdate{
		Name: changed(was.Name, is.Name, typed.Name), Picture: changed(was.Picture, is.Picture, typed.Picture),
		Gender: changed(was.Gender, is.Gender, typed.Gender), Birthdate: changed(was.Birthdate, is.Birthdate, typed.Birthdate),
		Locale: changed(was.Locale, is.Locale, typed.Locale), Zoneinfo: changed(was.Zoneinfo, is.Zoneinfo, typed.Zoneinfo),
	}
	if update != (authclient.UserUpdate{}) {
		if err := a.update(r, login, update); err != nil {
			return a.Refuse(r, login, a.profilePage(r, login, typed), err, profileRefusals)
		}
	}
	return a.Finished(r, login, entry.PathAccount, "account.done.profile")
}

// profileRefusals: TCB wants no step-up for these fields, so that this is not about one.
var profileRefusals = refusal.Table{"permission_denied": refusal.Meaning("invalid_argument")}

func (a *Room) update(r *web.Request, login *visitor.Login, update authclient.UserUpdate) error {
	return a.AsPerson(r, login, func(ctx context.Context, user entry.User, opts ...authclient.CallOption) error {
		_, err := user.Update(ctx, update, opts...)
		return err
	})
}

// changed is a field of an update: nil leaves it as it is.
func changed(was, is, typed string) *string {
	if typed == was || typed == is {
		return nil
	}
	return &typed
}

func (a *Room) profileSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	return sample.Form("account-profile", "/account/profile",
		func() (views.Page, error) { return a.profilePage(r, login, isForm(login.Me)), nil },
		sample.State{Name: "invalid", Change: func(page views.Page) {
			if p := page.(*views.ProfilePage); p.Pictures {
				p.Errors.Add("picture", "error.picture")
			}
			page.Frame().Errors.Add("birthdate", "error.birthdate")
			page.Frame().Errors.Add("zoneinfo", "error.zoneinfo")
		}},
	)
}
