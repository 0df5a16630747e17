// Package views renders the pages: a layout, its parts, and one exported
// component per page, which takes one page struct. Page structs hold what is
// ready to show: strings, flags, lists, and messages that the view prints with
// the page's localizer. No view looks anything up, calls TCB or decides what a
// person may see; handlers build the structs.
//
// Markup follows a few rules that tests and password managers rely on: one form
// with id "form", fields named as TCB's API names them, every message with its
// key in data-key, the page's name in body's data-page, no inline script or style.
package views

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"tcb-login/i18n"
)

// Base is what every page has.
type Base struct {
	T      *i18n.Localizer
	Page   string       // data-page, the page's name for tests and styles
	Title  i18n.Message // the heading; the document's title is made of it
	App    App
	Assets Assets

	Languages []Language

	Form      Form
	Alert     Alert       // what is wrong, or right, with the page as a whole
	Errors    FieldErrors // what is wrong with fields, in their order on the page
	Consent   *Consent    // to be given to before the primary button does anything
	Captcha   *Captcha    // asked for in place, between the fields and the button
	Canonical string      // the address to show instead of a POST's own, so that a reload asks nothing again
	Refresh   string      // seconds and address that the page moves on to by itself
	RequestID string      // shown where something broke, to be told to the operator
	Footer    []Link      // the operator's, below everything
	Still     bool        // takes no focus: one of many that are shown at once
	Styled    bool        // has parts that the portal's stylesheet is for
	Lean      bool        // the portal's overview, or the page before it: has that one's style sheet, and no script but Account
	Mark      string      // the icon above the heading of a page where something has ended

	Portal *Portal // what stands around a page of the account portal
	Guard  *Guard  // what keeps page and browser storage together
	Resume string  // the script that offers a login which the browser already has, of
	Client string  // this client_id
}

// App is the app that somebody signs in to.
type App struct {
	Name     string // may be empty
	Initial  string // what stands for a logo
	Logo     string // address of a picture
	LogoDark string // of the one for the dark scheme, where that is another
}

// Consent is the checkbox that holds back every way in, with links to the texts.
type Consent struct {
	Texts   []Link
	Version string // which texts they are: the form says what somebody has agreed to
	Checked bool
}

// Assets are the addresses of the stylesheet and scripts, with their content
// hash. A preview of a page that hands a login over has no Complete. Countries is the list of all in the
// page's language.
type Assets struct {
	Style, Script, Complete, Demo, Account, Countries string

	PortalStyle   string // in place of Style, with all that the portal has
	PortalScript  string // Script and Account in one
	OverviewStyle string // in place of both styles, with only what Lean pages show
}

// Language is one choice of the language switch.
type Language struct {
	Tag, Name string
	URL       string // for pages without a form
	Current   bool
}

// Form is what stands in every form beside its fields.
type Form struct {
	Name     string // which form a shared route (language, captcha) shows again
	Action   string
	CSRF     string
	DeviceID string
	Captcha  string // sealed: the picture asked about, or the captcha_token it earned
	Kept     string // sealed: a password that was typed and need not be again
}

// AlertKind is the tone of an alert.
type AlertKind string

const (
	AlertError AlertKind = "error"
	AlertInfo  AlertKind = "info"
	AlertOK    AlertKind = "ok"
)

// Alert is a message above the form.
type Alert struct {
	Kind    AlertKind
	Message i18n.Message
	Links   []Link
}

// FieldError is a message beside a field.
type FieldError struct {
	Field   string
	Message i18n.Message
}

// FieldErrors are those of a form.
type FieldErrors []FieldError

// Add notes what is wrong with a field, by the key of the message.
func (e *FieldErrors) Add(field, key string) {
	*e = append(*e, FieldError{Field: field, Message: i18n.Msg(key)})
}

// manyLanguages is how many the language switch shows in a row.
const manyLanguages = 3

// Link is a way to go on. To names the page it leads to, in data-to.
type Link struct {
	To    string
	URL   string
	Label i18n.Message
}

// Method is another way to sign in: a link to a page with a form of its own, or a
// button that posts this page's form to where an identity provider begins.
type Method struct {
	Link
	Provider bool
	Icon     string // address of a mark, else
	Mark     string // the name of one of ours, or a letter that stands for one; else Link.To's
}

// Captcha is a picture with characters to type.
type Captcha struct {
	Picture string // data: URL; comes back with the form, so that the same one can be shown again
	Key     string // what was typed of it
}

// PhoneField is a phone number under way: a country and the rest as typed.
type PhoneField struct {
	Country   string
	Number    string
	Countries []Country
	Some      bool     // there are others: see OtherCountry
	Asks      []Choice // the numbers that the typed one may be
}

// OtherCountry is the choice of a country that PhoneField does not show. With script it brings all;
// else the page that comes back does.
const OtherCountry = "other"

// Country is one choice of PhoneField.
type Country struct{ Region, Label string }

// documentTitle is "Page · App", or "Page" where that names the app, with "Error: " in front when there is
// one.
func (b *Base) documentTitle() string {
	title := b.T.Print(b.Title)
	if !strings.Contains(title, b.App.Name) {
		title += " · " + b.App.Name
	}
	if b.Invalid() {
		title = b.T.Print(i18n.Message{Key: "title.error", Args: i18n.Args{"title": title}})
	}
	return title
}

// class is the attribute of classes that depend on a value. A class={ } of templ's makes maps of them
// each time.
func class(names string) templ.OrderedAttributes {
	return templ.OrderedAttributes{{Key: "class", Value: names}}
}

// consentSentence is the checkbox's sentence with its links. It is written by
// hand, since a template puts white space between text and link, which Chinese
// and Japanese have none of, and Arabic none after "and". Where the page runs from
// right to left each title keeps a direction of its own.
func (b *Base) consentSentence() templ.Component {
	const mark = "\x00"
	sentence := b.T.Print(i18n.Message{Key: "agreement.label", Args: i18n.Args{"texts": mark}})
	before, after, _ := strings.Cut(sentence, mark)
	and := b.T.T("agreement.and")
	language, _, _ := strings.Cut(b.T.Locale(), "-")
	switch language {
	case "zh", "ja":
	case "ar": // و is written together with the word after it
		and = " " + and
	default:
		and = " " + and + " "
	}
	var s strings.Builder
	s.WriteString(templ.EscapeString(before))
	for i, l := range b.Consent.Texts {
		if i > 0 {
			s.WriteString(templ.EscapeString(and))
		}
		title := b.T.Print(l.Label)
		if language == "zh" {
			title = "《" + strings.Trim(title, "《》") + "》"
		}
		dir := ""
		if b.T.Dir() == "rtl" {
			dir = ` dir="auto"`
		}
		fmt.Fprintf(&s, `<a href="%s" data-to="%s" target="_blank" rel="noopener"%s>%s</a>`,
			templ.EscapeString(l.URL), templ.EscapeString(l.To), dir, templ.EscapeString(title))
	}
	s.WriteString(templ.EscapeString(after))
	return templ.Raw(s.String())
}

// SignInPage is sign-in by username, e-mail or phone and password.
type SignInPage struct {
	Base
	Username string
	Names    Names
	Refused  bool // the pair was wrong: both fields are marked, neither is blamed
	Reset    Link
	SignUp   Link
	Methods  Methods
}

// Methods are the ways in beside the page's own form.
type Methods struct {
	Others    []Method
	Anonymous string // where "continue without an account" posts to
	Skip      string // where "not now" leads: the app
}

// ChoosePage is sign-in where identity providers are all there is.
type ChoosePage struct {
	Base
	Methods Methods
}

// SendCodePage asks where to send a code.
type SendCodePage struct {
	Base
	Lead    i18n.Message
	Phone   *PhoneField // asked for a phone number, or
	Email   string      // for an e-mail address
	Via     []Link      // the other of the two, where both will do
	Other   Prompt
	Methods Methods
}

// Prompt is a question with a link, as "No account yet? Create one".
type Prompt struct {
	Question i18n.Message
	Link     Link
}

// CodePage asks for the code that was sent.
type CodePage struct {
	Base
	Lead    i18n.Message // says where it went
	Code    string       // as typed, where the form was shown again for another reason
	Button  i18n.Message
	Wait    int         // seconds until another may be sent, as the server counts them
	Minutes int         // how long the code serves
	Phone   *PhoneField // where it went, to fill in again, or
	Email   string
	Fixed   bool // it goes to what is bound: there is nothing to change
	Agreed  bool // it comes after a page that had the agreement
	Methods Methods
}

// change is what the button is called that leads back to where the code goes.
func (p *CodePage) change() string {
	if p.Phone != nil {
		return "code.change_phone"
	}
	return "code.change_email"
}

// SignUpDetailsPage asks for what a new account may have.
type SignUpDetailsPage struct {
	Base
	Identifier string // the verified number or address, for password managers
	Lead       i18n.Message
	Fields     []SignUpField
	Button     i18n.Message

	// What the new account takes along from this browser, if anything.
	Identity  *NewIdentity // an identity that it will be linked to
	Anonymous bool         // what was done here without an account
	Named     string       // sealed: that this page has named it
}

// NewIdentity names an identity that waits for an account, and the account that
// is about to be made.
type NewIdentity struct {
	Provider string
	Person   Person
	Account  string // the verified number or address, masked
	Lead     i18n.Message
}

// asks reports that a field is among those of the page.
func (p *SignUpDetailsPage) asks(name string) bool {
	return slices.ContainsFunc(p.Fields, func(f SignUpField) bool { return f.Name == name })
}

// enterAfter is what the Enter key says in a field: whether another one follows.
func (p *SignUpDetailsPage) enterAfter(i int) string {
	if i < len(p.Fields)-1 {
		return "next"
	}
	return "go"
}

// SignUpField is one of the things that a new account may have.
type SignUpField struct {
	Name     string // as the API names it: name, username, password
	Value    string
	Optional bool
}

// AgreementPage is a text that people agree to.
type AgreementPage struct {
	Base
	Blocks []Block
	Back   Link
}

// Block is a paragraph of an operator's text.
type Block struct {
	Kind string // heading, paragraph or item
	Runs []Run
}

// Run is a stretch of text in a Block.
type Run struct {
	Text   string
	Strong bool
	URL    string
}

// ConfirmedPage is what is left when a code was right and only a button is to
// be pressed: to sign in to an account that exists already, or once more after
// TCB had failed.
type ConfirmedPage struct {
	Base
	Lead   i18n.Message
	Button i18n.Message
	Other  Link
}

// StartPage begins a way in that has no form of its own, where a captcha comes before it.
type StartPage struct {
	Base
	Provider string // the identity provider's id; empty for the way without an account
	Back     Link
}

// QRPage shows a mini program's code to a phone, and what became of it.
type QRPage struct {
	Base
	Lead   i18n.Message // where to scan, and where not
	Code   QRCode
	State  string // the name of one of
	States []QRState
	Check  string // where the form asks what became of the code,
	Enter  string // signs in by it,
	New    string // and gets another one
	Status string // where script asks
	Script string
	Back   Link
}

// QRState is what can become of a code: waiting, scanned, confirmed, refused or expired.
type QRState struct {
	Name  string
	Words i18n.Message
}

// QRCode is a code as the page shows it.
type QRCode struct {
	Given   string // by TCB; comes back with the form, so that the same one can be shown again
	Picture string // a data: URL, or
	Size    int    // the side of an SVG
	Path    string // with black modules
}

// is reports the state that the page is in.
func (p *QRPage) is(states ...string) bool { return slices.Contains(states, p.State) }

// NewPasswordPage asks for the password to set.
type NewPasswordPage struct {
	Base
	Lead       i18n.Message // why, where nobody asked for it
	Identifier string
}

// Completion is what the browser needs to be signed in: the only place where
// credentials ever are.
type Completion struct {
	EnvID, ClientID string
	Credentials     any // as TCB gave them
	UserInfo        json.RawMessage
	RedirectURI     string
	Back            string // of ours: what a reload shows
}

func (c *Completion) script() templ.Component {
	login := struct {
		EnvID       string `json:"env_id"`
		ClientID    string `json:"client_id"`
		Credentials any    `json:"credentials"`
	}{c.EnvID, c.ClientID, c.Credentials}
	where := struct {
		RedirectURI string `json:"redirect_uri"`
		Back        string `json:"back"`
	}{c.RedirectURI, c.Back}
	return jsonScript("completion", login, c.UserInfo, where)
}

// CompletePage hands the login to the browser and leads back to the app.
type CompletePage struct {
	Base
	Data Completion
	GoOn string // a page of ours that it leads to, which needs no script
}

// Departure is where the browser goes, and what it forgets before.
type Departure struct {
	To     string   `json:"to"`
	Forget []string `json:"forget,omitempty"` // localStorage keys
}

// InterstitialPage leads away from our origin, which a POST's redirect must not.
type InterstitialPage struct {
	Base
	Lead    i18n.Message
	Revoked bool // whether what script alone can forget is void at least
	Data    Departure
}

// CaptchaReturnPage goes on with what TCB's captcha page sent the browser back with.
type CaptchaReturnPage struct {
	Base
	Sealed string // what came, and which form waits
	Failed bool   // no captcha was solved: the button leads back to the form
	Said   string // TCB's page of why, in its own words
}

// SignOutPage asks before signing out.
type SignOutPage struct {
	Base
	Back string // the app, to stay signed in
}

// ErrorPage says what happened, what to do, and gives one button.
type ErrorPage struct {
	Base
	Lead   i18n.Message
	Value  string // what was refused, as text
	Button *Link
	Again  []Hidden // in place of the button: a form to be posted once more
	Show   string   // a language: its button shows the form in it, and does not press the form's own
}

// Hidden is a field that nobody sees.
type Hidden struct{ Name, Value string }

// DemoPage is the app that shows what the login page does.
type DemoPage struct {
	Base
	EnvID, ClientID string
	Outbox          string
	LoginPage       string
	SignOut         string
	Account         string
}
