package loginpage

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // for image.DecodeConfig
	_ "image/jpeg" // for image.DecodeConfig
	_ "image/png"  // for image.DecodeConfig
	"path"
	"strings"
	"unicode"

	_ "golang.org/x/image/webp" // for image.DecodeConfig

	"tcb-login/config/input"
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

// treePath turns a path in a config into one in the tree. One that begins with "/" or with
// "__auth/", as TCB writes them, starts at the tree, any other at the folder from.
func treePath(from, s string) (name, complaint string) {
	switch {
	case s == "":
		return "", "is empty"
	case isRemote(s):
		return "", "pictures and texts are served from the tree: copy the file there and name its path, found " + input.Quote(s)
	case strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || !unicode.IsPrint(r) }):
		return "", "not a path: " + input.Quote(s)
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == ".." {
			return "", `".." is refused: a path stays in the tree`
		}
		if len(part) > 1 && part[0] == '.' {
			return "", "hidden files are not served: " + input.Quote(s)
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
func (p *parser) readFile(name string, n *jsonNode, from string, limit int64) ([]byte, bool) {
	file, complaint := treePath(from, n.text)
	if complaint != "" {
		p.errorf(n.at, "%s: %s", name, complaint)
		return nil, false
	}
	data, err := p.tree.read(file, limit)
	if err != nil {
		p.errorf(n.at, "%s: %s cannot be read: %v", name, input.Quote(file), err)
		return nil, false
	}
	return data, true
}

// picture reads a picture that the config names, of at most limit bytes. It is nil when there is
// none, or a problem.
func (p *parser) picture(name string, n *jsonNode, limit int64) *Media {
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
		p.errorf(n.at, "%s: %s: %v", name, input.Quote(s), err)
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
