package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Page is the Base of a page without a form.
func (s *Site) Page(r *entry.LoginRequest, name string, title i18n.Message) views.Base {
	theme := r.Theme
	if theme == nil {
		theme = s.BuiltIn()
	}
	b := views.Base{T: r.Loc, Page: name, Title: title, Assets: s.scripts}
	b.Assets.Style, b.Assets.PortalStyle, b.Assets.OverviewStyle = theme.Style, theme.Portal, theme.Overview
	b.Assets.Countries = s.Countries(r.Loc.Locale())
	if app := s.appName(r); app != "" {
		b.App = views.App{Name: app, Initial: views.InitialOf(app)}
	}
	if p := r.LoginPage; p != nil {
		b.App.Logo, b.App.LogoDark = s.Media(p.Logo), s.Media(p.LogoDark)
		b.Footer = make([]views.Link, len(p.Links))
		for i, l := range p.Links {
			b.Footer[i] = views.Link{URL: l.URL, Label: i18n.Message{Text: l.Label.In(r.Loc.Locale())}}
		}
	}
	locales := theme.Messages.Locales()
	b.Languages = make([]views.Language, len(locales))
	for i, l := range locales {
		b.Languages[i] = views.Language{Tag: l.Locale(), Name: l.Name(), Current: l == r.Loc}
	}
	return b
}

// appName is the app's, also on an error page that came before the app was known, where there is
// only one.
func (s *Site) appName(r *entry.LoginRequest) string {
	switch {
	case r.LoginPage != nil:
		return r.LoginPage.Name
	case s.places.OnlyEnv != nil:
		return s.places.OnlyEnv.Name
	}
	return ""
}

// FormPage is the Base of a page whose form posts to path. flow is the sealed step that goes along,
// if any.
func (s *Site) FormPage(r *entry.LoginRequest, name string, title i18n.Message, path, flow string) views.Base {
	return s.formPage(r, name, title, r.To(path, entry.Add("via", url.QueryEscape(r.Via)), entry.Add("flow", flow)))
}

// PortalFormPage is FormPage for a page of the portal.
func (s *Site) PortalFormPage(r *entry.LoginRequest, name string, title i18n.Message, path, flow string) views.Base {
	return s.formPage(r, name, title, r.Into(path, entry.Add("via", url.QueryEscape(r.Via)), entry.Add("flow", flow)))
}

func (s *Site) formPage(r *entry.LoginRequest, name string, title i18n.Message, action string) views.Base {
	b := s.Page(r, name, title)
	if r.Client != nil {
		b.Client = r.Client.ID
	}
	b.Form.Name = name
	b.Form.Action = action
	return b
}

// LinkLanguages makes the language switch of a page without a form: links to the address that an
// entry query with another lang= has. That address is made once, with a mark for the tag: no address
// has a ^ of its own (see views.Guard).
func LinkLanguages(b *views.Base, address func(entry.Differ) string) {
	before, after, _ := strings.Cut(address(entry.With("lang", "^")), "^")
	for i, l := range b.Languages {
		if !l.Current {
			b.Languages[i].URL = before + l.Tag + after
		}
	}
}

// PersonOf is how pages show somebody.
func (s *Site) PersonOf(name, picture string) views.Person {
	p := views.Person{Name: name, Initial: views.LetterOf(name)}
	if picture != "" && s.headers.ShowsImage(picture) {
		p.Picture = picture
	}
	return p
}

// Methods are the ways in beside the form of one method. What differs in the addresses of identity
// providers' buttons comes after it.
func (s *Site) Methods(r *entry.LoginRequest, except loginpage.Kind, differs ...entry.Differ) views.Methods {
	ways := inOrder(r)
	out := views.Methods{Others: make([]views.Method, 0, len(ways))}
	for _, w := range ways {
		if m := w.Kind(); m == "" || m != except {
			out.Others = append(out.Others, s.method(r, w, differs))
		}
	}
	if r.LoginPage.Anonymous && !r.ForCode() { // a code is for somebody
		out.Anonymous = r.To(entry.PathAnonymous)
	}
	if r.LoginPage.Skippable && r.OwnTarget() {
		out.Skip = r.RedirectURI
	}
	return out
}

// inOrder are the methods of a login page as this browser can use them. WeChat's own signs people in
// at an official account, by one press, and cannot scan a code that it shows itself; any other can
// only have a code scanned.
func inOrder(r *entry.LoginRequest) []loginpage.SignInMethod {
	here, elsewhere := entry.WeChats(r.InWeChat)
	_, hasHere := r.LoginPage.Method(here)
	all := make([]loginpage.SignInMethod, 0, len(r.LoginPage.Methods))
	for _, w := range r.LoginPage.Methods {
		switch {
		case w.Kind() == loginpage.KindQR && (!OffersQR(r) || r.InWeChat && len(r.LoginPage.Methods) > 1):
		case w.ID == elsewhere && (r.InWeChat || hasHere):
		case w.ID == here && r.InWeChat:
			all = slices.Insert(all, 0, w)
		default:
			all = append(all, w)
		}
	}
	return all
}

// OffersQR reports that a mini program's code signs people in here. It proves who holds the phone,
// not who sits before this browser, which is what an app on another origin gets its code for.
func OffersQR(r *entry.LoginRequest) bool {
	return r.LoginPage.Offers(loginpage.KindQR) && !r.ForCode()
}

func (s *Site) method(r *entry.LoginRequest, w loginpage.SignInMethod, differs []entry.Differ) views.Method {
	out := views.Method{Icon: s.Media(w.Icon)}
	switch w.Kind() {
	case loginpage.KindPassword:
		out.Link = views.Link{To: "sign-in", URL: r.To(entry.PathSignIn), Label: i18n.Msg("method.password")}
	case loginpage.KindSMS:
		out.Link = views.Link{To: "sign-in-sms", URL: r.To(entry.PathSignInSMS), Label: i18n.Msg("method.sms")}
	case loginpage.KindEmail:
		out.Link = views.Link{To: "sign-in-email", URL: r.To(entry.PathSignInEmail), Label: i18n.Msg("method.email")}
	case loginpage.KindQR: // a POST makes the code, with the agreement of the page's form
		out.Provider, out.Mark = true, "wechat"
		out.Link = views.Link{To: "sign-in-qr", URL: r.To(entry.PathSignInQR, differs...), Label: i18n.Msg("method.qr")}
	default:
		out.Provider = true
		name := r.ProviderName(w.ID, "")
		out.Link = views.Link{To: "provider-" + w.ID, URL: r.To(entry.PathProvider+"/"+w.ID, differs...), Label: i18n.Message{Text: name}}
		out.Mark = cmp.Or(entry.ProviderMark(w.ID), views.InitialOf(name))
	}
	if label := entry.LabelFor(r.Loc, w.Label); label != "" {
		out.Label = i18n.Message{Text: label}
	}
	return out
}

// ShowsPictures reports that pages may load people's pictures from somewhere.
func (s *Site) ShowsPictures() bool { return s.headers.ShowsImages() }

// Consent is the checkbox of a page that begins a way in.
func Consent(r *entry.LoginRequest, f *Form) *views.Consent {
	if len(r.LoginPage.Agreements) == 0 {
		return nil
	}
	out := &views.Consent{Checked: f.Agreed, Version: r.LoginPage.Agreed()}
	for i, a := range r.LoginPage.Agreements {
		out.Texts = append(out.Texts, views.Link{To: "agreement", URL: r.To(entry.AgreementPath(i)), Label: i18n.Message{Text: a.Label}})
	}
	return out
}

// RequireConsent takes the consent that was asked for, or notes that it is missing. Where nothing is asked
// for, asked is nil.
func RequireConsent(r *Request, asked *views.Consent, wrong *views.FieldErrors) {
	switch {
	case asked == nil:
	case r.Form.Agreed:
		r.Session.Notes().Agree(r.LoginPage)
	case r.Form.Changed:
		wrong.Add("agreement", "error.agreement_changed")
	default:
		wrong.Add("agreement", "error.required.agreement")
	}
}
