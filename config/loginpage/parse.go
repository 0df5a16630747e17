package loginpage

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tcb-login/config/input"
	"tcb-login/pattern"
	"tcb-login/spell"
	"tcb-login/theme"
)

// Limits of what a login config shows, in characters.
const (
	maxLabel = 60 // of names and labels
	maxText  = 500
)

// A Catalogue knows the languages and messages of the pages, so that a login config cannot name
// others. *i18n.Bundle is one.
type Catalogue interface {
	// HasLocale reports whether there are messages for a BCP 47 tag, as "zh-CN".
	HasLocale(tag string) bool
	// CheckText returns what is wrong with a text in the place of the message of a key: an unknown
	// key, placeholders that the message does not have, wrong plural categories. Forms holds a text
	// per plural category, a text that does not count only "other".
	CheckText(locale, key string, forms map[string]string) error
}

// A parser reads one login config. It goes on after every problem, to tell all at once.
type parser struct {
	file   string // for the problems
	dir    string // its folder in the tree
	tree   *treeReader
	lines  *lineIndex
	cat    Catalogue // may be nil
	source Source

	data     []byte // of the file
	page     *Page
	own      ownFields
	problems input.Problems

	wishes [2]theme.Wish // the colours that it names, for the light and the dark scheme

	backgroundColor *namedColor // TCB's own; tcbLogin.colors.page goes before it
	listed          []string    // every id in web[], enabled or not
	noName          bool        // access.disabledCollectUserInfo
}

// parse reads the login config at name, a path in the tree. The page is nil when there are errors
// among the problems.
func parse(tree *treeReader, name string, key Key, source Source, cat Catalogue) (*Page, input.Problems) {
	p := parseFile(tree, name, key, source, cat)
	return p.page, p.problems
}

// parseFile is [parse] for who also needs what the page was made of.
func parseFile(tree *treeReader, name string, key Key, source Source, cat Catalogue) *parser {
	file := treeFile(tree.root, name)
	p := &parser{
		file: file, dir: path.Dir(name), tree: tree, cat: cat, source: source,
		page: &Page{Key: key, File: file, Theme: theme.Default()},
	}
	data, err := tree.read(name, maxConfig)
	if err != nil {
		p.page, p.problems = nil, input.Problems{{File: file, Severity: input.SeverityError, Message: "cannot be read: " + err.Error()}}
		return p
	}
	p.data = data
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
		p.page = nil
		return p
	}
	p.page.Hash = tree.sum()
	return p
}

func (p *parser) add(sev input.Severity, at int, format string, args ...any) {
	line, column := p.lines.position(at)
	p.problems = append(p.problems, input.Problem{
		File: p.file, Line: line, Column: column, Severity: sev, Message: fmt.Sprintf(format, args...),
	})
}

func (p *parser) errorf(at int, format string, args ...any) {
	p.add(input.SeverityError, at, format, args...)
}

func (p *parser) warnf(at int, format string, args ...any) {
	p.add(input.SeverityWarning, at, format, args...)
}

// members are the keys an object may have. A function gets the value of its key and is not called
// for a null, which is the same as not there; a nil one stands for a key that is known and means
// nothing here.
type members map[string]func(v *jsonNode)

// object hands the value of each key to its function and reports unknown keys with the severity. It
// returns false when n is no object.
func (p *parser) object(name string, n *jsonNode, unknown input.Severity, known members) bool {
	if n.kind != jsonObject {
		p.errorf(n.at, "%s: want an object, found %s", name, n.kind)
		return false
	}
	for _, m := range n.members {
		take, ok := known[m.key]
		if !ok {
			hint := ""
			if near := spell.Nearest(m.key, slices.Sorted(maps.Keys(known)), len(m.key)/3+1); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			p.add(unknown, m.at, "unknown key %s in %s%s", input.Quote(m.key), name, hint)
			continue
		}
		if take != nil && m.value.kind != jsonNull {
			take(m.value)
		}
	}
	return true
}

// list calls f for every item of a list, each named as in "web[0]".
func (p *parser) list(name string, n *jsonNode, f func(name string, item *jsonNode)) {
	if n.kind != jsonArray {
		p.errorf(n.at, "%s: want a list, found %s", name, n.kind)
		return
	}
	for i, item := range n.items {
		f(fmt.Sprintf("%s[%d]", name, i), item)
	}
}

func (p *parser) text(name string, n *jsonNode) (string, bool) {
	if n.kind != jsonString {
		p.errorf(n.at, "%s: want text, found %s", name, n.kind)
		return "", false
	}
	return n.text, true
}

// plain reads a text of one line that will be shown to people, of at most limit characters.
func (p *parser) plain(name string, n *jsonNode, limit int) (string, bool) {
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

func (p *parser) yes(name string, n *jsonNode) bool {
	if n.kind != jsonBool {
		p.errorf(n.at, "%s: want true or false, found %s", name, n.kind)
		return false
	}
	return n.yes
}

// checkPlain returns what is wrong with a text for people, or "". The pages escape whatever they
// show: what is refused here is what would deceive people or look broken.
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
func (p *parser) config(root *jsonNode) {
	var web, registry, agreement, own *jsonNode
	page := p.page
	ok := p.object("the login config", root, input.SeverityWarning, members{
		"logo": func(v *jsonNode) { page.Logo = p.picture("logo", v, maxLogo) },
		"name": func(v *jsonNode) { page.Name, _ = p.plain("name", v, maxLabel) },
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
		"$schema":      nil, // of editors; see [Schema]
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

// providerID is the shape of an identity provider's id. What begins with two underscores is TCB's
// own.
var providerID = pattern.New(`^[a-z0-9_]{2,32}$`)

func (p *parser) web(n *jsonNode) {
	before := len(p.problems)
	p.list("web", n, p.way)
	if len(p.page.Methods) == 0 && !p.problems[before:].HasErrors() {
		p.errorf(n.at, "web: nothing is enabled here: people could not sign in")
	}
}

// way reads an item of web.
func (p *parser) way(name string, item *jsonNode) {
	var way SignInMethod
	var id *jsonNode
	var enabled bool
	icon := func() {}
	ok := p.object(name, item, input.SeverityWarning, members{
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
		p.errorf(id.at, "id: %s is listed twice", input.Quote(way.ID))
		return
	}
	p.listed = append(p.listed, way.ID)
	switch {
	case !providerID.MatchString(way.ID):
		p.errorf(id.at, "id: want __password, __sms, email or the id of an identity provider (a-z, 0-9 and _, 2 to 32), found %s", input.Quote(way.ID))
		return
	case !enabled:
		return
	case way.Kind() == KindSMS && !p.source.Texts:
		p.warnf(id.at, "id: %s: sign-in by phone is hidden", noPhones)
		return
	case !way.Kind().HasForm() && strings.HasPrefix(way.ID, "__"):
		p.warnf(id.at, "id: %s is not for web pages, left out", input.Quote(way.ID))
		return
	case way.Kind() == "":
		icon()
	}
	p.page.Methods = append(p.page.Methods, way)
}

// icon is a provider's mark. TCB's own files name pictures on other hosts here: then ours is shown.
func (p *parser) icon(n *jsonNode) *Media {
	if n.kind == jsonString && (n.text == "" || isRemote(n.text)) {
		if n.text != "" {
			p.warnf(n.at, "icon: on another host, left out; copy it into the tree and name its path")
		}
		return nil
	}
	return p.picture("icon", n, maxLogo)
}

func (p *parser) access(n *jsonNode) {
	p.object("access", n, input.SeverityWarning, members{
		"needLogin": func(v *jsonNode) {
			if v.kind != jsonBool {
				p.yes("needLogin", v)
				return
			}
			p.page.Skippable = !v.yes
		},
		"disabledCollectUserInfo": func(v *jsonNode) { p.noName = p.yes("disabledCollectUserInfo", v) },
		"noPermissionPolicy":      nil, "defaultRoleId": nil, "type": nil, "maxDevice": nil,
	})
}

// methods orders the ways and picks the first form.
func (p *parser) methods() {
	page := p.page
	if page.MiniProgram != "" && len(page.Methods) > 0 {
		page.Methods = append(page.Methods, SignInMethod{ID: string(KindQR)})
		p.listed = append(p.listed, string(KindQR)) // for methodOrder
	}
	place := func(w SignInMethod) int {
		i := slices.IndexFunc(p.own.methodOrder, func(n *jsonNode) bool { return n.text == w.ID })
		if i < 0 {
			return len(p.own.methodOrder)
		}
		return i
	}
	slices.SortStableFunc(page.Methods, func(a, b SignInMethod) int { return place(a) - place(b) })
	for _, n := range p.own.methodOrder {
		if !slices.Contains(p.listed, n.text) {
			p.errorf(n.at, "methodOrder: %s is not in web, which has %s", input.Quote(n.text), strings.Join(p.listed, ", "))
		}
	}
	for _, w := range page.Methods {
		if m := w.Kind(); m.HasForm() {
			page.Default = m
			break
		}
	}
	n := p.own.defaultMethod
	if n == nil {
		return
	}
	switch m := Kind(n.text); {
	case !(SignInMethod{ID: n.text}.Kind().HasForm()):
		p.errorf(n.at, "defaultMethod: want __password, __sms or email, found %s", input.Quote(n.text))
	case page.Offers(m):
		page.Default = m
	case m == KindSMS && !p.source.Texts && slices.Contains(p.listed, n.text): // told already
	default:
		p.errorf(n.at, "defaultMethod: %s is not enabled in web", n.text)
	}
}
