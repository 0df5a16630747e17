package config

import (
	"slices"
	"strings"
)

// Method is a way to sign in with a form of ours; the values are the ids of TCB's own
// login.config.json.
type Method string

const (
	MethodPassword Method = "__password"
	MethodSMS      Method = "__sms"
	MethodEmail    Method = "email"
)

// Registration is how new accounts come to be: userRegistry of login.config.json.
type Registration string

const (
	RegistrationOff   Registration = "off"   // userRegistry.enable is false
	RegistrationAuto  Registration = "auto"  // a code signs in, or up where there is no account
	RegistrationSplit Registration = "split" // signing in never registers; sign-up has pages of its own
)

// A LoginKey names one login page, by what the SDK's toDefaultLoginPage sends.
type LoginKey struct {
	Env     string // env_id
	App     string // app_id; empty for the page of the environment
	Version string // config_version; "env" for the page of the environment
}

// Login is what one login page offers and how it presents itself. It does not change: a file that
// changes becomes another Login.
type Login struct {
	Key  LoginKey
	File string // where it was read; empty for the built-in page
	Hash string // of everything in it, its pictures too; empty for the built-in page

	Name       string // of the app, shown on the page; may be empty
	Logo       *Media // nil: the name's initial stands for it
	LogoDark   *Media // for the dark scheme; nil: Logo serves both
	Background *Media // of the split layout's panel; nil: a tinted one

	Ways         []Way  // enabled, in their order
	Default      Method // whose form is shown first; empty when all Ways are identity providers
	Registration Registration
	SignUpPage   bool          // whether sign-up has pages of its own
	SignUpWith   []Method      // MethodSMS, MethodEmail or both: what they verify
	SignUpFields []SignUpField // asked for a new account, in their order
	Anonymous    bool          // "continue without an account"
	Skippable    bool          // access.needLogin is false: "not now" leads back to the app

	Agreements []Agreement // none: no checkbox
	Countries  Countries
	Links      []FooterLink

	Locales []string // offered, BCP 47, the first for people whose languages are not among them; none: all
	Texts   map[string]map[string]Text

	Theme Theme
}

// A Way is one way to sign in: a method of ours, or an identity provider of TCB's.
type Way struct {
	ID    string // a Method, or the provider_id
	Label string // what the config calls it; empty: our own words
	Icon  *Media // a provider's mark; nil: ours, or the label's initial
}

// Method is the way's method, or "" for an identity provider.
func (w Way) Method() Method {
	switch m := Method(w.ID); m {
	case MethodPassword, MethodSMS, MethodEmail:
		return m
	}
	return ""
}

// A SignUpField is something that a new account may or must have.
type SignUpField struct {
	Name     string // SignUpName, SignUpUsername or SignUpPassword: the API's names
	Required bool
}

// The fields that sign-up knows.
const (
	SignUpName     = "name"
	SignUpUsername = "username"
	SignUpPassword = "password"
)

// An Agreement is a text to agree to before signing in.
type Agreement struct {
	Label string // its title, as "User agreement"
	Text  []Block
}

// A Block is a paragraph of a text: what is left of an operator's rich text, which may be HTML, once
// it has been read. Nothing of it is ever written into a page as markup.
type Block struct {
	Kind BlockKind
	Runs []Run
}

// BlockKind is what a block is.
type BlockKind string

const (
	BlockHeading   BlockKind = "heading"
	BlockParagraph BlockKind = "paragraph"
	BlockItem      BlockKind = "item" // of a list
)

// A Run is a stretch of text in a block.
type Run struct {
	Text   string
	Strong bool
	URL    string // https, where the run is a link
}

// Countries are the places whose phone numbers the page takes, by ISO 3166-1 alpha-2 code.
type Countries struct {
	Default string   // selected at first; empty: by language
	Allowed []string // none: all
}

// A FooterLink stands below the page.
type FooterLink struct {
	Label Localized
	URL   string // https, mailto or tel
}

// Localized is a text in one or several languages, by BCP 47 tag. A text in no language of its own
// has the tag "".
type Localized map[string]string

// In returns the text for a locale, else for its language, else the one without a language, else
// English, else the first by tag.
func (l Localized) In(locale string) string {
	base, _, _ := strings.Cut(locale, "-")
	for _, tag := range []string{locale, base, "", "en"} {
		if s, ok := l[tag]; ok {
			return s
		}
	}
	first := ""
	for tag := range l {
		if first == "" || tag < first {
			first = tag
		}
	}
	return l[first]
}

// A Text replaces a message of the catalogue: one text, or one per plural category (CLDR).
type Text map[string]string

// Media is a picture that we serve.
type Media struct {
	Name          string // the content's hash and an ending, as "0123456789abcdef.png"
	Type          string // media type, by content
	Data          []byte
	Width, Height int // in pixels; 0 when unknown
}

// Layout is how the page is laid out on wide screens.
type Layout string

const (
	LayoutCard  Layout = "card"
	LayoutSplit Layout = "split" // the card beside a picture or a tinted panel
)

// Density is how much room things have.
type Density string

const (
	DensityComfortable Density = "comfortable"
	DensityCompact     Density = "compact"
)

// Theme is the look, checked: every pair of colours in it that people must tell apart can be.
type Theme struct {
	Light, Dark Palette
	Radius      int // of inputs and buttons, CSS pixels, 0 to 24
	Density     Density
	Layout      Layout
}

// DefaultRadius is the radius of a theme that names none.
const DefaultRadius = 10

// Palette holds the colours of one scheme, one for each custom property of the stylesheet.
type Palette struct {
	Page, PageInk, PageInk2                 Color // behind the card, and text on it
	Surface, Ink, Ink2, Line, Edge          Color // the card; Edge is an input's border
	Brand, BrandHover, BrandInk, Link, Wash Color
	Danger, DangerWash, OK, OKWash          Color
	Focus                                   Color
}

// Offers reports whether the page offers a method.
func (l *Login) Offers(m Method) bool {
	return slices.ContainsFunc(l.Ways, func(w Way) bool { return w.ID == string(m) })
}

// Way finds an enabled way by its id, or answers false.
func (l *Login) Way(id string) (Way, bool) {
	i := slices.IndexFunc(l.Ways, func(w Way) bool { return w.ID == id })
	if i < 0 {
		return Way{}, false
	}
	return l.Ways[i], true
}

// phoneRegion is the one region where TCB sends text messages (SDK docs, "Phone number login is
// only supported in the Shanghai region").
const phoneRegion = "ap-shanghai"

// Texts reports whether TCB sends text messages for the environment.
func (e *Environment) Texts() bool { return e.Region == phoneRegion }

// EnvVersion is the config_version of an environment's own page.
const EnvVersion = "env"

// BuiltIn is the page of an environment whose settings name no login configs: every method that its
// region has, new accounts by code or on pages of their own.
func BuiltIn(e *Environment) *Login {
	l := &Login{
		Key: LoginKey{Env: e.ID, Version: EnvVersion}, Name: e.Name,
		Ways: []Way{{ID: string(MethodPassword)}}, Default: MethodPassword,
		Registration: RegistrationAuto, SignUpPage: true,
		SignUpFields: []SignUpField{{Name: SignUpName}, {Name: SignUpUsername}, {Name: SignUpPassword}},
		Theme:        DefaultTheme(),
	}
	if e.Texts() {
		l.Ways = append(l.Ways, Way{ID: string(MethodSMS)})
		l.SignUpWith = append(l.SignUpWith, MethodSMS)
	}
	l.Ways = append(l.Ways, Way{ID: string(MethodEmail)})
	if e.Demo {
		l.Ways = append(l.Ways, Way{ID: "demo", Label: "Demo ID"}) // the emulator's own identity provider
		l.Anonymous = true
	}
	l.SignUpWith = append(l.SignUpWith, MethodEmail)
	return l
}
