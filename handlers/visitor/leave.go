package visitor

import (
	"errors"
	"net/url"
	"strings"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

func isOver(err error) bool { return errors.Is(err, authclient.ErrUnauthenticated) }

// Forget drops the login of this browser, and with a new session id everything that belonged to it.
func Forget(r *web.Request) error {
	if err := r.Session.EndLogin(r.Context()); err != nil {
		return err
	}
	r.Session.DropAccess()
	return nil
}

// SignedOut ends the login here and leads away. revoked says that it has ended at TCB too.
func (v *Room) SignedOut(r *web.Request, title i18n.Message, revoked bool, to string) (web.Reply, error) {
	if err := Forget(r); err != nil {
		return web.Reply{}, err
	}
	return web.Leave(&views.InterstitialPage{
		Base:    v.signedOutBase(r, title),
		Lead:    i18n.Msg("interstitial.lead"),
		Revoked: revoked,
		Data:    views.Departure{To: to, Forget: StorageKeys(&r.LoginRequest)},
	})
}

func (v *Room) signedOutBase(r *web.Request, title i18n.Message) views.Base {
	b := v.Page(&r.LoginRequest, "interstitial", title)
	b.Mark, b.Styled = "out", true // the portal's stylesheet draws it
	return b
}

// StorageKeys are the SDK's in localStorage that hold a login.
func StorageKeys(r *entry.LoginRequest) []string {
	return []string{"credentials_" + r.Client.ID, "user_info_" + r.Env.ID}
}

// WithState appends state to a URL's query, before its hash.
func WithState(uri, state string) string {
	if state == "" {
		return uri
	}
	before, hash, hashed := strings.Cut(uri, "#")
	sep := "?"
	if strings.Contains(before, "?") {
		sep = "&"
	}
	before += sep + "state=" + url.QueryEscape(state)
	if hashed {
		before += "#" + hash
	}
	return before
}
