package captcha

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

// gifOf is the data URL of a GIF that takes as many bytes of a form's body as it can
// without taking more than posted, filled with one character of base64.
func gifOf(posted int, fill string) string {
	data := "data:image/gif;base64," + base64.StdEncoding.EncodeToString([]byte("GIF89a\x01\x00\x01")) // nine bytes, no padding
	each := 4 * postedLength(fill)
	return data + strings.Repeat(fill, 4*((posted-postedLength(data))/each))
}

func TestPicture(t *testing.T) {
	t.Parallel()
	const (
		gif  = "R0lGODlhAQABAAAAACw="
		png  = "iVBORw0KGgo="
		jpeg = "/9j/4AAQSkZJRg=="
		webp = "UklGRhoAAABXRUJQVlA4TA=="
	)
	for _, tt := range []struct{ data, want string }{
		{"data:image/gif;base64," + gif, "data:image/gif;base64," + gif},
		{"data:image/png;base64," + png, "data:image/png;base64," + png},
		{"data:image/jpeg;base64," + jpeg, "data:image/jpeg;base64," + jpeg},
		{"data:image/webp;base64," + webp, "data:image/webp;base64," + webp},
		// As browsers take them.
		{"DATA:Image/GIF;BASE64," + gif, "data:image/gif;base64," + gif},
		{"data:image/gif;charset=utf-8;base64," + gif, "data:image/gif;base64," + gif},
		{"data:image/gif;a=b;c=\"d\";Base64," + gif, "data:image/gif;base64," + gif},
		{"data:image/gif ; base64 ," + gif, "data:image/gif;base64," + gif},
		{"data:image/jpg;base64," + jpeg, "data:image/jpeg;base64," + jpeg},
		{"data:image/png;base64," + gif, "data:image/gif;base64," + gif}, // an image is what its bytes are
		{"data:image/gif;base64," + strings.TrimRight(gif, "="), "data:image/gif;base64," + gif},
		{"data:image/gif;base64,R0lGODlh\r\nAQABAAAAACw=\n", "data:image/gif;base64," + gif},
		{"data:image/jpeg;base64,%2F9j%2F4AAQSkZJRg%3D%3D", "data:image/jpeg;base64," + jpeg},
		{"data:image/gif;base64," + gif + "#frame", "data:image/gif;base64," + gif},
		{gifOf(MaxPicture, "A"), gifOf(MaxPicture, "A")},
		{gifOf(MaxPicture, "/"), gifOf(MaxPicture, "/")},

		{gifOf(MaxPicture+4, "A") + "AAAA", ""},
		{gifOf(MaxPicture+12, "/"), ""},
		{"data:image/gif;base64," + gif + "?state=x&token=y", ""},
		{"data:image/svg+xml;base64,PHN2Zy8+", ""},
		{"data:IMAGE/SVG+XML;base64," + png, ""},
		{"data:image/png;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=", ""}, // <svg xmlns…>
		{"data:image/png;base64,PHNjcmlwdD4=", ""},
		{"data:image/png;base64,", ""},
		{"data:image/png," + png, ""},
		{"data:image/png;base64," + png + "\" onerror=\"x", ""},
		{"data:image/png;base64,%zz", ""},
		{"data:text/html;base64," + png, ""},
		{"data:image/bmp;base64,Qk0=", ""},
		{"data:;base64," + png, ""},
		{"javascript:data:image/png;base64," + png, ""},
		{" data:image/png;base64," + png, ""},
		{"https://evil.example/x.png", ""},
		{"data:image/png" + strings.Repeat(";a=b", 100) + ";base64," + png, ""},
		{"", ""},
	} {
		got, ok := Picture(tt.data)
		if got != tt.want && (ok || tt.want != "") || ok != (tt.want != "") {
			t.Errorf("%s: %s, %v, want %s", tt.data[:min(len(tt.data), 160)], got[:min(len(got), 160)], ok, tt.want[:min(len(tt.want), 160)])
		}
		if ok {
			if again, ok := Picture(got); !ok || again != got {
				t.Errorf("%s: read again it is %s", tt.data[:min(len(tt.data), 160)], again[:min(len(again), 160)])
			}
			if have := len(url.Values{"": {got}}.Encode()) - 1; have != postedLength(got) {
				t.Errorf("%s takes %d bytes of a form, not %d", got[:min(len(got), 160)], have, postedLength(got))
			}
		}
	}
}
