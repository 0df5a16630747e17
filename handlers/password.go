package handlers

import (
	"context"
	_ "embed"
	"errors"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"golang.org/x/text/width"

	"tcb-login/authclient"
	"tcb-login/i18n"
	"tcb-login/views"
)

// The password of the account, and what no new password may be, wherever it is set.

// passwords.txt are the ten thousand passwords that breached sites had most
// often, lower-cased, one a line (from the lists of zxcvbn, MIT licence, Dan
// Wheeler and Dropbox, with some that people in China are fond of).
//
//go:embed passwords.txt
var commonList string

var commonPasswords = sync.OnceValue(func() map[string]bool {
	list := map[string]bool{}
	for line := range strings.Lines(commonList) {
		list[strings.TrimSpace(line)] = true
	}
	return list
})

// leet are the letters that people put signs for.
var leet = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// common reports a password of everybody's in one of the disguises that a rule
// like TCB's makes people put on: capitals, signs for letters, and digits and
// signs around it (NIST SP 800-63B-4 §3.1.1.2 wants such ones refused).
func common(password string) bool {
	folded := strings.ToLower(width.Fold.String(password))
	sign := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	other := func(r rune) bool { return !unicode.IsLetter(r) }
	for _, form := range []string{folded, leet.Replace(folded)} {
		for _, stripped := range []string{
			form, strings.TrimRightFunc(form, sign), strings.TrimFunc(form, sign),
			strings.TrimRightFunc(form, other), strings.TrimFunc(form, other),
		} {
			if commonPasswords()[stripped] {
				return true
			}
		}
	}
	// Signs for letters among trailing digits: P@ssw0rd1!
	return commonPasswords()[leet.Replace(strings.TrimRightFunc(folded, other))]
}

// personal reports a password with the person's own name in it: the first thing
// that anybody tries.
func personal(password string, about []string) bool {
	folded := strings.ToLower(width.Fold.String(password))
	for _, name := range about {
		name, _, _ = strings.Cut(strings.ToLower(name), "@")
		if strings.HasPrefix(name, "+") {
			_, name, _ = strings.Cut(name, " ")
		}
		if utf8.RuneCountInString(name) >= 4 && strings.Contains(folded, name) {
			return true
		}
	}
	return false
}

// checkNewPassword notes what is wrong with a new password, beside TCB's own
// rule. about is what is known of whose it will be.
func checkNewPassword(b *views.Base, field, password string, about ...string) {
	if utf8.RuneCountInString(password) > maxPassword {
		tooLong(b, field, password, maxPassword)
		return
	}
	switch {
	case !strong(password): // TCB says so, in its time; or there is none
	case common(password):
		wrong(b, field, "error.password_common")
	case personal(password, about):
		wrong(b, field, "error.password_personal")
	}
}

func (h *Handler) passwordPage(c *fiber.Ctx) (*views.PasswordPage, form) {
	r := requestOf(c)
	p := &views.PasswordPage{First: !r.me.HasPassword, Identifier: knownAs(r.me)}
	title := "account.password.title"
	if p.First {
		title = "account.password.title_first"
	}
	p.Base = *h.portalForm(r, "account-password", i18n.Msg(title), "/account/password")
	if c.Method() == fiber.MethodPost {
		h.readForm(c, r, "account-password")
		r.secret = h.password(c, r, "new_password")
	}
	return p, form{base: &p.Base, view: func() templ.Component { return views.Password(*p) }}
}

func (h *Handler) getPassword(c *fiber.Ctx) error {
	_, f := h.passwordPage(c)
	return h.show(c, fiber.StatusOK, f)
}

func (h *Handler) postPassword(c *fiber.Ctx) error {
	r := requestOf(c)
	page, f := h.passwordPage(c)
	need(&page.Base, "new_password", r.secret)
	checkNewPassword(&page.Base, "new_password", r.secret, r.me.Username, r.me.Email, r.me.PhoneNumber)
	if page.Invalid() {
		return h.show(c, fiber.StatusUnprocessableEntity, f)
	}
	err := h.asPerson(c, func(ctx context.Context, login *authclient.User, opts ...authclient.CallOption) error {
		return login.SetPassword(ctx, authclient.SetPasswordRequest{NewPassword: r.secret, SudoToken: r.access.SudoToken}, opts...)
	})
	if err != nil {
		special := map[string]refusal{}
		weakPassword(special, "new_password", r.secret)
		return h.refusePortal(c, f, err, special)
	}
	return h.passwordSet(c)
}

// passwordSet goes on after a new password. TCB signs other devices out then;
// should it have ended this login as well, the new password begins another.
func (h *Handler) passwordSet(c *fiber.Ctx) error {
	r := requestOf(c)
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	_, err := r.client.auth.AsUser(r.access.AccessToken).GetUserInfo(ctx, h.options(c)...)
	if !errors.Is(err, authclient.ErrUnauthenticated) {
		return h.finished(c, "/account", "password")
	}
	r.next = "account"
	var creds *authclient.Credentials
	err = h.guarded(c, authclient.CallSignIn, false, func(ctx context.Context, opts ...authclient.CallOption) (err error) {
		creds, err = r.client.auth.SignIn(ctx, authclient.SignInRequest{Username: knownAs(r.me), Password: r.secret}, opts...)
		return err
	})
	if err == nil {
		return h.complete(c, creds)
	}
	traceOf(c).code = codeOf(err)
	addCookies(c, r.session.ClearAccess(r.scope()))
	name := knownAs(r.me)
	r.me, r.secret = nil, ""
	signIn, f := h.signInPage(r, name)
	signIn.Alert = views.Alert{Kind: views.AlertOK, Message: i18n.Msg("reset.done")}
	return h.show(c, fiber.StatusOK, f)
}
