//go:build e2e && screenshots

package e2e

import (
	"bytes"
	"fmt"
	"html/template"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// gallery is where TestGallery puts its page and pictures.
var gallery = filepath.Join("shots", "gallery")

var (
	schemes   = []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark}
	languages = []string{"en", "zh-CN"}
	widths    = []int{360, 1280}
)

// TestGallery photographs each page as it is at first and at its worst, for people to look through
// in shots/gallery/index.html. It asserts nothing about looks.
func TestGallery(t *testing.T) {
	if err := os.RemoveAll(gallery); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(gallery, 0o755); err != nil {
		t.Fatal(err)
	}
	hang(t)
	for _, language := range languages {
		for _, scheme := range schemes {
			t.Run(language+" "+string(*scheme), func(t *testing.T) {
				t.Parallel()
				s := share(t, options{tree: sampleTree(t)})
				b := s.visit(t).open(t, "about:blank")
				if err := b.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: scheme}); err != nil {
					t.Fatal(err)
				}
				first, worst := extremes(s.samples(t, desk, language))
				for _, p := range append(first, worst...) {
					b.goTo(t, p.address)
					for _, width := range widths {
						if err := b.SetViewportSize(width, 800); err != nil {
							t.Fatal(err)
						}
						b.picture(t, filepath.Join(gallery, picture{language, string(*scheme), width}.file(p)))
					}
				}
			})
		}
	}
}

// picture takes a picture of the whole page, with all motion at its end.
func (b *tab) picture(t *testing.T, file string) {
	t.Helper()
	if _, err := b.Screenshot(playwright.PageScreenshotOptions{
		Path: &file, FullPage: playwright.Bool(true), Animations: playwright.ScreenshotAnimationsDisabled,
	}); err != nil {
		t.Fatal(err)
	}
}

// A picture is how a sample is photographed.
type picture struct {
	Language, Scheme string
	Width            int
}

func (p picture) file(s sample) string {
	return fmt.Sprintf("%s-%s-%s-%d.png", s.slug(), p.Language, p.Scheme, p.Width)
}

// wall is the page of the gallery. Its boxes choose what hangs there.
var wall = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Gallery</title>
<style>
body { margin: 0; font: 15px/1.4 system-ui, sans-serif; background: #888; }
form { position: sticky; top: 0; z-index: 1; padding: 8px 16px; background: #fff; }
label { margin-inline-end: 16px; }
section { padding: 8px 16px; }
h2 { font-size: 17px; margin: 8px 0; }
div { display: flex; flex-wrap: wrap; gap: 12px; align-items: start; }
img { display: block; height: auto; background: #fff; }
img.w360 { width: 240px; min-height: 320px; }
img.w1280 { width: 400px; min-height: 250px; }
{{range .Boxes}}body:has(#{{.}}:not(:checked)) .{{.}} { display: none; }
{{end}}</style>
<form>{{range .Boxes}}<label><input type="checkbox" id="{{.}}" checked> {{.}}</label>{{end}}</form>
{{range .Samples}}<section class="{{.Kind}}"><h2 id="{{.ID}}">{{.Name}}</h2><div>
{{range .Pictures}}<a href="{{.File}}"><img class="{{.Language}} {{.Scheme}} w{{.Width}}" src="{{.File}}" alt="{{.Language}}, {{.Scheme}}, {{.Width}} px" loading="lazy"></a>
{{end}}</div></section>
{{end}}</html>
`))

// hang writes the page of the gallery.
func hang(t *testing.T) {
	t.Helper()
	type framedPicture struct {
		picture
		File string
	}
	type hung struct {
		ID, Name, Kind string
		Pictures       []framedPicture
	}
	var all []hung
	first, worst := extremes(share(t, options{tree: sampleTree(t)}).samples(t, desk, "en"))
	of := map[string]sample{}
	for _, s := range worst {
		of[s.page] = s
	}
	add := func(s sample, kind string) {
		h := hung{ID: s.slug(), Name: s.String(), Kind: kind}
		for _, width := range widths {
			for _, language := range languages {
				for _, scheme := range schemes {
					p := picture{language, string(*scheme), width}
					h.Pictures = append(h.Pictures, framedPicture{p, p.file(s)})
				}
			}
		}
		all = append(all, h)
	}
	for _, s := range first {
		add(s, "first")
		if s, ok := of[s.page]; ok {
			add(s, "worst")
		}
	}
	var page bytes.Buffer
	if err := wall.Execute(&page, map[string]any{
		"Boxes": []string{"first", "worst", "en", "zh-CN", "light", "dark", "w360", "w1280"}, "Samples": all,
	}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(gallery, "index.html"), page.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestGalleryDocs makes the picture that the README shows: the demo's sign-in page, light in
// English beside dark in Chinese.
func TestGalleryDocs(t *testing.T) {
	const width, height = 620, 880
	both := image.NewRGBA(image.Rect(0, 0, 2*width, height))
	s := start(t, options{bare: true})
	for i, language := range languages {
		b := s.visit(t, speaking(language), func(o *playwright.BrowserNewContextOptions) { o.ColorScheme = schemes[i] }).open(t, "about:blank")
		if err := b.SetViewportSize(width, height); err != nil {
			t.Fatal(err)
		}
		b.goTo(t, s.entry(s.origin+"/"))
		b.at(t, "sign-in")
		shot, err := b.Screenshot(playwright.PageScreenshotOptions{Animations: playwright.ScreenshotAnimationsDisabled})
		if err != nil {
			t.Fatal(err)
		}
		half, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			t.Fatal(err)
		}
		draw.Draw(both, image.Rect(i*width, 0, (i+1)*width, height), half, image.Point{}, draw.Src)
	}
	var file bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&file, both); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("..", "docs", "sign-in.png"), file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
