package headers

import "testing"

// TestShowsImage: a picture is shown where the policy lets it load, however its host is written.
func TestShowsImage(t *testing.T) {
	t.Parallel()
	h := New(nil, "", []string{"https://cdn.example.com", "https://img.example.org:443", "https://xn--bcher-kva.example"}, 0)
	for picture, want := range map[string]bool{
		"https://cdn.example.com/a.png":              true,
		"https://CDN.example.com:443/a.png":          true,
		"https://img.example.org/a.png":              true,
		"https://Bücher.example/a.png":               true,
		"https://cdn.example.com:8443/a.png":         false,
		"http://cdn.example.com/a.png":               false,
		"https://cdn.example.com.evil.example/a.png": false,
		"https://u@cdn.example.com/a.png":            false,
		"//cdn.example.com/a.png":                    false,
		"":                                           false,
	} {
		if got := h.ShowsImage(picture); got != want {
			t.Errorf("%q is shown: %t", picture, got)
		}
	}
}
