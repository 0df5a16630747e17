package settings

import (
	"strings"
	"testing"

	"tcb-login/authclient"
)

// TestAddress: which of TCB's hosts an environment's calls go to, what goes with what, and where it is told.
func TestAddress(t *testing.T) {
	t.Parallel()
	const cloud, gateway, intl = "https://one.%s.tcb-api.tencentcloudapi.com", "https://one.api.tcloudbasegateway.com", "https://one.api.intl.tcloudbasegateway.com"
	tests := []struct {
		yaml, want string
		problems   []string // of addresses, in part
	}{
		{"", strings.Replace(cloud, "%s", "ap-shanghai", 1), nil},
		{", region: ap-guangzhou", strings.Replace(cloud, "%s", "ap-guangzhou", 1), nil},
		{", publishable_key: env:PK", gateway, nil},
		{", endpoint_mode: gateway, publishable_key: env:PK", gateway, nil},
		{", region: ap-hongkong, publishable_key: env:PK", gateway, nil},
		{", region: ap-singapore, publishable_key: env:PK", intl, nil},
		{", region: ap-singapore, intl: true, publishable_key: env:PK", intl, nil},
		{", region: ap-singapore", intl, []string{"warning: publishable_key is missing"}},
		{", endpoint_mode: gateway", gateway, []string{"warning: publishable_key is missing"}},
		{", region: ap-singapore, intl: false, publishable_key: env:PK", "", []string{"error: intl: \"ap-singapore\" has TCB's international gateway alone"}},
		{", intl: true, publishable_key: env:PK", intl, []string{"warning: intl: the gateway of \"ap-shanghai\" is not the international one"}},
		{", intl: true", intl, []string{"warning: intl: the gateway", "warning: publishable_key is missing"}},
		{", region: ap-singapore, endpoint_mode: cloud_api", strings.Replace(cloud, "%s", "ap-singapore", 1), []string{"warning: endpoint_mode: TCB documents no other host"}},
		{", endpoint_mode: cloud_api, publishable_key: env:PK", "", []string{"error: endpoint_mode: publishable_key is sent to TCB's gateway alone"}},
		{", endpoint_mode: cloud_api, intl: true", "", []string{"error: intl: of TCB's hosts only the gateway"}},
		{", endpoint_mode: CLOUD_API", "", []string{"error: endpoint_mode: want \"cloud_api\" or \"gateway\""}},
		{", endpoint: https://proxy.example, endpoint_mode: cloud_api, intl: true, publishable_key: env:PK", "https://proxy.example",
			[]string{"warning: endpoint_mode is not used", "warning: intl is not used"}},
	}
	for _, tt := range tests {
		s, problems := Parse("s", []byte("environments: [{id: one"+tt.yaml+"}]"), Launch{Env: func(string) (string, bool) { return publishableOf(), true }})
		var got []string
		for _, p := range problems {
			if !strings.Contains(p.Message, "session.keys") && !strings.Contains(p.Message, "phone numbers") {
				got = append(got, string(p.Severity)+": "+p.Message)
			}
		}
		if len(got) != len(tt.problems) {
			t.Errorf("%q: %q, want %q", tt.yaml, got, tt.problems)
			continue
		}
		for i, want := range tt.problems {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("%q: %q, want %q", tt.yaml, got[i], want)
			}
		}
		if e := s.Environments[0]; !problems.HasErrors() && clientOf(e).Address() != tt.want {
			t.Errorf("%q: calls go to %s, want %s", tt.yaml, clientOf(e).Address(), tt.want)
		}
	}
}

// clientOf is a client of an environment, as the program makes them.
func clientOf(e Environment) authclient.Config {
	mode := authclient.EndPointMode(strings.ToUpper(e.EndpointMode))
	return authclient.Config{Env: e.ID, Region: e.Region, EndPointMode: mode, Intl: e.Intl, Endpoint: e.Endpoint, PublishableKey: e.PublishableKey.Reveal()}
}

// The client takes for granted what the settings do: of each region the two say the same.
func TestAddressIsTheClients(t *testing.T) {
	t.Parallel()
	for _, region := range append([]string{"ap-singapore", "na-siliconvalley", "eu-frankfurt"}, chinaRegions...) {
		s, problems := Parse("s", []byte("environments: [{id: one, region: "+region+"}]"), Launch{Env: testEnv})
		if problems.HasErrors() {
			t.Fatal(problems)
		}
		alone := authclient.Config{Env: "one", Region: region}.Address()
		if got := clientOf(s.Environments[0]).Address(); got != alone {
			t.Errorf("%s: %s, and the client alone %s", region, got, alone)
		}
		with := authclient.Config{Env: "one", Region: region, EndPointMode: authclient.Gateway}.Address()
		e := s.Environments[0]
		e.EndpointMode = EndpointGateway
		if got := clientOf(e).Address(); got != with {
			t.Errorf("%s: by the gateway %s, and the client alone %s", region, got, with)
		}
	}
}
