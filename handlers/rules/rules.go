// Package rules says what is wrong with what was typed into a form, next to its field.
package rules

import (
	"errors"
	"reflect"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"

	"tcb-login/handlers/refusal"
	"tcb-login/identifier"
	"tcb-login/password"
	"tcb-login/views"
)

// MaxIdentifier is how long one can be, in characters. The rules of forms name it as a number.
const MaxIdentifier = 254 // of an e-mail address, RFC 5321

// validate knows the rules of all forms.
var validate = newValidator()

func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	must := func(err error) {
		if err != nil {
			panic(err) // the names of the rules are constants
		}
	}
	for name, check := range formRules {
		must(v.RegisterValidation(name, func(f validator.FieldLevel) bool { return check(f.Field().String()) }))
	}
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("form") })
	return v
}

// formRules are ours, beside validator's own.
var formRules = map[string]func(string) bool{
	"username": identifier.ValidUsername,
	"code":     identifier.IsCode,
	"usercode": func(s string) bool { _, ok := identifier.ParseUserCode(s); return ok },
	"visible":  func(s string) bool { _, ok := identifier.ParseName(s); return ok },
}

// ruleKeys are the messages of the rules where a form says nothing else of them.
var ruleKeys = map[string]string{
	"max":      "error.too_long",
	"username": "error.username_form",
	"code":     "error.code_format",
	"visible":  "error.name_invisible",
	"usercode": "device.form",
}

// Check adds an error for each field that breaks a rule of its struct: fields have a tag `form`,
// which is their name, `validate`, the rules, and where a rule needs other words than its own
// `say:"rule=key"`. Lengths count characters.
func Check(wrong *views.FieldErrors, form any) {
	var broken validator.ValidationErrors
	if !errors.As(validate.Struct(form), &broken) {
		return
	}
	said := wordsOf(reflect.TypeOf(form))
	for _, f := range broken {
		key := said[f.StructField()+" "+f.Tag()]
		switch {
		case key != "":
		case f.Tag() == "required":
			key = "error.required." + f.Field()
		default:
			key = ruleKeys[f.Tag()]
		}
		wrong.Add(f.Field(), key)
	}
}

var words sync.Map // of each struct, by field and rule

func wordsOf(t reflect.Type) map[string]string {
	if known, ok := words.Load(t); ok {
		return known.(map[string]string)
	}
	said := map[string]string{}
	for _, field := range reflect.VisibleFields(t) {
		for rule := range strings.FieldsSeq(field.Tag.Get("say")) {
			name, key, _ := strings.Cut(rule, "=")
			said[field.Name+" "+name] = key
		}
	}
	words.Store(t, said)
	return said
}

// NewPassword adds all that is wrong with a new password by the rule that pages state, where
// there is one. about is what is known of whose it will be.
func NewPassword(wrong *views.FieldErrors, field, secret string, about ...string) {
	if secret == "" {
		return
	}
	for _, rule := range []struct {
		broken bool
		key    string
	}{
		{!password.Strong(secret), "error.password_weak"},
		{password.Common(secret), "error.password_common"},
		{password.Personal(secret, about...), "error.password_personal"},
	} {
		if rule.broken {
			wrong.Add(field, rule.key)
		}
	}
}

// WeakPassword says what TCB's invalid_argument is about, which may be the password or the
// verification_token: a password that meets the rule leaves the token, spent or expired.
func WeakPassword(special refusal.Table, field, secret string) {
	weak := refusal.Refusal{Status: 422, Key: "error.password_weak", Field: field}
	special["weak_password"] = weak
	special["invalid_argument"] = weak
	if password.Strong(secret) {
		special["invalid_argument"] = refusal.Codes["permission_denied"]
	}
}
