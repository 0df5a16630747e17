package loginpage

import (
	"bytes"
	"encoding/json"
	"slices"

	"tcb-login/config/input"
)

// maxAgreement bounds the text of an agreement, in bytes.
const maxAgreement = 256 << 10

// An agreementItem is an enabled item of agreement.items.
type agreementItem struct {
	node        *jsonNode
	index       int
	label, kind string
	value       string
	valueAt     int
}

func (p *parser) agreement(n *jsonNode) {
	var enabled bool
	var list, file *jsonNode
	if !p.object("agreement", n, input.SeverityWarning, members{
		"enable": func(v *jsonNode) { enabled = p.yes("enable", v) },
		"items":  func(v *jsonNode) { list = v },
		"path":   func(v *jsonNode) { file = v },
	}) {
		return
	}
	var items []agreementItem
	needFile := false
	if list != nil {
		p.list("items", list, func(name string, item *jsonNode) {
			i := agreementItem{node: item, index: slices.Index(list.items, item)}
			var on bool
			ok := p.object(name, item, input.SeverityWarning, members{
				"label":  func(v *jsonNode) { i.label, _ = p.plain("label", v, maxLabel) },
				"type":   func(v *jsonNode) { i.kind, _ = p.text("type", v) },
				"value":  func(v *jsonNode) { i.value, _ = p.text("value", v); i.valueAt = v.at },
				"enable": func(v *jsonNode) { on = p.yes("enable", v) },
			})
			if ok && on && i.label != "" {
				items = append(items, i)
				needFile = needFile || i.value == ""
			}
		})
	}
	if !enabled {
		return
	}
	textOf := func(agreementItem) string { return "" }
	fileAt := n.at
	if needFile && file != nil {
		fileAt = file.at
		s, ok := p.readAgreement(file)
		if !ok {
			return
		}
		textOf = s.of
	}
	for _, i := range items {
		text, at := i.value, i.valueAt
		if text == "" {
			text, at = textOf(i), fileAt
		}
		blocks, err := richText(text)
		switch {
		case err != nil:
			p.errorf(at, "the text of %s: %v", input.Quote(i.label), err)
		case len(blocks) == 0:
			p.errorf(i.node.at, "items[%d]: no text: give it a value, or name the file that holds it in path", i.index)
		default:
			p.page.Agreements = append(p.page.Agreements, Agreement{Label: i.label, Text: blocks})
		}
	}
}

// agreementTexts is the file that agreement.path names. TCB does not document what it holds: a text
// for all items, or JSON with one for each.
type agreementTexts struct {
	whole string
	list  []any
	named map[string]any
}

func (p *parser) readAgreement(n *jsonNode) (t agreementTexts, ok bool) {
	s, ok := p.text("path", n)
	if !ok {
		return t, false
	}
	data, ok := p.readFile("path", n, ".", maxAgreement)
	if !ok {
		return t, false
	}
	if at := invalidUTF8(data); at >= 0 {
		p.errorf(n.at, "path: %s is not valid UTF-8", input.Quote(s))
		return t, false
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if json.Unmarshal(data, &t.list) != nil && json.Unmarshal(data, &t.named) != nil {
		t.whole = string(data)
	}
	return t, true
}

// of is the text of an item: by its place in a list, by its type or label in an object.
func (t agreementTexts) of(i agreementItem) string {
	var v any = t.whole
	switch {
	case t.list != nil:
		v = nil
		if i.index < len(t.list) {
			v = t.list[i.index]
		}
	case t.named != nil:
		v = t.named[i.label]
		if w, ok := t.named[i.kind]; ok {
			v = w
		}
	}
	if m, ok := v.(map[string]any); ok {
		v = m["value"]
	}
	s, _ := v.(string)
	return s
}
