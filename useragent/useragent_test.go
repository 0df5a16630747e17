package useragent

import "testing"

func TestParse(t *testing.T) {
	t.Parallel()
	const webkit = " AppleWebKit/537.36 (KHTML, like Gecko) "
	tests := []struct{ header, name, kind string }{
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)" + webkit + "Chrome/150.0.0.0 Safari/537.36", "Chrome\u00a0· Mac", Desktop},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + webkit + "Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0", "Edge\u00a0· Windows", Desktop},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox\u00a0· Linux", Desktop},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0", "WeChat\u00a0· iPhone", Phone},
		{"Mozilla/5.0 (iPad; CPU OS 20_0 like Mac OS X) AppleWebKit/605.1.15 Version/20.0 Mobile/15E148 Safari/604.1", "Safari\u00a0· iPad", Tablet},
		{"Mozilla/5.0 (Linux; Android 16; K)" + webkit + "Chrome/150.0.0.0 Mobile Safari/537.36", "Chrome\u00a0· Android", Phone},
		{"Mozilla/5.0 (Linux; Android 16; K)" + webkit + "Chrome/150.0.0.0 Safari/537.36", "Chrome\u00a0· Android", Tablet},
		{"Mozilla/5.0 (Phone; OpenHarmony 5.0)" + webkit + "Chrome/132.0.0.0 Mobile HuaweiBrowser/5.1", "Huawei Browser\u00a0· HarmonyOS", Phone},
		{"Something/1.0 (Linux)", "Linux", Desktop},
		{"curl/8.0", "", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		if got := Parse(tt.header); got.String() != tt.name || got.Kind != tt.kind {
			t.Errorf("%q is %q, %q; want %q, %q", tt.header, got, got.Kind, tt.name, tt.kind)
		}
	}
}
