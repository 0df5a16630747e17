package stepup

import (
	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/provider"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/web"
	"tcb-login/views"
)

// purpose is what the step-up goes to identity providers for.
const purpose = "verify"

// stepUpBy is to step up by an identity provider.
type stepUpBy struct{ room *Room }

// Back leads to the step-up.
func (stepUpBy) Back(r *web.Request) views.Link {
	return portal.LinkTo("step-up", r.To(entry.PathVerify), "account.back")
}

// Cancelled is the step-up.
func (b stepUpBy) Cancelled(r *web.Request, authorization provider.Authorization) (views.Page, error) {
	r = r.As(r.At(entry.PathVerify, true, true))
	login, err := b.room.CameBack(r, authorization)
	if err != nil {
		return nil, err
	}
	return b.room.stepUpPage(r, login), nil
}

// After is where the step-up leads on from, or begins again.
func (stepUpBy) After() string { return entry.PathVerify }

// Receive ends the step-up: whoever came back must be one of the account's own identities. TCB asks
// nothing of people who have no other way to prove who they are, so that it is them is for us to
// see.
func (b stepUpBy) Receive(r *web.Request, authorization provider.Authorization) (func(*authclient.ProviderToken) (web.Reply, error), error) {
	s := b.room
	login, err := s.CameBack(r, authorization)
	if err != nil {
		return nil, err
	}
	return func(granted *authclient.ProviderToken) (web.Reply, error) {
		if sub := granted.ProviderProfile.Sub; sub == "" || !provider.BoundTo(login.Me, authorization.Provider, sub) {
			r.Trace.Note(audit.Event{
				Name: audit.StepUp, Outcome: audit.Refused, Reason: string(refusal.ReasonProvider), Method: audit.ByProvider,
				Provider: authorization.Provider, Sub: login.Me.Sub,
			})
			return s.providers.Failed(r, authorization, "provider.other_identity")
		}
		if stepUpWay(r, login.Me) != byProvider {
			return web.SeeOther(r.To(entry.PathVerify))
		}
		access, err := s.sudo(r, login, authclient.SudoRequest{})
		if err != nil {
			return s.RefuseStepUp(r, s.stepUpPage(r, login), err, nil)
		}
		return s.steppedUp(r, access)
	}, nil
}
