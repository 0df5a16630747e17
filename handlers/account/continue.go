package account

import (
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/sample"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// signInAgain is sign-in by somebody who does not go on with the login at hand: what led here is
// not to be tried there again.
func signInAgain(r *web.Request) string {
	return r.To(entry.PathEntry, entry.With("prompt", "login"))
}

// getContinue offers the login that the browser has. It is led to by the script that has just
// handed that over; as on the portal's pages nothing shows before script has seen that localStorage
// still names the same person.
func (a *Room) getContinue(r *web.Request) (web.Reply, error) {
	login, reply, err := a.goingOn(r)
	if err != nil || login == nil {
		return reply, err
	}
	return web.OK(a.continuePage(r, login, agreedBefore(r, login)))
}

// goingOn is the login to go on with; where there is none, what is shown instead.
func (a *Room) goingOn(r *web.Request) (*visitor.Login, web.Reply, error) {
	if r.ForCode() {
		return nil, web.Reply{To: r.To(entry.PathAuthorize)}, nil
	}
	login, err := a.visitor.Load(r)
	if err != nil {
		return nil, web.Reply{}, err
	}
	anonymous := login != nil && login.Access.Anonymous
	switch {
	case r.Prompts("login") || anonymous:
		return nil, web.Reply{To: signInAgain(r)}, nil
	case login == nil: // another tab's first visit may have cost it since
		return nil, web.Reply{Status: 200, Page: a.visitor.HandOffPage(r, signInAgain(r))}, nil
	case r.Form.Others:
		return nil, web.Reply{}, portal.OfOther(r, web.Reply{Page: a.continuePage(r, login, agreedBefore(r, login))})
	}
	return login, web.Reply{}, nil
}

// postContinue goes on once the texts have been agreed to, which are others than those that the
// person has agreed to in this browser.
func (a *Room) postContinue(r *web.Request) (web.Reply, error) {
	login, reply, err := a.goingOn(r)
	if err != nil || login == nil {
		return reply, err
	}
	page := a.continuePage(r, login, agreedBefore(r, login))
	if web.RequireConsent(r, page.Consent, &page.Errors); page.Invalid() {
		return web.Invalid(page)
	}
	r.Trace.Person, r.Trace.Agreed = login.Me.Sub, r.Session.Notes().SignIn(login.Me.Sub, r.LoginPage)
	if r.Next != "" {
		return web.SeeOther(r.Into(r.NextPath))
	}
	return web.Leave(&views.InterstitialPage{
		Base: a.Page(&r.LoginRequest, "interstitial", i18n.Msg("continue.leaving")), Lead: i18n.Msg("interstitial.lead"),
		Data: views.Departure{To: r.Destination()},
	})
}

func (a *Room) rebuildContinue(r *web.Request) (views.Page, error) {
	login, reply, err := a.goingOn(r)
	switch {
	case err != nil:
		return nil, err
	case login == nil:
		return nil, &web.Instead{Reply: reply}
	}
	return a.continuePage(r, login, agreedBefore(r, login)), nil
}

// formContinue is the form that asks for consent again.
const formContinue = "continue"

// agreedBefore is the hash of the texts that the person has agreed to in this browser.
func agreedBefore(r *web.Request, login *visitor.Login) string {
	return r.Session.Notes().AgreedTo(login.Me.Sub, r.LoginPage)
}

func (a *Room) continuePage(r *web.Request, login *visitor.Login, agreed string) *views.ContinuePage {
	person := a.visitor.Person(login.Me)
	p := &views.ContinuePage{Person: person, Other: portal.LinkTo("sign-in", signInAgain(r), "continue.other")}
	label := i18n.Message{Key: "continue.button", Args: i18n.Args{"name": person.Name}}
	if texts := r.LoginPage.Agreed(); texts != agreed && texts != "" {
		p.Base = a.FormPage(&r.LoginRequest, formContinue, r.Title(), entry.PathContinue, "")
		p.Consent = web.Consent(&r.LoginRequest, r.Form)
		p.Button.Label, p.Lead = label, i18n.Msg("continue.agree")
		if agreed != "" {
			p.Lead = i18n.Msg("continue.changed")
		}
	} else {
		p.Base = a.Page(&r.LoginRequest, formContinue, r.Title())
		web.LinkLanguages(&p.Base, r.InOther)
		p.Button = views.Link{To: "app", URL: r.Destination(), Label: label}
	}
	p.Guard = visitor.Guard(r, views.GuardContinue, signInAgain(r), login)
	return p
}

// continueSamples are the page of somebody who goes on, and of somebody who has to agree first.
func (a *Room) continueSamples(r *web.Request, login *visitor.Login) []sample.Sample {
	r = r.AsSample(func(l *entry.LoginRequest) { l.Path = entry.PathContinue })
	inState := func(state, agreed string, consent ...sample.State) []sample.Sample {
		all := sample.Plain("continue", entry.PathContinue, func() (views.Page, error) { return a.continuePage(r, login, agreed), nil }, consent...)
		all[0].State = state
		return all
	}
	all := inState("empty", r.LoginPage.Agreed())
	if r.LoginPage.Agreed() == "" {
		return all
	}
	return append(append(all, inState("changed", "others")...), inState("agree", "", sample.Consent(r.LoginPage)...)...)
}
