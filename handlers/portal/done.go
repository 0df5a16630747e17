package portal

import (
	"slices"
	"strings"
	"time"

	"tcb-login/audit"
	"tcb-login/handlers/entry"
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

// NoteChange puts on record that one of the person's ways to sign in is another from now on.
func NoteChange(r *web.Request, login *visitor.Login, e audit.Event) {
	e.Name, e.Outcome, e.Sub = audit.MethodChanged, audit.OK, login.Me.Sub
	r.Trace.Note(e)
}

// Finished answers a change that went well: the page at path says so once, by the message done.
func (po *Room) Finished(r *web.Request, login *visitor.Login, path, done string) (web.Reply, error) {
	if slices.Contains(ownChanges, done) {
		po.changedOwn(r, login)
	}
	return po.FinishedBefore(r, login, path, done)
}

// FinishedBefore is Finished for a form whose change was made by an earlier POST of it.
func (po *Room) FinishedBefore(r *web.Request, login *visitor.Login, path, done string) (web.Reply, error) {
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

// ownChanges are the confirmations of changes that TCB writes into the history.
var ownChanges = []string{
	"account.done.username", "account.done.phone", "account.done.email", "account.done.password", "account.done.linked", "account.done.unlinked",
}
