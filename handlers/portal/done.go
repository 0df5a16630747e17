package portal

import (
	"strings"
	"time"

	"tcb-login/audit"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/journal"
	"tcb-login/handlers/visitor"
	"tcb-login/handlers/web"
	"tcb-login/limit"
)

// A change is one that went well, on the way to the page that says so. It is sealed: a page that
// would say whatever its address does could be made to tell somebody that their password is
// changed, who then goes on to where they can "undo" it.
type change struct {
	Done string `json:"d"` // the message, account.done.…
	Sub  string `json:"s"` // whose account it was
}

const (
	doneLife    = 2 * time.Minute
	donePurpose = "done"
)

// ruleDone: it is said once.
var ruleDone = limit.Rule{Name: "done", N: 1, Per: doneLife}

// NoteChange puts on record how a call went that makes one of the person's ways to sign in another one.
// Where TCB was away it may have done so all the same. Where it refused, nothing has changed.
func (po *Room) NoteChange(r *web.Request, login *visitor.Login, e audit.Event, err error) {
	e.Name, e.Sub = audit.MethodChanged, login.Me.Sub
	if noteUnlessRefused(r, e, err) {
		po.changedOwn(r, login)
	}
}

// NoteEnd is NoteChange for a call that ends logins, or the account.
func NoteEnd(r *web.Request, login *visitor.Login, e audit.Event, err error) {
	e.Sub = login.Me.Sub
	noteUnlessRefused(r, e, err)
}

func noteUnlessRefused(r *web.Request, e audit.Event, err error) (noted bool) {
	e.Outcome, e.Reason, e.Code = journal.Outcome(err)
	if noted = e.Outcome == audit.OK || e.Outcome == audit.Failed; noted {
		r.Trace.Note(e)
	}
	return noted
}

// Finished answers a change that went well: the page at path says so once, by the message done.
func (po *Room) Finished(r *web.Request, login *visitor.Login, path, done string) (web.Reply, error) {
	sealed, err := r.Session.Seal(donePurpose, change{Done: done, Sub: login.Me.Sub}, doneLife)
	if err != nil {
		return web.Reply{}, err
	}
	return web.SeeOther(r.Into(path, entry.Add("done", sealed)))
}

// doneOf is the message of the change that a page is to confirm, if any. A page that is nothing but
// that says it again, in another language say.
func (po *Room) doneOf(r *web.Request, login *visitor.Login, p Page) string {
	did, ok := confirms(r, login)
	switch {
	case !ok:
		return ""
	case p.Confirm != nil:
		return did.Done
	}
	if first, err := po.Once(r.Context(), ruleDone, web.HashOf(r.Done)); err != nil || !first {
		return ""
	}
	return did.Done
}

// confirms reports which change of the person's the address is sealed to confirm.
func confirms(r *web.Request, login *visitor.Login) (did change, ok bool) {
	ok = r.Done != "" && r.Session.Open(donePurpose, r.Done, &did) && did.Sub == login.Me.Sub && strings.HasPrefix(did.Done, "account.done.")
	return did, ok
}
