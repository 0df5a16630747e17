package account

import (
	"tcb-login/handlers/entry"
	"tcb-login/handlers/portal"
	"tcb-login/handlers/stepup"
)

// table is all pages of the portal.
func (a *Room) table(verify *stepup.Room) []portal.Page {
	all := []portal.Page{
		{Name: "account", Path: entry.PathAccount, Get: a.getOverview, Samples: a.overviewSamples},
		{
			Name: "account-profile", Path: "/account/profile", Get: a.getProfile, Post: a.postProfile,
			Forms:    map[string]portal.Rebuild{"account-profile": a.rebuildProfile},
			Overview: []portal.Summary{{Section: "profile", Place: 1, Row: a.nameRow}, {Section: "profile", Place: 3, Row: a.moreRow}},
			Samples:  a.profileSamples,
		},
		verify.Page(),
		{
			Name: "account-username", Path: "/account/username", StepUp: true, Get: a.getUsername, Post: a.postUsername,
			Forms:    map[string]portal.Rebuild{"account-username": a.rebuildUsername},
			Overview: []portal.Summary{{Section: "profile", Place: 2, Row: a.usernameRow}},
			Samples:  a.usernameSamples,
		},
		a.contactPage(phoneContact, portal.Page{
			Name: "account-phone", Path: entry.PathPhone, StepUp: true, Texts: true,
			Overview: []portal.Summary{{Section: "sign-in", Place: 1, Row: a.phoneRow}},
		}),
		a.contactPage(emailContact, portal.Page{
			Name: "account-email", Path: "/account/email", StepUp: true,
			Overview: []portal.Summary{{Section: "sign-in", Place: 2, Row: a.emailRow}},
		}),
		{
			Name: "account-password", Path: PathPassword, StepUp: true, Get: a.getPassword, Post: a.postPassword,
			Forms:    map[string]portal.Rebuild{"account-password": a.rebuildPassword},
			Overview: []portal.Summary{{Section: "sign-in", Place: 3, Row: a.passwordRow}},
			Samples:  a.passwordSamples,
		},
		{ // its changes ask for a step-up themselves
			Name: "account-providers", Path: entry.PathProviders, TakesLink: true, Get: a.getProviders, Post: a.postProviders,
			Forms:    map[string]portal.Rebuild{"account-providers": a.rebuildProviders, "account-bind": a.rebuildBind},
			Overview: []portal.Summary{{Section: "sign-in", Place: 4, Row: a.providersRow}},
			Samples:  a.providersSamples,
		},
		{
			Name: "account-sessions", Path: "/account/sessions", Get: a.getSessions, Post: a.postSessions,
			Forms:    map[string]portal.Rebuild{"account-sessions": a.rebuildSessions},
			Overview: []portal.Summary{{Section: "safety", Place: 1, Row: a.sessionsRow}},
			Samples:  a.sessionsSamples,
		},
		{
			Name: "account-history", Path: "/account/history", Get: a.getHistory, ListsChanges: true,
			Overview: []portal.Summary{{Section: "safety", Place: 2, Row: a.historyRow}},
			Samples:  a.historySamples,
		},
	}
	return append(all, a.wholePages()...)
}

// wholePages are those about the account as a whole.
func (a *Room) wholePages() []portal.Page {
	return []portal.Page{
		{
			Name: formData, Path: pathData, StepUp: true, Repeatable: true, Get: a.getData, Post: a.postData,
			Forms:    map[string]portal.Rebuild{formData: a.rebuildData},
			Overview: []portal.Summary{{Section: "safety", Place: 4, Row: a.dataRow}},
			Samples:  a.dataSamples,
		},
		{
			Name: formReview, Path: entry.PathReview, OnWay: true, Get: a.getReview, Post: a.postReview,
			Forms:    map[string]portal.Rebuild{formReview: a.rebuildReview},
			Overview: []portal.Summary{{Section: "safety", Place: 0, Row: a.reviewRow}},
			Samples:  a.reviewSamples,
		},
		{
			Name: "account-delete", Path: "/account/delete", StepUp: true, Get: a.getDelete, Post: a.postDelete,
			Forms:    map[string]portal.Rebuild{"account-delete": a.rebuildDelete},
			Overview: []portal.Summary{{Section: "danger", Place: 1, Row: a.deleteRow}},
			Samples:  a.deleteSamples,
		},
		{
			Name: "device", Path: entry.PathDevice, Proved: true, Get: a.getDevice, Post: a.postDevice,
			Typed: withTypedCode, Confirm: a.deviceEnd,
			Forms:   map[string]portal.Rebuild{"device": a.rebuildDevice},
			Samples: a.deviceSamples,
		},
	}
}
