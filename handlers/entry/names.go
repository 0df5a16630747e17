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

// ProviderName is an identity provider's name: the login page's, TCB's, or its id. WeChat is called so
// everywhere, whatever TCB calls its platforms.
func (r *LoginRequest) ProviderName(id, given string) string {
	way, _ := r.LoginPage.Method(id)
	name := LabelFor(r.Loc, way.Label)
	if name == "" && strings.HasPrefix(id, "wx_") { // all of TCB's that begin so are WeChat's
		name = r.Loc.T("provider.wechat")
	}
	return cmp.Or(name, given, way.Label, id)
}

// ProviderMark is the name of our own mark of an identity provider, where we have one.
func ProviderMark(id string) string {
	if strings.HasPrefix(id, "wx_") {
		return "wechat"
	}
	return ""
}

// WeChats are the ids of WeChat's providers: the one that a browser can go to, inside of WeChat or not,
// and the other. An official account signs people in inside of it alone, by one press; a code to scan
// cannot be scanned by the phone that shows it.
func WeChats(inWeChat bool) (here, elsewhere string) {
	const account, scan = "wx_mp", "wx_open"
	if inWeChat {
		return account, scan
	}
	return scan, account
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
