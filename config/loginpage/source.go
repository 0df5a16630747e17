package loginpage

import "tcb-login/theme"

// A Source is where the pages of one environment come from, and what they need to know of it.
type Source struct {
	Env   string // env_id
	Name  string // of the app, for the built-in page
	Tree  string // folder of the login configs; empty: the environment has the built-in page
	Texts bool   // TCB sends text messages for the environment
	Demo  bool   // the built-in page also offers what only the emulator has
}

// noPhones says why what depends on text messages is left out.
const noPhones = "TCB offers phone numbers only in ap-shanghai"

// EnvVersion is the config_version of an environment's own page.
const EnvVersion = "env"

// BuiltIn is the page of an environment without login configs: every method that its region has,
// new accounts by code or on pages of their own.
func BuiltIn(s Source) *Page {
	p := &Page{
		Key: Key{Env: s.Env, Version: EnvVersion}, Name: s.Name,
		Methods: []SignInMethod{{ID: string(KindPassword)}}, Default: KindPassword,
		Registration: RegistrationAuto, SignUpPage: true,
		SignUpFields: []SignUpField{{Name: SignUpName}, {Name: SignUpUsername}, {Name: SignUpPassword}},
		Theme:        theme.Default(),
	}
	if s.Texts {
		p.Methods = append(p.Methods, SignInMethod{ID: string(KindSMS)})
		p.SignUpWith = append(p.SignUpWith, KindSMS)
	}
	p.Methods = append(p.Methods, SignInMethod{ID: string(KindEmail)})
	if s.Demo {
		p.Methods = append(p.Methods, SignInMethod{ID: "demo", Label: "Demo ID"}) // the emulator's own identity provider
		p.Anonymous = true
	}
	p.SignUpWith = append(p.SignUpWith, KindEmail)
	return p
}
