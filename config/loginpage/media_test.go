package loginpage

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

const svgStart = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40px" height="30">`

func encoded(t *testing.T, encode func(*bytes.Buffer, image.Image) error, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNewMedia(t *testing.T) {
	t.Parallel()
	asPNG := func(b *bytes.Buffer, i image.Image) error { return png.Encode(b, i) }
	asJPEG := func(b *bytes.Buffer, i image.Image) error { return jpeg.Encode(b, i, nil) }
	asGIF := func(b *bytes.Buffer, i image.Image) error { return gif.Encode(b, i, nil) }
	// A lossless WebP of one pixel.
	webp := []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00")
	tests := []struct {
		name          string
		data          []byte
		kind, ending  string
		width, height int
	}{
		{"png", encoded(t, asPNG, 3, 2), "image/png", ".png", 3, 2},
		{"jpeg", encoded(t, asJPEG, 3, 2), "image/jpeg", ".jpg", 3, 2},
		{"gif", encoded(t, asGIF, 3, 2), "image/gif", ".gif", 3, 2},
		{"webp", webp, "image/webp", ".webp", 1, 1},
		{"svg", []byte(svgStart + `</svg>`), "image/svg+xml", ".svg", 40, 30},
		{"svg with a declaration", []byte("\ufeff<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a -->\n" + svgStart + `</svg>`), "image/svg+xml", ".svg", 40, 30},
		{"svg with a view box", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="100%" viewBox="0,0 12.4 7.5"/>`), "image/svg+xml", ".svg", 12, 8},
		{"svg of no size", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="-1" height="NaN" viewBox="0 0 1"/>`), "image/svg+xml", ".svg", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := newMedia(tt.data)
			if err != nil {
				t.Fatal(err)
			}
			if m.Type != tt.kind || m.Width != tt.width || m.Height != tt.height || len(m.Name) != 16+len(tt.ending) ||
				!strings.HasSuffix(m.Name, tt.ending) || !bytes.Equal(m.Data, tt.data) {
				t.Errorf("got %s, %s, %d by %d", m.Name, m.Type, m.Width, m.Height)
			}
		})
	}
	for name, data := range map[string][]byte{
		"not a picture":    []byte("%PDF-1.7"),
		"a broken picture": []byte("GIF89a"),
		"XML that is no":   []byte("<html><body/></html>"),
		"9000 by 1 pixels": encoded(t, asPNG, 9000, 1),
	} {
		if _, err := newMedia(data); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

func TestCheckSVG(t *testing.T) {
	t.Parallel()
	good := []string{
		`<defs><linearGradient id="g"/></defs><path fill="url(#g)" style="fill:url( '#g' )"/><use xlink:href="#g" href="#g"/>`,
		`<style>.a{fill:#fff;clip-path:url("#g")}</style><title>On &amp; off</title>`,
		`<image href="data:image/png;base64,iVBORw0KGgo="/><text font-family="Inter">x</text>`,
		`<g aria-label="Image (2), by url" data-name="src"/>`,
		`<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></metadata>`,
		`<circle r="1"><animate attributeName="r" to="2" dur="1s"/></circle>`,
	}
	for _, inside := range good {
		if _, _, err := checkSVG([]byte(svgStart + inside + `</svg>`)); err != nil {
			t.Errorf("%s: %v", inside, err)
		}
	}
	bad := []struct{ inside, want string }{
		{`<script>alert(1)</script>`, "a script element"},
		{`<SCRIPT/>`, "a script element"},
		{`<x:script xmlns:x="http://www.w3.org/2000/svg"/>`, "a script element"},
		{`<path onclick="alert(1)"/>`, "an event handler (onclick)"},
		{`<path ONLOAD="alert(1)"/>`, "an event handler (onload)"},
		{`<foreignObject/>`, "a foreignobject element"},
		{`<iframe/>`, "a iframe element"},
		{`<b xmlns="http://www.w3.org/1999/xhtml"/>`, "HTML in it"},
		{`<a href="javascript:alert(1)"/>`, "outside of it"},
		{`<a xlink:href=" https://evil.example"/>`, "outside of it"},
		{`<image href="https://evil.example/x.png"/>`, "outside of it"},
		{`<image href="data:image/svg+xml;base64,AAAA"/>`, "outside of it"},
		{`<use href="data:image/png;base64,AAAA"/>`, "outside of it"},
		{`<g xml:base="https://evil.example/"/>`, "xml:base"},
		{`<path fill="url(https://evil.example/#g)"/>`, "a url()"},
		{`<path style="background:URL( &quot;//evil.example&quot; )"/>`, "a url()"},
		{`<style>@import "https://evil.example";</style>`, "CSS that loads something"},
		{`<style>@im<!-- -->port "https://evil.example";</style>`, "CSS that loads something"},
		{`<style>@im<![CDATA[port]]> "https://evil.example";</style>`, "CSS that loads something"},
		{`<style>.a{background:u\72l(//evil.example)}</style>`, "a backslash"},
		{`<g style="cursor:image-set('https://evil.example' 1x)"/>`, "CSS that loads something"},
		{`<set attributeName="onclick" to="alert(1)"/>`, "an animation"},
		{`<animate attributeName="xlink:href" values="javascript:alert(1)"/>`, "an animation"},
		{`<?xml-stylesheet href="https://evil.example"?>`, "<?xml-stylesheet?>"},
		{`&evil;`, "not valid XML"},
		{`<path`, "not valid XML"},
		{strings.Repeat("<g>", 200) + strings.Repeat("</g>", 200), "nested deeper"},
	}
	for _, tt := range bad {
		if _, _, err := checkSVG([]byte(svgStart + tt.inside + `</svg>`)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.inside, err, tt.want)
		}
	}
	for _, whole := range []string{
		`<!DOCTYPE svg [<!ENTITY a "b">]>` + svgStart + `</svg>`,
		`<svg/>`, `<!-- -->`, svgStart + `</svg>` + svgStart + `</svg>`, `<?xml version="1.0" encoding="UTF-16"?>` + svgStart + `</svg>`,
	} {
		if _, _, err := checkSVG([]byte(whole)); err == nil {
			t.Errorf("%s is taken", whole)
		}
	}
}

func FuzzCheckSVG(f *testing.F) {
	f.Add([]byte(svgStart + `<style>a{}</style><path fill="url(#a)"/></svg>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, err := checkSVG(data); err == nil && bytes.Contains(bytes.ToLower(data), []byte("<script")) &&
			!bytes.Contains(data, []byte("<!--")) && !bytes.Contains(data, []byte("<![CDATA[")) {
			t.Errorf("script in %q", data)
		}
	})
}
