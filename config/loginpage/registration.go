package loginpage

import (
	"slices"

	"tcb-login/config/input"
)

// registration reads userRegistry, which may be nil, and what tcbLogin.signUp says about it.
func (p *parser) registration(n *jsonNode) {
	page := p.page
	page.Registration = RegistrationAuto
	var with []Kind
	if n != nil {
		var ok bool
		if with, ok = p.userRegistry(n); !ok {
			return
		}
	}
	if page.Registration == RegistrationOff {
		if own := p.own.signUp; own != nil {
			p.warnf(own.at, "signUp: has no effect: userRegistry switches registration off")
		}
		return
	}
	if with == nil {
		for _, w := range page.Methods {
			if m := w.Kind(); m == KindSMS || m == KindEmail {
				with = append(with, m)
			}
		}
	}
	page.SignUpWith = with
	p.signUpPage(n)
	switch {
	case p.own.signUpFields != nil:
		page.SignUpFields = *p.own.signUpFields
	case page.SignUpPage:
		if !p.noName {
			page.SignUpFields = append(page.SignUpFields, SignUpField{Name: SignUpName})
		}
		page.SignUpFields = append(page.SignUpFields, SignUpField{Name: SignUpUsername}, SignUpField{Name: SignUpPassword})
	}
}

// userRegistry reads how accounts come to be and returns what can verify a new one; nil: what the
// page signs in by. It returns false when n is no object.
func (p *parser) userRegistry(n *jsonNode) (with []Kind, ok bool) {
	var enabled bool
	var enable, kind, web, mini *jsonNode
	if !p.object("userRegistry", n, input.SeverityWarning, members{
		"enable": func(v *jsonNode) {
			enable = v
			enabled = p.yes("enable", v)
		},
		"registerType": func(v *jsonNode) { kind = v },
		"web":          func(v *jsonNode) { web = v },
		"miniprogram":  func(v *jsonNode) { mini = v },
	}) {
		return nil, false
	}
	if enable == nil {
		p.warnf(n.at, "userRegistry: enable is missing, which switches registration off")
	}
	if kind != nil {
		switch s, ok := p.text("registerType", kind); {
		case s == string(RegistrationAuto), s == string(RegistrationSplit):
			p.page.Registration = Registration(s)
		case ok:
			p.errorf(kind.at, `registerType: want "auto" or "split", found %s`, input.Quote(s))
		}
	}
	if !enabled {
		p.page.Registration = RegistrationOff
	}
	if web != nil {
		with = p.signUpWith("web", web, true)
	} else if mini != nil {
		with = p.signUpWith("miniprogram", mini, false)
	}
	return with, true
}

// signUpPage decides whether sign-up has pages of its own. The node is userRegistry's and may be
// nil.
func (p *parser) signUpPage(n *jsonNode) {
	page := p.page
	page.SignUpPage = page.Registration == RegistrationSplit
	if own := p.own.signUpPage; own != nil {
		if !own.yes && page.SignUpPage {
			p.errorf(own.at, "page: registerType split means that sign-up has pages of its own")
		}
		page.SignUpPage = page.SignUpPage || own.yes
	}
	if len(page.SignUpWith) == 0 && page.SignUpPage {
		at := 0
		if n != nil {
			at = n.at
		}
		p.warnf(at, "userRegistry: neither __sms nor email can verify a new account here: the sign-up page is hidden")
		page.SignUpPage = false
	}
}

// signUpWith reads the methods of userRegistry. Those of mini programs go by other ids and hold
// some that no web page has: when nothing else is there it returns nil, as if there were no list.
func (p *parser) signUpWith(name string, n *jsonNode, web bool) (with []Kind) {
	if web {
		with = []Kind{}
	}
	p.list(name, n, func(name string, item *jsonNode) {
		var id *jsonNode
		enabled := true
		if !p.object(name, item, input.SeverityWarning, members{
			"id":            func(v *jsonNode) { id = v },
			"enable":        func(v *jsonNode) { enabled = p.yes("enable", v) },
			"registerLabel": nil, "label": nil, "type": nil, "icon": nil,
		}) {
			return
		}
		if id == nil {
			p.errorf(item.at, "%s: id is missing", name)
			return
		}
		s, ok := p.text("id", id)
		if !ok || !enabled {
			return
		}
		m := Kind(s)
		if !web && s == "__miniprogram_phone" {
			m = KindSMS
		}
		switch {
		case m != KindSMS && m != KindEmail:
			if web {
				p.warnf(id.at, "id: want __sms or email, which can verify a new account; %s is left out", input.Quote(s))
			}
		case m == KindSMS && !p.source.Texts:
			p.warnf(id.at, "id: %s: sign-up by phone is hidden", noPhones)
		case !slices.Contains(with, m):
			with = append(with, m)
		}
	})
	return with
}
