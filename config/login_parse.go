package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a login config shows, in characters.
const (
	maxLabel = 60 // of names and labels
	maxText  = 500
)

// maxAgreement bounds the text of an agreement, in bytes.
const maxAgreement = 256 << 10

// A Catalogue knows the languages and messages of the pages, so that a login config cannot name others.
// *i18n.Bundle is one.
type Catalogue interface {
	// HasLocale reports whether there are messages for a BCP 47 tag, as "zh-CN".
	HasLocale(tag string) bool
	// CheckText returns what is wrong with a text in the place of the message of a key: an unknown key,
	// placeholders that the message does not have, wrong plural categories. Forms holds a text per
	// plural category, a text that does not count only "other".
	CheckText(locale, key string, forms map[string]string) error
}

// A loginParser reads one login config. It goes on after every problem, to tell all at once.
type loginParser struct {
	file  string // for the problems
	dir   string // its folder in the tree
	tree  *treeReader
	lines *lineIndex
	cat   Catalogue // may be nil
	env   *Environment

	login    *Login
	own      ownFields
	problems Problems

	backgroundColor *namedColor // TCB's own; tcbLogin.colors.page goes before it
	listed          []string    // every id in web[], enabled or not
	noName          bool        // access.disabledCollectUserInfo
}

// parseLogin reads the login config at name, a path in the tree. The login is nil when there are errors
// among the problems.
func parseLogin(tree *treeReader, name, file string, key LoginKey, env *Environment, cat Catalogue) (*Login, Problems) {
	p := &loginParser{
		file: file, dir: path.Dir(name), tree: tree, cat: cat, env: env,
		login: &Login{Key: key, File: file, Theme: DefaultTheme()},
	}
	data, err := tree.read(name, maxLoginConfig)
	if err != nil {
		return nil, Problems{{File: file, Severity: SeverityError, Message: "cannot be read: " + err.Error()}}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	p.lines = newLines(data)
	root, failures := parseJSON(data)
	for _, f := range failures {
		p.errorf(f.at, "%s", f.message)
	}
	if root != nil {
		p.config(root)
	}
	p.problems.Sort()
	if p.problems.HasErrors() {
		return nil, p.problems
	}
	p.login.Hash = tree.sum()
	return p.login, p.problems
}

func (p *loginParser) add(sev Severity, at int, format string, args ...any) {
	line, column := p.lines.position(at)
	p.problems = append(p.problems, Problem{
		File: p.file, Line: line, Column: column, Severity: sev, Message: fmt.Sprintf(format, args...),
	})
}

func (p *loginParser) errorf(at int, format string, args ...any) {
	p.add(SeverityError, at, format, args...)
}

func (p *loginParser) warnf(at int, format string, args ...any) {
	p.add(SeverityWarning, at, format, args...)
}

// members are the keys an object may have. A function gets the value of its key and is not called for a
// null, which is the same as not there; a nil one stands for a key that is known and means nothing here.
type members map[string]func(v *jsonNode)

// object hands the value of each key to its function and reports unknown keys with the severity. It
// returns false when n is no object.
func (p *loginParser) object(name string, n *jsonNode, unknown Severity, known members) bool {
	if n.kind != jsonObject {
		p.errorf(n.at, "%s: want an object, found %s", name, n.kind)
		return false
	}
	for _, m := range n.members {
		take, ok := known[m.key]
		if !ok {
			hint := ""
			if near := nearest(m.key, slices.Sorted(maps.Keys(known))); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			p.add(unknown, m.at, "unknown key %s in %s%s", quote(m.key), name, hint)
			continue
		}
		if take != nil && m.value.kind != jsonNull {
			take(m.value)
		}
	}
	return true
}

// list calls f for every item of a list, each named as in "web[0]".
func (p *loginParser) list(name string, n *jsonNode, f func(name string, item *jsonNode)) {
	if n.kind != jsonArray {
		p.errorf(n.at, "%s: want a list, found %s", name, n.kind)
		return
	}
	for i, item := range n.items {
		f(fmt.Sprintf("%s[%d]", name, i), item)
	}
}

func (p *loginParser) text(name string, n *jsonNode) (string, bool) {
	if n.kind != jsonString {
		p.errorf(n.at, "%s: want text, found %s", name, n.kind)
		return "", false
	}
	return n.text, true
}

// plain reads a text of one line that will be shown to people, of at most limit characters.
func (p *loginParser) plain(name string, n *jsonNode, limit int) (string, bool) {
	s, ok := p.text(name, n)
	if !ok {
		return "", false
	}
	s = strings.TrimSpace(s)
	if complaint := checkPlain(s, limit); complaint != "" {
		p.errorf(n.at, "%s: %s", name, complaint)
		return "", false
	}
	return s, true
}

func (p *loginParser) yes(name string, n *jsonNode) bool {
	if n.kind != jsonBool {
		p.errorf(n.at, "%s: want true or false, found %s", name, n.kind)
		return false
	}
	return n.yes
}

// checkPlain returns what is wrong with a text for people, or "". The pages escape whatever they show:
// what is refused here is what would deceive people or look broken.
func checkPlain(s string, limit int) string {
	for _, r := range s {
		switch {
		case r == '<' || r == '>':
			return fmt.Sprintf("holds %q: labels are plain text, markup is not rendered", string(r))
		case r == utf8.RuneError:
			return "holds U+FFFD, which stands for a character that got lost"
		case isBidiControl(r):
			return fmt.Sprintf("holds %U, which turns the direction of writing: people would read something else", r)
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return fmt.Sprintf("holds the control character %U: want one line", r)
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
			return fmt.Sprintf("holds %U, which cannot be seen", r)
		}
	}
	if n := utf8.RuneCountInString(s); n > limit {
		return fmt.Sprintf("too long: %d characters, want at most %d", n, limit)
	}
	return ""
}

// config reads the whole. The order is that in which parts need each other.
func (p *loginParser) config(root *jsonNode) {
	var web, registry, agreement, own *jsonNode
	l := p.login
	ok := p.object("the login config", root, SeverityWarning, members{
		"logo": func(v *jsonNode) { l.Logo = p.picture("logo", v, maxLogo) },
		"name": func(v *jsonNode) { l.Name, _ = p.plain("name", v, maxLabel) },
		"backgroundColor": func(v *jsonNode) {
			if v.kind != jsonString || v.text != "" {
				p.backgroundColor = p.color("backgroundColor", v)
			}
		},
		"web":          func(v *jsonNode) { web = v },
		"userRegistry": func(v *jsonNode) { registry = v },
		"agreement":    func(v *jsonNode) { agreement = v },
		"access":       p.access,
		"tcbLogin":     func(v *jsonNode) { own = v },
		// TCB writes these for its own pages and mini programs.
		"miniprogram": nil, "keepRedirectUri": nil, "showDoc": nil, "loginPage": nil, "security": nil,
	})
	if !ok {
		return
	}
	if own != nil {
		p.readOwn(own)
	}
	if web == nil {
		p.errorf(root.at, "web is missing: name at least one way to sign in")
	} else {
		p.web(web)
	}
	p.methods()
	p.registration(registry)
	if agreement != nil {
		p.agreement(agreement)
	}
	p.theme(root)
}

// providerID is the shape of an identity provider's id. What begins with two underscores is TCB's own.
var providerID = regexp.MustCompile(`^[a-z0-9_]{2,32}$`)

func (p *loginParser) web(n *jsonNode) {
	before := len(p.problems)
	p.list("web", n, func(name string, item *jsonNode) {
		var way Way
		var id *jsonNode
		var enabled bool
		icon := func() {}
		ok := p.object(name, item, SeverityWarning, members{
			"id": func(v *jsonNode) {
				id = v
				way.ID, _ = p.text("id", v)
			},
			"label":  func(v *jsonNode) { way.Label, _ = p.plain("label", v, maxLabel) },
			"enable": func(v *jsonNode) { enabled = p.yes("enable", v) },
			"icon":   func(v *jsonNode) { icon = func() { way.Icon = p.icon(v) } },
			"type":   nil,
			"extraLink": func(v *jsonNode) {
				if v.kind != jsonString || v.text != "" {
					p.warnf(v.at, "extraLink: not supported, left out; links below the page are tcbLogin.links")
				}
			},
		})
		if !ok {
			return
		}
		if id == nil {
			p.errorf(item.at, "%s: id is missing", name)
			return
		}
		if id.kind != jsonString {
			return
		}
		if slices.Contains(p.listed, way.ID) {
			p.errorf(id.at, "id: %s is listed twice", quote(way.ID))
			return
		}
		p.listed = append(p.listed, way.ID)
		switch {
		case !providerID.MatchString(way.ID):
			p.errorf(id.at, "id: want __password, __sms, email or the id of an identity provider (a-z, 0-9 and _, 2 to 32), found %s", quote(way.ID))
			return
		case way.Method() != "":
		case strings.HasPrefix(way.ID, "__"):
			if enabled {
				p.warnf(id.at, "id: %s is not for web pages, left out", quote(way.ID))
			}
			return
		case enabled:
			icon()
		}
		if !enabled {
			return
		}
		if way.Method() == MethodSMS && p.env.Region != phoneRegion {
			p.warnf(id.at, "id: TCB offers phone numbers only in %s: sign-in by phone is hidden", phoneRegion)
			return
		}
		p.login.Ways = append(p.login.Ways, way)
	})
	if len(p.login.Ways) == 0 && !p.problems[before:].HasErrors() {
		p.errorf(n.at, "web: nothing is enabled here: people could not sign in")
	}
}

// icon is a provider's mark. TCB's own files name pictures on other hosts here: then ours is shown.
func (p *loginParser) icon(n *jsonNode) *Media {
	if n.kind == jsonString && (n.text == "" || isRemote(n.text)) {
		if n.text != "" {
			p.warnf(n.at, "icon: on another host, left out; copy it into the tree and name its path")
		}
		return nil
	}
	return p.picture("icon", n, maxLogo)
}

// registration reads userRegistry, which may be nil, and what tcbLogin.signUp says about it.
func (p *loginParser) registration(n *jsonNode) {
	l := p.login
	l.Registration = RegistrationAuto
	var with []Method
	if n != nil {
		var enabled bool
		var enable, kind, web, mini *jsonNode
		if !p.object("userRegistry", n, SeverityWarning, members{
			"enable": func(v *jsonNode) {
				enable = v
				enabled = p.yes("enable", v)
			},
			"registerType": func(v *jsonNode) { kind = v },
			"web":          func(v *jsonNode) { web = v },
			"miniprogram":  func(v *jsonNode) { mini = v },
		}) {
			return
		}
		if enable == nil {
			p.warnf(n.at, "userRegistry: enable is missing, which switches registration off")
		}
		if kind != nil {
			switch s, ok := p.text("registerType", kind); {
			case s == string(RegistrationAuto), s == string(RegistrationSplit):
				l.Registration = Registration(s)
			case ok:
				p.errorf(kind.at, `registerType: want "auto" or "split", found %s`, quote(s))
			}
		}
		if !enabled {
			l.Registration = RegistrationOff
		}
		if web != nil {
			with = p.signUpWith("web", web, true)
		} else if mini != nil {
			with = p.signUpWith("miniprogram", mini, false)
		}
	}
	own := p.own.signUp
	if l.Registration == RegistrationOff {
		if own != nil {
			p.warnf(own.at, "signUp: has no effect: userRegistry switches registration off")
		}
		return
	}
	if with == nil {
		for _, w := range l.Ways {
			if m := w.Method(); m == MethodSMS || m == MethodEmail {
				with = append(with, m)
			}
		}
	}
	l.SignUpPage = l.Registration == RegistrationSplit
	if page := p.own.signUpPage; page != nil {
		if !page.yes && l.SignUpPage {
			p.errorf(page.at, "page: registerType split means that sign-up has pages of its own")
		}
		l.SignUpPage = l.SignUpPage || page.yes
	}
	if len(with) == 0 && l.SignUpPage {
		at := 0
		if n != nil {
			at = n.at
		}
		p.warnf(at, "userRegistry: neither __sms nor email can verify a new account here: the sign-up page is hidden")
		l.SignUpPage = false
	}
	l.SignUpWith = with
	switch {
	case p.own.signUpFields != nil:
		l.SignUpFields = *p.own.signUpFields
	case l.SignUpPage:
		if !p.noName {
			l.SignUpFields = append(l.SignUpFields, SignUpField{Name: SignUpName})
		}
		l.SignUpFields = append(l.SignUpFields, SignUpField{Name: SignUpUsername}, SignUpField{Name: SignUpPassword})
	}
}

// signUpWith reads the methods of userRegistry. Those of mini programs go by other ids and hold some
// that no web page has: when nothing else is there it returns nil, as if there were no list.
func (p *loginParser) signUpWith(name string, n *jsonNode, web bool) (with []Method) {
	if web {
		with = []Method{}
	}
	p.list(name, n, func(name string, item *jsonNode) {
		var id *jsonNode
		enabled := true
		if !p.object(name, item, SeverityWarning, members{
			"id":            func(v *jsonNode) { id = v },
			"enable":        func(v *jsonNode) { enabled = p.yes("enable", v) },
			"registerLabel": nil, "label": nil, "type": nil, "icon": nil,
		}) {
			return
		}
		if id == nil {
			p.errorf(item.at, "%s: id is missing", name)
			return
		}
		s, ok := p.text("id", id)
		if !ok || !enabled {
			return
		}
		m := Method(s)
		if !web && s == "__miniprogram_phone" {
			m = MethodSMS
		}
		switch {
		case m != MethodSMS && m != MethodEmail:
			if web {
				p.warnf(id.at, "id: want __sms or email, which can verify a new account; %s is left out", quote(s))
			}
		case m == MethodSMS && p.env.Region != phoneRegion:
			p.warnf(id.at, "id: TCB offers phone numbers only in %s: sign-up by phone is hidden", phoneRegion)
		case !slices.Contains(with, m):
			with = append(with, m)
		}
	})
	return with
}

func (p *loginParser) access(n *jsonNode) {
	p.object("access", n, SeverityWarning, members{
		"needLogin": func(v *jsonNode) {
			if v.kind != jsonBool {
				p.yes("needLogin", v)
				return
			}
			p.login.Skippable = !v.yes
		},
		"disabledCollectUserInfo": func(v *jsonNode) { p.noName = p.yes("disabledCollectUserInfo", v) },
		"noPermissionPolicy":      nil, "defaultRoleId": nil, "type": nil, "maxDevice": nil,
	})
}

// An agreementItem is an enabled item of agreement.items.
type agreementItem struct {
	node        *jsonNode
	index       int
	label, kind string
	value       string
	valueAt     int
}

func (p *loginParser) agreement(n *jsonNode) {
	var enabled bool
	var list, file *jsonNode
	if !p.object("agreement", n, SeverityWarning, members{
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
			ok := p.object(name, item, SeverityWarning, members{
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
			p.errorf(at, "the text of %s: %v", quote(i.label), err)
		case len(blocks) == 0:
			p.errorf(i.node.at, "items[%d]: no text: give it a value, or name the file that holds it in path", i.index)
		default:
			p.login.Agreements = append(p.login.Agreements, Agreement{Label: i.label, Text: blocks})
		}
	}
}

// agreementTexts is the file that agreement.path names. TCB does not document what it holds: a text for
// all items, or JSON with one for each.
type agreementTexts struct {
	whole string
	list  []any
	named map[string]any
}

func (p *loginParser) readAgreement(n *jsonNode) (t agreementTexts, ok bool) {
	s, ok := p.text("path", n)
	if !ok {
		return t, false
	}
	data, ok := p.readFile("path", n, ".", maxAgreement)
	if !ok {
		return t, false
	}
	if at := invalidUTF8(data); at >= 0 {
		p.errorf(n.at, "path: %s is not valid UTF-8", quote(s))
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

// methods orders the ways and picks the first form.
func (p *loginParser) methods() {
	l := p.login
	place := func(w Way) int {
		i := slices.IndexFunc(p.own.methodOrder, func(n *jsonNode) bool { return n.text == w.ID })
		if i < 0 {
			return len(p.own.methodOrder)
		}
		return i
	}
	slices.SortStableFunc(l.Ways, func(a, b Way) int { return place(a) - place(b) })
	for _, n := range p.own.methodOrder {
		if !slices.Contains(p.listed, n.text) {
			p.errorf(n.at, "methodOrder: %s is not in web, which has %s", quote(n.text), strings.Join(p.listed, ", "))
		}
	}
	for _, w := range l.Ways {
		if m := w.Method(); m != "" {
			l.Default = m
			break
		}
	}
	n := p.own.defaultMethod
	if n == nil {
		return
	}
	switch m := Method(n.text); {
	case Way{ID: n.text}.Method() == "":
		p.errorf(n.at, "defaultMethod: want __password, __sms or email, found %s", quote(n.text))
	case l.Offers(m):
		l.Default = m
	case m == MethodSMS && p.env.Region != phoneRegion && slices.Contains(p.listed, n.text): // told already
	default:
		p.errorf(n.at, "defaultMethod: %s is not enabled in web", n.text)
	}
}
