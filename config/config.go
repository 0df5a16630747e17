// Package config reads what operators write: the settings of the program and the login pages that
// TCB keeps in files called login.config.json. Package settings reads the one, package loginpage
// the other, and neither knows of the other; what needs both is here.
//
// Everything that is wrong with either comes back at once, each problem with its file, line and
// column ([input.Problem]).
package config

import (
	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
)

// Load reads settings and the login pages that they name, so that a mistake in the one does not
// hide those in the other. Both are nil when there are errors among the problems.
func Load(path string, launch settings.Launch, cat loginpage.Catalogue) (*settings.Settings, *loginpage.Pages, input.Problems) {
	s, problems := settings.Load(path, launch)
	pages, more := LoadPages(s, cat)
	if problems = append(problems, more...); problems.HasErrors() {
		return nil, nil, problems
	}
	return s, pages, problems
}

// LoadPages reads the login pages that the settings name, as [loginpage.Load] does.
func LoadPages(s *settings.Settings, cat loginpage.Catalogue) (*loginpage.Pages, input.Problems) {
	return loginpage.Load(sources(s), cat)
}

// BuiltInPages are the login pages of settings that name no login configs.
func BuiltInPages(s *settings.Settings) *loginpage.Pages {
	without := sources(s)
	for i := range without {
		without[i].Tree = ""
	}
	pages, _ := loginpage.Load(without, nil)
	return pages
}

// sources are where the pages of each environment come from.
func sources(s *settings.Settings) []loginpage.Source {
	var all []loginpage.Source
	for i := range s.Environments {
		e := &s.Environments[i]
		all = append(all, loginpage.Source{Env: e.ID, Name: e.Name, Tree: e.LoginConfigs, Texts: e.Texts(), Demo: e.Demo})
	}
	return all
}
