package config

// Logins are the login pages of all environments. They are read from the trees that the settings
// name and can be read anew while the program runs: a file that is broken then keeps its last good
// page. Safe for concurrent use.
type Logins struct {
	builtIn map[string]*Login // by env_id, for environments without a tree
}

// BuiltInLogins are the pages of settings that name no login configs.
func BuiltInLogins(s *Settings) *Logins {
	l := &Logins{builtIn: map[string]*Login{}}
	for i := range s.Environments {
		e := &s.Environments[i]
		l.builtIn[e.ID] = BuiltIn(e)
	}
	return l
}

// Find returns the page of a key, or nil.
func (l *Logins) Find(key LoginKey) *Login {
	if key.Version != EnvVersion {
		return nil
	}
	return l.builtIn[key.Env]
}
