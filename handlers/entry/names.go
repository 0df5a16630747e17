package entry

import (
	"cmp"
	"strings"
	"unicode"

	"tcb-login/config/input"
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

// Names are env_id, client_id and config_version as the log has them: what the address asks for, as
// far as it can be one. That the settings have none of that name is what an operator looks for.
func (r *LoginRequest) Names() (env, client, version string) {
	if r.Env != nil {
		env = r.Env.ID
	} else {
		env = logged(r.EnvID)
	}
	if r.Client != nil {
		client = r.Client.ID
	} else {
		client = logged(r.ClientID)
	}
	if r.LoginPage != nil {
		version = r.LoginPage.Key.Version
	} else {
		version = logged(r.ConfigVersion)
	}
	return env, client, version
}

func logged(id string) string {
	if len(id) > 64 || !input.IsID(id) {
		return ""
	}
	return id
}
