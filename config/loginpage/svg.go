package loginpage

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"

	"tcb-login/config/input"
	"tcb-login/pattern"
)

const (
	svgNamespace   = "http://www.w3.org/2000/svg"
	xhtmlNamespace = "http://www.w3.org/1999/xhtml"
)

// checkSVG refuses drawings that can do more than be seen. Browsers run no script in an <img>, but
// a drawing has an address too, on the app's own origin, where somebody may open it as a page.
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
var inlinePicture = pattern.New(`^data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*$`)

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
				return "a reference to something outside of it (" + input.Quote(value) + ")"
			}
		case local == "attributename" && (strings.HasPrefix(strings.ToLower(value), "on") || strings.HasSuffix(strings.ToLower(value), "href")):
			return "an animation of " + input.Quote(value)
		default:
			if complaint := checkSVGStyle(a.Value); complaint != "" {
				return complaint
			}
		}
	}
	return ""
}

var (
	cssURL      = pattern.New(`(?i)url\s*\(\s*["']?\s*`)
	cssFetching = pattern.New(`(?i)@import|image-set\s*\(|\bsrc\s*\(|javascript:`)
)

// checkSVGStyle checks CSS, in a style element or in any attribute, for what loads something. A
// backslash could spell all of that in another way.
func checkSVGStyle(s string) string {
	for _, at := range cssURL.Regexp().FindAllStringIndex(s, -1) {
		if !strings.HasPrefix(s[at[1]:], "#") {
			return "a url() that leads out of it"
		}
	}
	if found := cssFetching.Regexp().FindString(s); found != "" {
		return "CSS that loads something (" + found + ")"
	}
	if strings.Contains(s, `\`) {
		return "a backslash in its CSS"
	}
	return ""
}

// svgSize is the size a drawing says it has, in pixels, or else that of its view box; 0 when
// unknown.
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
