package audit

import (
	"encoding/json"
	"strconv"
	"time"

	"tcb-login/plainjson"
)

// Version is the schema's, in each line. A field that is new leaves it as it is; one that is gone, or
// means something else, does not.
const Version = 1

// A Name says what happened.
type Name string

// All there are.
const (
	SignIn        Name = "sign_in"         // somebody tried to come in
	AccountMade   Name = "account_made"    // by our pages; TCB makes some by itself
	CodeSent      Name = "code_sent"       // by SMS or e-mail
	CodeChecked   Name = "code_checked"    // what was typed of one
	StepUp        Name = "step_up"         // somebody proved again who they are
	MethodChanged Name = "method_changed"  // a way to sign in is another from now on, or gone
	HandOff       Name = "hand_off"        // a login of the app's became one of our pages'
	SessionEnded  Name = "session_ended"   // a login, or all of an account or a device
	AccountGone   Name = "account_deleted" // by its owner
	LimitHit      Name = "limit_hit"       // a limit of ours was used up
	Consent       Name = "consent"         // somebody agreed to the texts of a login page
	DataExported  Name = "data_exported"   // all of an account, to who said to be its owner
	Authorized    Name = "authorized"      // another device, or an app on another origin, got a login
)

// Names are all, for the schema and for metrics.
var Names = []Name{
	SignIn, AccountMade, CodeSent, CodeChecked, StepUp, MethodChanged, HandOff, SessionEnded, AccountGone, LimitHit, Consent, DataExported, Authorized,
}

// An Outcome says how it went.
type Outcome string

// All there are.
const (
	OK         Outcome = "ok"
	Refused    Outcome = "refused"    // by TCB or by us
	Failed     Outcome = "failed"     // nobody decided: TCB was away
	Incomplete Outcome = "incomplete" // right, but TCB wants more: a second factor, another password
	Withheld   Outcome = "withheld"   // TCB sent no code, which the page did not tell
)

// Outcomes are all.
var Outcomes = []Outcome{OK, Refused, Failed, Incomplete, Withheld}

// A Method is by what somebody came in, or proved who they are.
type Method string

// All there are.
const (
	ByPassword     Method = "password"
	BySMS          Method = "sms"
	ByEmail        Method = "email"
	BySecondFactor Method = "second_factor" // a code besides a password
	ByNewPassword  Method = "new_password"  // one that was set a moment before
	BySignUp       Method = "sign_up"
	ByProvider     Method = "provider"
	ByQR           Method = "qr"
	Anonymously    Method = "anonymous"
)

// Methods are all.
var Methods = []Method{ByPassword, BySMS, ByEmail, BySecondFactor, ByNewPassword, BySignUp, ByProvider, ByQR, Anonymously}

// By is the method of a code that went by phone, or by e-mail.
func By(phone bool) Method {
	if phone {
		return BySMS
	}
	return ByEmail
}

// What of an account changed.
const (
	Password = "password"
	Phone    = "phone"
	Email    = "email"
	Username = "username"
	Linked   = "provider_linked"
	Unlinked = "provider_unlinked"
)

// How logins ended, and what got one.
const (
	BySignOut    = "sign_out"
	ByDevice     = "device"      // those of one device, from another
	Everywhere   = "everywhere"  // all of the account
	ByGuessing   = "guessing"    // too many wrong step-up passwords
	DeviceLogin  = "device_code" // RFC 8628
	AppAuthorize = "code"        // an authorization code
)

// An Event is what a line tells. Person and Identifier are as they are known, and stand in the line
// as keyed hashes alone: see Log.Write.
type Event struct {
	Name    Name
	Outcome Outcome
	Reason  string // why not, of the closed list of refusals
	Code    string // TCB's error code, where it said no

	Method   Method
	Provider string // id of the identity provider
	What     string // that changed, or how a login ended
	Flow     string // that a code belongs to
	Calling  string // calling code of the number, where a code went by SMS
	Rule     string // name of the limit
	Texts    string // hash of the texts

	Sub        string // whose account it is, where TCB has said so
	Identifier string // what was typed: a username, number or address
	Request           // where it came from
}

// A Request is what all events of one have in common.
type Request struct {
	EnvID, ClientID, ConfigVersion string
	Address                        string // of who asked
	RequestID, TraceID             string
	Session                        string // its id, which the line has hashed: it joins what one browser did
}

// line is an event as it is written, in the order in which people read it.
type line struct {
	V             int       `json:"v"`
	Time          time.Time `json:"time"`
	Event         Name      `json:"event"`
	Outcome       Outcome   `json:"outcome"`
	Reason        string    `json:"reason,omitempty"`
	Code          string    `json:"code,omitempty"`
	Method        Method    `json:"method,omitempty"`
	Provider      string    `json:"provider,omitempty"`
	What          string    `json:"what,omitempty"`
	Flow          string    `json:"flow,omitempty"`
	Calling       string    `json:"calling_code,omitempty"`
	Rule          string    `json:"rule,omitempty"`
	Texts         string    `json:"texts,omitempty"`
	EnvID         string    `json:"env_id,omitempty"`
	ClientID      string    `json:"client_id,omitempty"`
	ConfigVersion string    `json:"config_version,omitempty"`
	KeyID         string    `json:"key_id"`
	Person        string    `json:"person,omitempty"`
	Identifier    string    `json:"identifier,omitempty"`
	Session       string    `json:"session,omitempty"`
	Address       string    `json:"address,omitempty"`
	RequestID     string    `json:"request_id,omitempty"`
	TraceID       string    `json:"trace_id,omitempty"`
}

// append appends the line as JSON: as encoding/json writes it, but most often without reflection.
func (l *line) append(b []byte) ([]byte, error) {
	if line, plain := l.appendPlain(b); plain {
		return line, nil
	}
	text, err := json.Marshal(l)
	return append(append(b, text...), '\n'), err
}

// appendPlain reports false where encoding/json might write something else.
func (l *line) appendPlain(b []byte) (text []byte, plain bool) {
	if year := l.Time.Year(); year < 0 || year > 9999 {
		return b, false
	}
	b = append(b, `{"v":`...)
	b = strconv.AppendInt(b, int64(l.V), 10)
	b = append(b, `,"time":"`...)
	b = l.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	for _, f := range [...]struct {
		name, value string
		always      bool
	}{
		{`,"event":`, string(l.Event), true}, {`,"outcome":`, string(l.Outcome), true}, {`,"reason":`, l.Reason, false},
		{`,"code":`, l.Code, false}, {`,"method":`, string(l.Method), false}, {`,"provider":`, l.Provider, false},
		{`,"what":`, l.What, false}, {`,"flow":`, l.Flow, false}, {`,"calling_code":`, l.Calling, false},
		{`,"rule":`, l.Rule, false}, {`,"texts":`, l.Texts, false}, {`,"env_id":`, l.EnvID, false},
		{`,"client_id":`, l.ClientID, false}, {`,"config_version":`, l.ConfigVersion, false}, {`,"key_id":`, l.KeyID, true},
		{`,"person":`, l.Person, false}, {`,"identifier":`, l.Identifier, false}, {`,"session":`, l.Session, false},
		{`,"address":`, l.Address, false}, {`,"request_id":`, l.RequestID, false}, {`,"trace_id":`, l.TraceID, false},
	} {
		if f.value == "" && !f.always {
			continue
		}
		b = append(b, f.name...)
		if b, plain = plainjson.Append(b, f.value); !plain {
			return b, false
		}
	}
	return append(b, "}\n"...), true
}
