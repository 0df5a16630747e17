package preview

import (
	"io"
	"net/http"
	"strings"

	"tcb-login/authclient"
	"tcb-login/config/settings"
	"tcb-login/handlers/entry"
)

// What the portal's pages ask of TCB is answered here, for a person who has one of everything.

// NewAuth is a client of an API that has one person in it and no network.
func NewAuth(env settings.Environment, c settings.Client) (entry.Auth, error) {
	client, err := authclient.New(authclient.Config{
		Env: env.ID, Region: env.Region, ClientID: c.ID, Endpoint: "http://preview.invalid",
		HTTPClient: &http.Client{Transport: sampleAPI{}},
	})
	return entry.ClientAuth{Client: client}, err
}

type sampleAPI struct{}

var sampleAnswers = map[string]string{
	"/auth/v1/user/me": `{"sub":"1849755119840497664","name":"Lin Xiaoyu","username":"xiaoyu","email":"xiaoyu@example.com","phone_number":"+86 13800000000",
		"gender":"FEMALE","birthdate":"1994-05-17","locale":"zh-CN","zoneinfo":"Asia/Shanghai","has_password":true,
		"providers":[{"id":"wx_open","provider_user_id":"o1","name":"小雨"}],"created_at":"2026-01-02T03:04:05Z"}`,
	"/auth/v1/user/authorize/info": `{"client":{"id":"demo","name":"Orders"},"scopes":[{"id":"profile","name":"Your name and picture"},
		{"id":"phone","name":"Your phone number","description":"For couriers to call."},
		{"id":"user","name":"Your account","children":[{"id":"user.read","name":"Read it"},{"id":"user.write","name":"Change it"}]}]}`,
	"/auth/v1/user/provider": `{"total":2,"data":[{"id":"wx_open","name":"WeChat Open Platform","provider_user_name":"小雨","bind":true},
		{"id":"demo","name":"Demo identity provider","bind":false}]}`,
	"/auth/v1/user/security/history": `{"data":[` + sampleSignIn + `,` + sampleChanges + `,
		{"id":"1","action":"USER_LOGIN","ip":"2001:db8::7","device_id":"22222222222222222222222222222222","created_at":"2026-10-02T05:58:00Z",
		 "user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0"}]}`,
	"/auth/v1/user/security/history" + changesAlone: `{"data":[` + sampleChanges + `],"next_page_token":"sample"}`,
}

// changesAlone is the end of a question for what is no sign-in.
const changesAlone = "?ne_query"

const (
	sampleSignIn = `
		{"id":"5","action":"USER_LOGIN","ip":"203.0.113.7","device_id":"00000000000000000000000000000000","created_at":"2026-11-24T08:30:00Z",
		 "user_agent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/150.0.0.0 Safari/537.36"},
		{"id":"4","action":"USER_LOGIN","ip":"198.51.100.20","device_id":"11111111111111111111111111111111","created_at":"2026-11-22T11:05:00Z",
		 "user_agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0"}`
	sampleChanges = `
		{"id":"3","action":"USER_UPDATE_PASSWORD","ip":"198.51.100.20","device_id":"11111111111111111111111111111111","created_at":"2026-11-21T21:05:00Z",
		 "user_agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0"},
		{"id":"2","action":"USER_BIND_PROVIDER","ip":"2001:db8::7","device_id":"22222222222222222222222222222222","created_at":"2026-10-02T06:00:00Z",
		 "user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0","meta":{"from":"provider:wx_open"}}`
)

// RoundTrip answers what the pages ask, and refuses the rest.
func (sampleAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	path := r.URL.Path
	if strings.Contains(r.URL.RawQuery, "ne_query") {
		path += changesAlone
	}
	status, body := http.StatusOK, sampleAnswers[path]
	if body == "" {
		status, body = http.StatusNotImplemented, `{"error":"unimplemented","error_code":12}`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}
