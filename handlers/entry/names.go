package entry

import (
	"cmp"
	"strings"
	"unicode"

	"tcb-login/i18n"
)

// LabelFor is an operator's label where it fits the page. TCB's own are in Chinese: on a page in
// another language our words are better.
func LabelFor(loc *i18n.Localizer, label string) string {
	base, _ := loc.Tag().Base()
	if base.String() != "zh" && strings.ContainsFunc(label, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return ""
	}
	return label
}

// ProviderName is an identity provider's name: the login page's, TCB's, or its id.
func (r *LoginRequest) ProviderName(id, given string) string {
	way, _ := r.LoginPage.Method(id)
	name := cmp.Or(LabelFor(r.Loc, way.Label), given)
	if name == "" && strings.HasPrefix(id, "wx_") { // all of TCB's that begin so are WeChat's
		name = r.Loc.T("provider.wechat")
	}
	return cmp.Or(name, way.Label, id)
}
