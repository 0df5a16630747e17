package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // for image.DecodeConfig
	_ "image/jpeg" // for image.DecodeConfig
	_ "image/png"  // for image.DecodeConfig
	"io"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	_ "golang.org/x/image/webp" // for image.DecodeConfig
)

// Limits of pictures, in bytes and pixels a side.
const (
	maxLogo       = 512 << 10
	maxBackground = 2 << 20
	maxSide       = 8192 // what phones can still show
	maxSVGDepth   = 100
)

// isRemote reports whether a picture's path is an address: one with a scheme, or "//host".
func isRemote(s string) bool { return scheme.MatchString(s) || strings.HasPrefix(s, "//") }

// treePath turns a path in a config into one in the tree. One that begins with "/" or with "__auth/", as
// TCB writes them, starts at the tree, any other at the folder from.
func treePath(from, s string) (name, complaint string) {
	switch {
	case s == "":
		return "", "is empty"
	case isRemote(s):
		return "", "pictures and texts are served from the tree: copy the file there and name its path, found " + quote(s)
	case strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || !unicode.IsPrint(r) }):
		return "", "not a path: " + quote(s)
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == ".." {
			return "", `".." is refused: a path stays in the tree`
		}
		if len(part) > 1 && part[0] == '.' {
			return "", "hidden files are not served: " + quote(s)
		}
	}
	if rest, ok := strings.CutPrefix(s, "/"); ok {
		return path.Clean(rest), ""
	}
	if strings.HasPrefix(s, "__auth/") {
		return path.Clean(s), ""
	}
	return path.Join(from, s), ""
}

// readFile reads a file that the config names by a path that starts at the folder from.
func (p *loginParser) readFile(name string, n *jsonNode, from string, limit int64) ([]byte, bool) {
	file, complaint := treePath(from, n.text)
	if complaint != "" {
		p.errorf(n.at, "%s: %s", name, complaint)
		return nil, false
	}
	data, err := p.tree.read(file, limit)
	if err != nil {
		p.errorf(n.at, "%s: %s cannot be read: %v", name, quote(file), err)
		return nil, false
	}
	return data, true
}

// picture reads a picture that the config names, of at most limit bytes. It is nil when there is none,
// or a problem.
func (p *loginParser) picture(name string, n *jsonNode, limit int64) *Media {
	s, ok := p.text(name, n)
	if !ok || s == "" { // TCB writes "" for none
		return nil
	}
	data, ok := p.readFile(name, n, p.dir, limit)
	if !ok {
		return nil
	}
	m, err := newMedia(data)
	if err != nil {
		p.errorf(n.at, "%s: %s: %v", name, quote(s), err)
		return nil
	}
	return m
}

// newMedia tells by its content what a picture is, and refuses what is none.
func newMedia(data []byte) (*Media, error) {
	m := &Media{Data: data}
	ending := ""
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		m.Type, ending = "image/png", ".png"
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		m.Type, ending = "image/jpeg", ".jpg"
	case bytes.HasPrefix(data, []byte("GIF8")):
		m.Type, ending = "image/gif", ".gif"
	case len(data) > 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		m.Type, ending = "image/webp", ".webp"
	case bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff"))), []byte("<")):
		m.Type, ending = "image/svg+xml", ".svg"
	default:
		return nil, errors.New("not a picture: want PNG, JPEG, GIF, WebP or SVG")
	}
	var err error
	if ending == ".svg" {
		m.Width, m.Height, err = checkSVG(data)
	} else {
		var c image.Config
		if c, _, err = image.DecodeConfig(bytes.NewReader(data)); err != nil {
			err = fmt.Errorf("a broken picture: %w", err)
		}
		m.Width, m.Height = c.Width, c.Height
	}
	if err != nil {
		return nil, err
	}
	if m.Width > maxSide || m.Height > maxSide {
		return nil, fmt.Errorf("%d by %d pixels, want at most %d a side", m.Width, m.Height, maxSide)
	}
	sum := sha256.Sum256(data)
	m.Name = hex.EncodeToString(sum[:8]) + ending
	return m, nil
}

const (
	svgNamespace   = "http://www.w3.org/2000/svg"
	xhtmlNamespace = "http://www.w3.org/1999/xhtml"
)

// checkSVG refuses drawings that can do more than be seen. Browsers run no script in an <img>, but a
// drawing has an address too, on the app's own origin, where somebody may open it as a page.
func checkSVG(data []byte) (width, height int, err error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	var open []xml.Name
	var css strings.Builder // browsers join what comments divide: "@im<!-- -->port"
	roots := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, 0, fmt.Errorf("an SVG that is not valid XML: %w", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return 0, 0, errors.New("an SVG with a DOCTYPE or entities is refused")
		case xml.ProcInst:
			if t.Target != "xml" {
				return 0, 0, fmt.Errorf("an SVG with <?%s?> is refused", t.Target)
			}
		case xml.StartElement:
			if len(open) == 0 {
				if roots++; roots > 1 || t.Name != (xml.Name{Space: svgNamespace, Local: "svg"}) {
					return 0, 0, fmt.Errorf("XML that is no SVG: want one svg element in the namespace %s", svgNamespace)
				}
				width, height = svgSize(t.Attr)
			}
			if open = append(open, t.Name); len(open) > maxSVGDepth {
				return 0, 0, fmt.Errorf("an SVG nested deeper than %d levels", maxSVGDepth)
			}
			if complaint := checkSVGElement(t); complaint != "" {
				return 0, 0, errors.New("an SVG with " + complaint + " is refused")
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && strings.EqualFold(open[len(open)-1].Local, "style") {
				css.Write(t)
			}
		}
	}
	if complaint := checkSVGStyle(css.String()); complaint != "" {
		return 0, 0, errors.New("an SVG with " + complaint + " is refused")
	}
	if roots == 0 {
		return 0, 0, errors.New("XML that is no SVG: nothing in it")
	}
	return width, height, nil
}

// inlinePicture is what a drawing may hold of pixels.
var inlinePicture = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*$`)

func checkSVGElement(e xml.StartElement) string {
	name := strings.ToLower(e.Name.Local)
	if e.Name.Space == xhtmlNamespace {
		return "HTML in it (" + name + ")"
	}
	switch name {
	case "script", "foreignobject", "iframe", "object", "embed", "handler", "listener", "audio", "video", "link", "meta", "base":
		return "a " + name + " element"
	}
	for _, a := range e.Attr {
		local, value := strings.ToLower(a.Name.Local), strings.TrimSpace(a.Value)
		switch {
		case a.Name.Space == "xmlns" || local == "xmlns":
		case strings.HasPrefix(local, "on"):
			return "an event handler (" + local + ")"
		case local == "base":
			return "an xml:base"
		case local == "href" || local == "src":
			if !strings.HasPrefix(value, "#") && value != "" && !(name == "image" && inlinePicture.MatchString(value)) {
				return "a reference to something outside of it (" + quote(value) + ")"
			}
		case local == "attributename" && (strings.HasPrefix(strings.ToLower(value), "on") || strings.HasSuffix(strings.ToLower(value), "href")):
			return "an animation of " + quote(value)
		default:
			if complaint := checkSVGStyle(a.Value); complaint != "" {
				return complaint
			}
		}
	}
	return ""
}

var (
	cssURL      = regexp.MustCompile(`(?i)url\s*\(\s*["']?\s*`)
	cssFetching = regexp.MustCompile(`(?i)@import|image-set\s*\(|\bsrc\s*\(|javascript:`)
)

// checkSVGStyle checks CSS, in a style element or in any attribute, for what loads something. A
// backslash could spell all of that in another way.
func checkSVGStyle(s string) string {
	for _, at := range cssURL.FindAllStringIndex(s, -1) {
		if !strings.HasPrefix(s[at[1]:], "#") {
			return "a url() that leads out of it"
		}
	}
	if found := cssFetching.FindString(s); found != "" {
		return "CSS that loads something (" + found + ")"
	}
	if strings.Contains(s, `\`) {
		return "a backslash in its CSS"
	}
	return ""
}

// svgSize is the size a drawing says it has, in pixels, or else that of its view box; 0 when unknown.
func svgSize(attrs []xml.Attr) (width, height int) {
	number := func(s string) int {
		f, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "px"), 64)
		if err != nil || !(f > 0 && f < 1e6) {
			return 0
		}
		return int(math.Round(f))
	}
	var box []string
	for _, a := range attrs {
		switch {
		case a.Name.Space != "":
		case a.Name.Local == "width":
			width = number(a.Value)
		case a.Name.Local == "height":
			height = number(a.Value)
		case a.Name.Local == "viewBox":
			box = strings.FieldsFunc(a.Value, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		}
	}
	if (width == 0 || height == 0) && len(box) == 4 {
		return number(box[2]), number(box[3])
	}
	return width, height
}
