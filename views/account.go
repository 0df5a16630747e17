package views

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/a-h/templ"

	"tcb-login/i18n"
)

// What the account portal's pages show.

// Portal is what stands around every page of the portal.
type Portal struct {
	Person  Person
	Home    string // the overview; empty on it
	SignOut string
	App     string // the way back; empty where it is not on our origin
	News    *News  // what changed about how the person signs in; nil: nothing that they have not seen
}

// News are changes that somebody else may have made.
type News struct {
	Events []Event // the newest
	More   int     // that are not named
	Links  []Link
}

// Person is who is signed in.
type Person struct {
	Name    string
	Initial string   // the letter that stands for a picture; empty where the name begins with none
	Picture string   // an address that the page may load, or empty
	Details []string // what tells two accounts of one name apart, masked
}

// Guard is what account.js needs to keep the page and the SDK's login of the
// browser together. Mode says what for: "portal" and "continue" show a person,
// "hand-off" looks for one, "sign-out" has one to end.
type Guard struct {
	Mode     string          `json:"mode"`
	EnvID    string          `json:"env_id"`
	ClientID string          `json:"client_id"`
	CSRF     string          `json:"csrf_token"`
	Query    string          `json:"query,omitempty"` // what stands in the addresses that follow where they have a ^
	Session  string          `json:"session"`         // where a login is handed over
	Here     string          `json:"here"`
	SignIn   string          `json:"sign_in,omitempty"`
	Sub      string          `json:"sub,omitempty"` // who the page is of
	UserInfo json.RawMessage `json:"-"`             // user_info: the profile as TCB has it now, for the SDK's copy
}

func (g *Guard) script() templ.Component { return jsonScript("guard", g, g.UserInfo, nil) }

// Brief is an address with a mark in place of the query string that all of the guard's addresses
// have: no address has a ^ of its own, since that is escaped (RFC 3986 §2).
func (g *Guard) Brief(address string) string {
	if g.Query == "" {
		return address
	}
	return strings.Replace(address, g.Query, "^", 1)
}

// hides reports that nothing may be seen before script has compared who the
// page is of with whom the browser's storage names.
func (g *Guard) hides() bool { return g != nil && g.Sub != "" && g.Mode != "sign-out" }

// AccountPage is the overview: rows in sections.
type AccountPage struct {
	Base
	Sections []Section             // or
	Rendered func(io.Writer) error // writes what Sections renders
}

func (p *AccountPage) sections() templ.Component {
	if p.Rendered == nil {
		return Sections(p.T, p.Sections)
	}
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error { return p.Rendered(w) })
}

// Moment is when something happened: for script, which knows the browser's time zone, and in UTC.
type Moment struct {
	ISO  string // empty where TCB's time cannot be read
	Text string
}

// Section is a group of rows under a heading.
type Section struct {
	Name  string // for styles and tests
	Title i18n.Message
	Rows  []Row
}

// Row is one thing, its value and what can be done about it.
type Row struct {
	*Line
	Value string // empty where there is none
	URL   string // of Line.To
}

// Line is what a row says whoever's it is: its name, and keys of messages. Where it leads somewhere the
// whole of it does, and Action says so to who cannot see the row, by its label where it has a {what}.
type Line struct {
	Name   string
	Label  string
	Empty  string // that there is no value
	Hint   string
	To     string // the name of the page that it leads to; empty where it leads nowhere
	Action string
	Add    string // Action where there is no value, if that is another
}

func (r *Row) action() string {
	if r.Value == "" && r.Add != "" {
		return r.Add
	}
	return r.Action
}

// ProfilePage is the form of what people say about themselves.
type ProfilePage struct {
	Base
	Username          Row // which has a page of its own
	Name, Picture     string
	Gender, Birthdate string
	Locale, Zoneinfo  string
	Latest            string // the latest birthdate there can be
	Genders, Locales  []Choice
	Zones             []Choice
	Pictures          bool // some host's pictures can be shown: there is a field for one's address
	Preset            bool // the browser may choose the time zone where none is set
	Was               []Hidden
}

// UsernamePage sets a username, the first or another.
type UsernamePage struct {
	Base
	Username string
	Was      []Hidden
}

// Choice is one line of a select.
type Choice struct {
	Value string
	Label string
}

// PasswordPage sets a password, the first or another.
type PasswordPage struct {
	Base
	Identifier string
	First      bool
}

// StepUpPage asks again who is there, in one of several ways.
type StepUpPage struct {
	Base
	Lead      i18n.Message
	Password  bool // asks for the password; else it sends a code, or
	Known     string
	Providers []Choice // leads to one of these
	Wait      int      // seconds until a code may be sent, as the server counts them
	Methods   Methods
}

// ConflictPage is for a number or address that is another account's.
type ConflictPage struct {
	Base
	Lead    i18n.Message
	Choices []Option
	Chosen  string
	Confirm TypedWord // asked for where something is lost by what is chosen
	Back    Link
}

// Option is one of several radio buttons, with what it means.
type Option struct {
	Value       string
	Label, Help i18n.Message
	Costs       bool // something may be lost by it
	Grave       bool // something is lost by it
}

// classes are those of the option's label.
func (o *Option) classes() string {
	s := "option"
	if o.Costs {
		s += " costs"
	}
	if o.Grave {
		s += " loses"
	}
	return s
}

// TypedWord is a word to be typed before something is lost for good.
type TypedWord struct{ Word, Typed string }

// ProvidersPage lists identities at other services.
type ProvidersPage struct {
	Base
	Providers []Provider
	Last      bool // the only way to sign in is one of them
}

// Provider is one identity source.
type Provider struct {
	ID    string
	Name  string
	Who   string // the identity there, when bound
	Bound bool
	Keep  bool   // cannot be unlinked: it is the last way to sign in
	Mark  Method // its mark, as where one signs in
}

// BindPage names an identity and an account before the one is bound to the other.
type BindPage struct {
	Base
	Provider string
	Identity Person
	Account  Person
	Skip     Link
}

// SessionsPage lists where somebody signed in lately.
type SessionsPage struct {
	Base
	Devices   []Device
	Addresses bool // whether TCB sees people's addresses
	Others    bool // there are others that can be ended
	History   Link
}

// Device is one browser or phone that signed in.
type Device struct {
	Name    string
	Kind    string // desktop, phone, tablet, or empty: its icon
	Address string
	When    Moment
	This    bool
	Over    bool   // it is signed out
	Token   string // sealed: which one to end; empty where it cannot be
}

// HistoryPage lists changes of the ways to sign in.
type HistoryPage struct {
	Base
	Events    []Event
	Addresses bool
	First     Link
	More      Link
}

// Event is one change.
type Event struct {
	What    i18n.Message
	Device  string
	Address string
	When    Moment
}

// DevicePage asks before a device is signed in.
type DevicePage struct {
	Base
	Person  Person
	AppName string
	Client  string // the client_id
	Code    string
	Compare bool // the code came with the address, and is compared; else it is typed
	Other   Link // to type another one
}

// DeletePage asks before an account is deleted.
type DeletePage struct {
	Base
	Confirm TypedWord
	Losses  []i18n.Message
	Account string
}

// NoticePage says something and offers ways on.
type NoticePage struct {
	Base
	Lead   i18n.Message
	Button Link
	Others []Link
	Data   *Departure // what the browser forgets, if anything
}

// HandOffPage looks for the SDK's login in the browser's storage.
type HandOffPage struct {
	Base
	Lead   i18n.Message
	Button Link // for when nothing comes of it
	Retry  Link // for when TCB is away
}

// ReturnPage goes on with what an identity provider sent the browser back with.
type ReturnPage struct {
	Base
	Code, State string
}

// ReviewPage lists what an account can be entered by, after a reset of its password.
type ReviewPage struct {
	Base
	Rows []Row
}

// DataPage offers what is kept about the person as a file.
type DataPage struct{ Base }

// ContinuePage offers the login that the browser already has. Where it asks for consent its button
// posts the form.
type ContinuePage struct {
	Base
	Person Person
	Lead   i18n.Message
	Button Link
	Other  Link
}

// AuthorizePage asks somebody to go on to an app on another origin.
type AuthorizePage struct {
	Base
	Person Person
	Name   string // of the app
	Host   string // where they are led
	Scopes []Scope
	Button i18n.Message
	Other  Link
}

// Scope is something that an app asks for.
type Scope struct {
	Name, Detail string
	Parts        []Scope
}
