package handlers

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"tcb-login/authclient"
	"tcb-login/config/settings"
	"tcb-login/i18n"
	"tcb-login/session"
	"tcb-login/views"
)

// The portal in previews: what its pages ask of TCB is answered here, for a
// person who has one of everything.

// sampleAuth is a client of an API that has one person in it and no network.
func sampleAuth(env settings.Environment, c settings.Client) (Auth, error) {
	return authclient.New(authclient.Config{
		Env: env.ID, Region: env.Region, ClientID: c.ID, Endpoint: "http://preview.invalid",
		HTTPClient: &http.Client{Transport: sampleAPI{}},
	})
}

type sampleAPI struct{}

var sampleAnswers = map[string]string{
	"/auth/v1/user/me": `{"sub":"1849755119840497664","name":"Lin Xiaoyu","username":"xiaoyu","email":"xiaoyu@example.com","phone_number":"+86 13800000000",
		"gender":"FEMALE","birthdate":"1994-05-17","locale":"zh-CN","zoneinfo":"Asia/Shanghai","has_password":true,
		"providers":[{"id":"wx_open","provider_user_id":"o1","name":"小雨"}],"created_at":"2026-01-02T03:04:05Z"}`,
	"/auth/v1/user/provider": `{"total":2,"data":[{"id":"wx_open","name":"WeChat Open Platform","provider_user_name":"小雨","bind":true},
		{"id":"demo","name":"Demo identity provider","bind":false}]}`,
	"/auth/v1/user/security/history": `{"data":[
		{"id":"4","action":"USER_LOGIN","ip":"203.0.113.7","device_id":"00000000000000000000000000000000","created_at":"2026-11-24T08:30:00Z",
		 "user_agent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/150.0.0.0 Safari/537.36"},
		{"id":"3","action":"USER_UPDATE_PASSWORD","ip":"203.0.113.7","device_id":"11111111111111111111111111111111","created_at":"2026-11-21T21:05:00Z",
		 "user_agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0"},
		{"id":"2","action":"USER_BIND_PROVIDER","ip":"2001:db8::7","device_id":"22222222222222222222222222222222","created_at":"2026-10-02T06:00:00Z",
		 "user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0","meta":{"from":"provider:wx_open"}}],
		"next_page_token":"sample"}`,
}

// RoundTrip answers what the pages ask, and refuses the rest.
func (sampleAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, sampleAnswers[r.URL.Path]
	if body == "" {
		status, body = http.StatusNotImplemented, `{"error":"unimplemented","error_code":12}`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// at is the sampler on a page of the portal, signed in.
func (s *sampler) at(path string) *sampler {
	r := *s.r
	r.path = path
	r.me = &authclient.UserInfo{}
	if err := json.Unmarshal([]byte(sampleAnswers["/auth/v1/user/me"]), r.me); err != nil {
		panic(err) // the sample is a constant
	}
	r.access = session.Access{AccessToken: "sample", Sub: r.me.Sub, DeviceID: strings.Repeat("0", 32), ExpiresAt: s.h.now().Unix() + 7200}
	return &sampler{h: s.h, c: s.c, r: &r}
}

// take adds what another sampler has made.
func (s *sampler) take(other *sampler) { s.all = append(s.all, other.all...) }

// must is for constructors that fail only when TCB does, which a sample never does.
func must(f form, err error) form {
	if err != nil {
		panic(err)
	}
	return f
}

func (s *sampler) portal() {
	h := s.h
	page := func(path, name, state string, make func(*sampler) form) {
		of := s.at(path)
		of.page(name, path, state, func(dress func(*views.Base)) templ.Component {
			f := make(of)
			dress(f.base)
			return f.view()
		})
		s.take(of)
	}
	forms := func(path, name string, make func(*sampler) form, own ...formState) {
		of := s.at(path)
		of.forms(name, path, func() form { return make(of) }, own...)
		s.take(of)
	}
	page("/account", "account", "empty", func(s *sampler) form { return h.accountPage(s.r) })
	page("/account", "account", "done", func(s *sampler) form {
		s.r.done = "password"
		return h.accountPage(s.r)
	})
	page("/account", "account", "new-account", func(s *sampler) form {
		s.r.me = &authclient.UserInfo{Sub: s.r.me.Sub, PhoneNumber: s.r.me.PhoneNumber}
		return h.accountPage(s.r)
	})
	forms("/account/profile", "account-profile", func(s *sampler) form {
		_, f := h.profilePage(s.request())
		return f
	},
		fieldsWrong("invalid", "picture", "error.picture", "birthdate", "error.birthdate", "zoneinfo", "error.zoneinfo"),
	)
	s.stepUps(forms)
	forms("/account/username", "account-username", func(s *sampler) form {
		_, f := h.usernamePage(s.request())
		return f
	},
		fieldsWrong("required", "username", "error.required.new_username"),
		fieldsWrong("invalid", "username", "error.username_form"),
		fieldsWrong("same", "username", "account.username.same"),
		fieldsWrong("taken", "username", "error.username_taken"),
	)
	for _, cf := range h.contacts {
		if !cf.phone || s.r.env.Texts() {
			of := s.at(cf.path)
			of.codePages(cf, cf.name, cf.path)
			s.take(of)
		}
	}
	forms("/account/password", "account-password", func(s *sampler) form {
		_, f := h.passwordPage(s.request())
		return f
	},
		fieldsWrong("required", "new_password", "error.required.new_password"),
		fieldsWrong("weak", "new_password", "error.password_weak"),
		fieldsWrong("common", "new_password", "error.password_common"),
		fieldsWrong("personal", "new_password", "error.password_personal"),
	)
	forms("/account/providers", "account-providers", func(s *sampler) form {
		_, _, f, err := h.providersPage(s.request())
		return must(f, err)
	}, formState{"last", func(b *views.Base) { s.alert(b, views.AlertError, i18n.Msg("account.providers.last")) }})
	page("/account/providers/bind", "account-bind", "empty", func(s *sampler) form { return h.bindPage(s.r, sampleLink) })
	forms("/account/sessions", "account-sessions", func(s *sampler) form {
		_, _, f, err := h.sessionsPage(s.request())
		return must(f, err)
	})
	page("/account/history", "account-history", "empty", func(s *sampler) form { return must(h.historyPage(s.request())) })
	forms("/account/delete", "account-delete", func(s *sampler) form {
		_, f := h.deletePage(s.request())
		return f
	},
		fieldsWrong("required", "confirm", "error.required.confirm"),
		fieldsWrong("mistyped", "confirm", "account.delete.mistyped"),
	)
	s.aroundPortal(page)
}

// stepUps are the ways in which TCB may want to know who is there.
func (s *sampler) stepUps(forms func(string, string, func(*sampler) form, ...formState)) {
	h := s.h
	of := s.at(pathVerify)
	of.codePages(h.stepUp, h.stepUp.name, pathVerify)
	s.take(of)
	forms(pathVerify+"/password", "step-up-password", func(s *sampler) form {
		s.r.me.PhoneNumber, s.r.path = "", pathVerify
		return h.stepUpPage(s.r)
	},
		fieldsWrong("required", "password", "error.required.password"),
		fieldsWrong("wrong", "password", "step-up.wrong"),
	)
	forms(pathVerify+"/provider", "step-up-provider", func(s *sampler) form {
		s.r.me.PhoneNumber, s.r.me.Email, s.r.me.HasPassword, s.r.path = "", "", false, pathVerify
		return h.stepUpPage(s.r)
	})
}

// aroundPortal are the pages on the ways into the portal and out of it, and to
// identity providers and back.
func (s *sampler) aroundPortal(page func(string, string, string, func(*sampler) form)) {
	h := s.h
	out := func(path, name string, make func(*request) form) {
		page(path, name, "empty", func(s *sampler) form {
			r := *s.r
			r.me = nil
			return make(&r)
		})
	}
	out("/account/take-over", "take-over", h.takeOver)
	out("/account/anonymous", "account-anonymous", h.offerRegistration)
	out("/goodbye", "goodbye", h.goodbyePage)
	page("/continue", "continue", "empty", func(s *sampler) form {
		r := *s.r
		return h.continuePage(&r)
	})
	out("/provider/unknown", "provider-unknown", func(r *request) form { return h.unknownPage(r, sampleLink) })
	for _, lead := range []string{"provider.cancelled", "provider.failed", "provider.other_identity"} {
		page("/provider/failed", "provider-failed", strings.TrimPrefix(lead, "provider."), func(s *sampler) form {
			r := *s.r
			return h.tripFailedPage(&r, trip{Provider: "wx_open", For: tripSignIn}, lead)
		})
	}
	out("/provider/return", "provider-return", func(r *request) form {
		_, f := h.returnPage(r, "sample", "sample")
		return f
	})
}
