package config

import "slices"

// Method is a way to sign in; the values are the ids of TCB's own
// login.config.json.
type Method string

const (
	MethodPassword Method = "__password"
	MethodSMS      Method = "__sms"
	MethodEmail    Method = "email"
)

// Login is what one login page offers and how it presents itself.
type Login struct {
	Name    string   // of the app, shown on the page; may be empty
	Methods []Method // those offered, the first is shown first
	SignUp  bool     // whether new accounts are made; code sign-in then registers by itself (registerType auto)
}

// Offers reports whether the page offers a method.
func (l *Login) Offers(m Method) bool {
	return slices.Contains(l.Methods, m)
}

// phoneRegion is the one region where TCB sends text messages (SDK docs,
// "Phone number login is only supported in the Shanghai region").
const phoneRegion = "ap-shanghai"

// Login finds the login page of a config_version. There is one so far: `env`,
// built in, with every method that the environment's region has.
func (e *Environment) Login(configVersion string) (*Login, bool) {
	if configVersion != "env" {
		return nil, false
	}
	l := &Login{Name: e.Name, Methods: []Method{MethodPassword}, SignUp: true}
	if e.Region == phoneRegion {
		l.Methods = append(l.Methods, MethodSMS)
	}
	l.Methods = append(l.Methods, MethodEmail)
	return l, true
}
