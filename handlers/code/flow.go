// Package code is a mechanism that sign-in and the portal share: a code is sent by SMS or e-mail,
// and checked. Every flow has the same first two steps, one form each, under one route:
//
//	no flow=        asks for a number or an address; POST sends the code and leads to the same route
//	                with flow=. Some flows have one here too, which says what they come after
//	flow= of a code asks for the code; POST checks it, sends another or goes back
//	flow= verified  what the flow wants then. The verification_token rides along: nothing that goes
//	                wrong now costs another code
//
// What a flow is for it does not know: see Flow.
package code

import (
	"context"
	"strings"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// A Spec is what is the same for every request to a flow.
type Spec struct {
	Name    string // of the flow, its forms and sealed values
	Path    string
	Phone   bool   // whether it can be by SMS
	Email   bool   // whether it can be by e-mail
	Usage   string // what the message says it is for, the SDK's VerificationUsages
	OnWay   bool   // as a Row's
	Consent bool   // its first step asks for consent to the login page's texts
	Proof   bool   // a right code proves who is there, which ends with the next sign-in
	After   bool   // its first step too is sealed, by Begin: nobody comes to it but after something else
	Last    []string
}

// A Flow is what one flow does differently from another: with whom, to where, and what for. The
// last steps' forms are named by Spec.Last, each with the flow's name in front.
type Flow interface {
	Spec() Spec
	// Owner is the sub of whose flow it is; empty for one that anybody may begin.
	Owner() string
	// Channels are those that the page can send a code of this flow by.
	Channels(r *web.Request) (phone, email bool)
	// Target is whom a code may go to.
	Target(r *web.Request) authclient.Target
	// Fixed is where the code goes, when that is not asked for. Where it is, no answer before a right
	// code tells who has an account, nor to who is signed in: anybody's number can be typed.
	Fixed(r *web.Request) (to Destination, fixed bool)
	// Validate returns the message for a destination that the flow has no use for.
	Validate(r *web.Request, to Destination) (key string)
	// First is the page of the first step, filled with what was typed.
	First(r *web.Request, to Destination) views.Page
	// Base is a page of the flow whose form posts to its path.
	Base(r *web.Request, form string, title i18n.Message, sealed string) views.Base
	// Dress changes the page that asks for the code.
	Dress(r *web.Request, page *views.CodePage, sealed string)
	// Others are the other ways to get in, where somebody has to wait for a code.
	Others(r *web.Request) []views.Link
	// Send makes the call that sends the code.
	Send(context.Context, *web.Request, authclient.GetVerificationRequest, ...authclient.CallOption) (*authclient.Verification, error)
	// Refuse shows a form of the flow again.
	Refuse(r *web.Request, page views.Page, err error, special refusal.Table) (web.Reply, error)
	// Verified goes on after a right code, in the same request.
	Verified(r *web.Request, step *Step) (web.Reply, error)
	// Last is the page of the verified step, filled with what was typed in a POST.
	Last(r *web.Request, step *Step) (views.Page, error)
	// Submit handles that page's POST.
	Submit(r *web.Request, step *Step) (web.Reply, error)
}

// Codes runs flows.
type Codes struct {
	*web.Site
	issued lastIssued
}

// New is for all flows of a site: they share what a verification of TCB's looks like.
func New(s *web.Site) *Codes { return &Codes{Site: s} }

// ByPhone decides which of the two channels the page asks for. Where the person has not said, what
// the app knows of them does.
func ByPhone(r *web.Request, f Flow) bool {
	phone, email := f.Channels(r)
	via := r.Via
	if via == "" && f.Owner() == "" && strings.Contains(r.LoginHint, "@") {
		via = "email"
	}
	return phone && (via != "email" || !email)
}

// Address is the address of a flow's page.
func Address(r *web.Request, spec Spec, differs ...entry.Differ) string {
	if spec.OnWay {
		return r.To(spec.Path, differs...)
	}
	return r.Into(spec.Path, differs...)
}

// At is the address of a sealed step of a flow, on the channel that it goes by.
func At(r *web.Request, spec Spec, step *Step, sealed string) string {
	return Address(r, spec, entry.Add("via", step.Via()), entry.Add("flow", sealed))
}
