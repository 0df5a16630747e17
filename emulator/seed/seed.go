// Package seed is the file that users come in and go out by: what the emulator starts with, imports
// and exports. It reads the file strictly, tells all that is wrong with its place, and knows what a
// user may look like, but keeps none; package emulator does.
package seed

import (
	_ "embed"
	"encoding/json"
	"time"
)

// Schema is the JSON Schema of the file, for editors.
//
//go:embed schema.json
var Schema []byte

// MaxSize is the most that a file may have, some ten thousands of users.
const MaxSize = 16 << 20

// File is the whole of it.
type File struct {
	Users []User `json:"users"`
}

// User is somebody with an account, under the names that TCB has for their fields.
type User struct {
	// Env is the environment; empty means the one that the file is for.
	Env string `json:"env,omitempty"`
	// Sub is TCB's id of the account; empty means that one is made.
	Sub         string `json:"sub,omitempty"`
	Username    string `json:"username,omitempty"`
	Email       string `json:"email,omitempty"`
	PhoneNumber string `json:"phone_number,omitempty"`
	// Password is in clear and never exported; PasswordHash is argon2id in the PHC string format.
	// There is one of the two at most, and none for who has no password.
	Password     string `json:"password,omitempty"`
	PasswordHash string `json:"password_hash,omitempty"`
	// PasswordInitial says that somebody else chose the password, so that TCB can want another
	// (FirstLoginUpdate). Nil means yes.
	PasswordInitial   *bool      `json:"password_initial,omitempty"`
	PasswordUpdatedAt time.Time  `json:"password_updated_at,omitzero"`
	Name              string     `json:"name,omitempty"`
	Picture           string     `json:"picture,omitempty"`
	Gender            string     `json:"gender,omitempty"`
	Birthdate         string     `json:"birthdate,omitempty"`
	Locale            string     `json:"locale,omitempty"`
	Zoneinfo          string     `json:"zoneinfo,omitempty"`
	Description       string     `json:"description,omitempty"`
	Status            string     `json:"status,omitempty"` // empty means active
	Groups            []string   `json:"groups,omitempty"` // none means TCB's default group
	Providers         []Provider `json:"providers,omitempty"`
	CreatedAt         time.Time  `json:"created_at,omitzero"`
}

// Provider is an account at an identity provider that signs the user in.
type Provider struct {
	ID             string `json:"id"`               // the provider's: demo, wx_open, …
	ProviderUserID string `json:"provider_user_id"` // the person's there
	Name           string `json:"name,omitempty"`
	Picture        string `json:"picture,omitempty"`
	Email          string `json:"email,omitempty"`
	PhoneNumber    string `json:"phone_number,omitempty"`
	Meta           Meta   `json:"meta,omitzero"`
}

// Meta is what WeChat's accounts have besides.
type Meta struct {
	AppID   string `json:"appid,omitempty"`
	OpenID  string `json:"openid,omitempty"`
	UnionID string `json:"unionid,omitempty"`
}

// The states of a user.
const (
	Active  = "ACTIVE"
	Pending = "PENDING"
	Blocked = "BLOCKED"
)

// HasName says whether anybody can be meant: by a name, an address or an account elsewhere.
func (u User) HasName() bool {
	return u.Username != "" || u.Email != "" || u.PhoneNumber != "" || len(u.Providers) > 0
}

// Encode writes a file that Parse reads.
func Encode(users []User) ([]byte, error) {
	if users == nil {
		users = []User{}
	}
	data, err := json.MarshalIndent(File{users}, "", "  ")
	return append(data, '\n'), err
}
