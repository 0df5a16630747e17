package views

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

// infos are what TCB may answer with.
var infos = []string{
	`{}`, `{"sub":"a","name":"b c","phone_number":"+86 138","groups":[],"providers":[{"id":"x"}],"n":1,"null":null}`,
	`{"name":"</script><script>alert(1)</script>","picture":"https://a.example/?b=c&d=e","x":"\u2028\u2029"}`,
	`{ "a" : 1 }`, `{"a": 1}`, `{"a" :1}`, `{"a":1, "b":2}`, `{"a":1 ,"b":2}`, `{"a":[ 1]}`, `{"a":[1 ]}`, `{"a":[{} ]}`, `{"a":{} }`, `{ }`,
	"{\n\t\"a\":1\r\n}", `{"a":1}` + "\n", ` {"a":1} `, `{"a":"x, y: [ z ]"}`, `{"a":"名前 ・"}`, "{\"a\":\"\xff\"}",
}

// TestJSONScript: pages have what templ's own element has.
func TestJSONScript(t *testing.T) {
	t.Parallel()
	for _, info := range append([]string{""}, infos...) {
		checkScripts(t, json.RawMessage(info))
	}
}

func FuzzJSONScript(f *testing.F) {
	for _, info := range infos {
		f.Add(info)
	}
	f.Fuzz(func(t *testing.T, info string) {
		if json.Valid([]byte(info)) {
			checkScripts(t, json.RawMessage(info))
		}
	})
}

func checkScripts(t *testing.T, info json.RawMessage) {
	t.Helper()
	g := &Guard{Mode: GuardPortal, EnvID: "<a>", Query: "a=b&c=d", Session: "/s?^", UserInfo: info}
	same(t, g.script(), templ.JSONScript("guard", struct {
		*Guard
		UserInfo json.RawMessage `json:"user_info,omitempty"`
	}{g, info}))
	c := &Completion{EnvID: "a", Credentials: map[string]string{"token": "b&c"}, UserInfo: info, RedirectURI: "https://a.example/?b&c", Back: "/"}
	same(t, c.script(), templ.JSONScript("completion", struct {
		EnvID       string          `json:"env_id"`
		ClientID    string          `json:"client_id"`
		Credentials any             `json:"credentials"`
		UserInfo    json.RawMessage `json:"user_info,omitempty"`
		RedirectURI string          `json:"redirect_uri"`
		Back        string          `json:"back"`
	}{c.EnvID, c.ClientID, c.Credentials, c.UserInfo, c.RedirectURI, c.Back}))
}

func same(t *testing.T, is, want templ.Component) {
	t.Helper()
	var got, wanted strings.Builder
	if err := is.Render(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	if err := want.Render(t.Context(), &wanted); err != nil {
		t.Fatal(err)
	}
	if got.String() != wanted.String() {
		t.Errorf("wrote %q, want %q", got.String(), wanted.String())
	}
}
