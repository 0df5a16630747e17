package loginpage

import (
	"errors"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"tcb-login/config/input"
	"tcb-login/pattern"
)

// markup is how text that is HTML can be told from text that happens to hold a "<".
var markup = pattern.New(`<[A-Za-z/!]`)

// richText reads what TCB's console keeps of an agreement: plain text or HTML. Of HTML it keeps
// words, headings, paragraphs, list items, emphasis and https links. The rest is not cleaned but
// never taken over: what is left are strings, which the view escapes like all others.
func richText(s string) ([]Block, error) {
	if !markup.MatchString(s) {
		t := textBuilder{}
		for line := range strings.Lines(s) {
			t.add(line, false, "")
			t.flush(BlockParagraph)
		}
		return t.blocks, nil
	}
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(s), body)
	if err != nil {
		return nil, errors.New("HTML that cannot be read: " + err.Error())
	}
	t := textBuilder{}
	for _, n := range nodes {
		t.node(n, style{kind: BlockParagraph})
	}
	t.flush(BlockParagraph)
	return t.blocks, nil
}

// dropped are elements whose content is not for reading.
var dropped = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Template: true, atom.Noscript: true, atom.Head: true, atom.Title: true,
	atom.Iframe: true, atom.Frame: true, atom.Frameset: true, atom.Noframes: true, atom.Object: true, atom.Embed: true,
	atom.Applet: true, atom.Noembed: true, atom.Svg: true, atom.Math: true, atom.Canvas: true, atom.Audio: true,
	atom.Video: true, atom.Input: true, atom.Button: true, atom.Select: true, atom.Textarea: true,
}

// broken are elements that begin and end a block.
var broken = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Header: true, atom.Footer: true,
	atom.Main: true, atom.Aside: true, atom.Nav: true, atom.Blockquote: true, atom.Pre: true, atom.Ul: true, atom.Ol: true,
	atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.Table: true, atom.Tr: true, atom.Hr: true, atom.Address: true,
	atom.Form: true, atom.Fieldset: true, atom.Figure: true, atom.Figcaption: true, atom.Caption: true, atom.Br: true,
}

// style is what the elements around a text make of it.
type style struct {
	kind   BlockKind
	strong bool
	url    string
}

type textBuilder struct {
	blocks []Block
	runs   []Run
}

func (t *textBuilder) node(n *html.Node, s style) {
	if n.Type == html.TextNode {
		t.add(n.Data, s.strong, s.url)
		return
	}
	if n.Type == html.ElementNode && dropped[n.DataAtom] {
		return
	}
	if n.DataAtom == atom.Br && s.kind == BlockItem { // a new block would be a new item
		t.add(" ", s.strong, s.url)
		return
	}
	before := s.kind
	edge := broken[n.DataAtom]
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		s.kind, edge = BlockHeading, true
	case atom.Li:
		s.kind, edge = BlockItem, true
	case atom.Strong, atom.B:
		s.strong = true
	case atom.A:
		s.url = httpsLink(n)
	case atom.Td, atom.Th:
		t.add(" ", s.strong, s.url)
	}
	if edge {
		t.flush(before)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		t.node(c, s)
	}
	if edge {
		t.flush(s.kind)
	}
}

// httpsLink is where a link leads, or "": then its words stay and the link goes.
func httpsLink(n *html.Node) string {
	for _, a := range n.Attr {
		if href := strings.TrimSpace(a.Val); a.Key == "href" && strings.HasPrefix(href, "https://") && input.CheckURL(href) == "" {
			return href
		}
	}
	return ""
}

// add appends words to the block under way. White space counts as in HTML: any amount is one blank.
func (t *textBuilder) add(s string, strong bool, url string) {
	var b strings.Builder
	blank := len(t.runs) == 0 || strings.HasSuffix(t.runs[len(t.runs)-1].Text, " ")
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) && r != '\u3000': // an indent of Chinese paragraphs
			if !blank {
				b.WriteByte(' ')
			}
			blank = true
			continue
		case unicode.IsControl(r), isBidiControl(r), r == '\ufeff':
			continue
		}
		b.WriteRune(r)
		blank = false
	}
	if b.Len() == 0 {
		return
	}
	if i := len(t.runs) - 1; i >= 0 && t.runs[i].Strong == strong && t.runs[i].URL == url {
		t.runs[i].Text += b.String()
		return
	}
	t.runs = append(t.runs, Run{Text: b.String(), Strong: strong, URL: url})
}

// flush ends the block under way. One without words is none.
func (t *textBuilder) flush(kind BlockKind) {
	runs := t.runs
	t.runs = nil
	for i := len(runs) - 1; i >= 0; i-- {
		runs[i].Text = strings.TrimRight(runs[i].Text, " ")
		if runs[i].Text != "" {
			break
		}
		runs = runs[:i]
	}
	if len(runs) > 0 {
		t.blocks = append(t.blocks, Block{Kind: kind, Runs: runs})
	}
}

// isBidiControl reports whether a character turns the direction of those after it, so that a text
// reads otherwise than it is ("Trojan Source", CVE-2021-42574).
func isBidiControl(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}
