package views

import (
	"slices"

	"tcb-login/i18n"
)

// Invalid reports whether the page has an error to show.
func (b *Base) Invalid() bool {
	return len(b.Errors) > 0 || b.Alert.Kind == AlertError
}

// summarizes reports that the page has a summary of errors: of the page as a whole, or of more fields
// than one. One field alone says for itself what is wrong with it, and has the focus.
func (b *Base) summarizes() bool { return b.Alert.Kind == AlertError || b.lists() }

// lists reports that several fields are wrong.
func (b *Base) lists() bool {
	return slices.ContainsFunc(b.Errors, func(e FieldError) bool { return e.Field != b.Errors[0].Field })
}

// focuses reports that a field takes the focus: the one that is wrong, a captcha, or the page's first.
// A summary of errors would.
func (b *Base) focuses(field string, first bool) bool {
	switch {
	case b.Still || b.summarizes():
		return false
	case len(b.Errors) > 0:
		return field == b.Errors[0].Field
	case b.Captcha != nil:
		return field == "captcha_key"
	}
	return first
}

// fieldError is the first message of a field, zero when it is fine.
func (b *Base) fieldError(field string) i18n.Message {
	if all := b.fieldErrors(field); len(all) > 0 {
		return all[0]
	}
	return i18n.Message{}
}

// fieldErrors are all messages of a field.
func (b *Base) fieldErrors(field string) (all []i18n.Message) {
	for _, e := range b.Errors {
		if e.Field == field {
			all = append(all, e.Message)
		}
	}
	return all
}

// describedBy joins the ids of a field's help and error.
func (b *Base) describedBy(field string, help bool) string {
	ids := ""
	if help {
		ids = field + "-help"
	}
	if !b.fieldError(field).IsZero() {
		if ids != "" {
			ids += " "
		}
		ids += field + "-error"
	}
	return ids
}

// passwordRuleList is what a new password must be like, by the messages that say so, with regular
// expressions that both Go and browsers read. What has none is for the server to see.
var passwordRuleList = []struct{ key, pattern string }{
	{"password.rule.length", `^.{8,64}$`},
	{"password.rule.upper", `\p{Lu}`},
	{"password.rule.lower", `\p{Ll}`},
	{"password.rule.digit", `\p{Nd}`},
	{"password.rule.symbol", `[^\p{L}\p{Nd}]`},
	{"password.rule.own", ""},
}

// Names are what an account can have besides a username to sign in with.
type Names struct{ Phone, Email bool }

// Key is the message of that name for what there is.
func (n Names) Key(of string) string {
	switch {
	case n.Phone && n.Email:
		return of
	case n.Phone:
		return of + "_phone"
	case n.Email:
		return of + "_email"
	}
	return of + "_name"
}
