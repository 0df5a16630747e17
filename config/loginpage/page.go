package loginpage

import (
	"strings"

	"tcb-login/theme"
)

// A Kind is one of the sign-in methods that have a form of ours; the values are the ids of TCB's
// own login.config.json.
type Kind string

// The kinds.
const (
	KindPassword Kind = "__password"
	KindSMS      Kind = "__sms"
	KindEmail    Kind = "email"
	// KindQR is ours: a mini program's code, for a phone to scan. It has no form to begin with.
	KindQR Kind = "__qrcode"
)

// HasForm reports that a method begins with a form of ours.
func (m Kind) HasForm() bool { return m != "" && m != KindQR }

// Registration is how new accounts come to be: userRegistry of login.config.json.
type Registration string

// The kinds of registration.
const (
	RegistrationOff   Registration = "off"   // userRegistry.enable is false
	RegistrationAuto  Registration = "auto"  // a code signs in, or up where there is no account
	RegistrationSplit Registration = "split" // signing in never registers; sign-up has pages of its own
)

// A Key names one login page, by what the SDK's toDefaultLoginPage sends.
type Key struct {
	Env     string // env_id
	App     string // app_id; empty for the page of the environment
	Version string // config_version; "env" for the page of the environment
	// Draft is true for what is not published yet. No request of a person has such a key: they are
	// made of an address, which cannot say it.
	Draft bool
}

// A Page is what one login page offers and how it presents itself. It does not change: a file that
// changes becomes another Page.
type Page struct {
	Key  Key
	File string // where it was read; empty for the built-in page
	Hash string // of everything in it, its pictures too; empty for the built-in page

	Name       string // of the app, shown on the page; may be empty
	Logo       *Media // nil: the name's initial stands for it
	LogoDark   *Media // for the dark scheme; nil: Logo serves both
	Background *Media // of the split layout's panel; nil: a tinted one

	Methods      []SignInMethod // enabled, in their order
	Default      Kind           // whose form is shown first; empty when none of the Methods has one
	Registration Registration
	SignUpPage   bool          // whether sign-up has pages of its own
	SignUpWith   []Kind        // MethodSMS, MethodEmail or both: what they verify
	SignUpFields []SignUpField // asked for a new account, in their order
	Anonymous    bool          // "continue without an account"
	MiniProgram  string        // the app id of the WeChat mini program that KindQR's codes open
	Skippable    bool          // access.needLogin is false: "not now" leads back to the app

	Agreements []Agreement // none: no checkbox
	Countries  Countries
	Links      []FooterLink

	Locales []string // offered, BCP 47, the first for people whose languages are not among them; none: all
	Texts   map[string]map[string]Text

	Theme theme.Theme
}

// A SignInMethod is one of a page: one of ours, or an identity provider of TCB's.
type SignInMethod struct {
	ID    string // a Kind, or the provider_id
	Label string // what the config calls it; empty: our own words
	Icon  *Media // a provider's mark; nil: ours, or the label's initial
}

// Kind is the method's kind, or "" for an identity provider.
func (w SignInMethod) Kind() Kind {
	switch m := Kind(w.ID); m {
	case KindPassword, KindSMS, KindEmail, KindQR:
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

// A Block is a paragraph of a text: what is left of an operator's rich text, which may be HTML,
// once it has been read. Nothing of it is ever written into a page as markup.
type Block struct {
	Kind BlockKind
	Runs []Run
}

// BlockKind is what a block is.
type BlockKind string

// The kinds of blocks.
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
