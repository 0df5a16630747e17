package authclient

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// SudoRequest proves again who is there: with the password, or, and always
// where a phone number is bound, with a code to the bound number or address.
type SudoRequest struct {
	Redacted

	Password          string `json:"password,omitempty"`           // of the account
	VerificationToken string `json:"verification_token,omitempty"` // of a code asked for with TargetCurUser
}

// SudoToken opens changes that need it.
type SudoToken struct {
	Redacted

	SudoToken string `json:"sudo_token"` // empty for somebody who has no password and signs in through third parties only
	ExpiresIn int    `json:"expires_in"` // seconds, 900
}

// Sudo asks for a sudo_token. ErrInvalidPassword: it is wrong.
// ErrFailedPrecondition: a phone number is bound, so that it takes a code.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, sudo.
func (u *User) Sudo(ctx context.Context, in SudoRequest, opts ...CallOption) (*SudoToken, error) {
	return call[SudoToken](ctx, u, request{op: "Sudo", call: Call{"POST", "/v1/user/sudo"}, body: in}, opts)
}

// GetVerification sends a code as the signed-in person does: with TargetCurUser
// to their own number or address, else to a new one. Errors are those of
// Client.GetVerification.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, getVerification, which sends
// the login along where there is one.
func (u *User) GetVerification(ctx context.Context, in GetVerificationRequest, opts ...CallOption) (*Verification, error) {
	return getVerification(ctx, u, in, opts)
}

// ConflictResolution says what happens when another account has the number or
// address that is to be bound (@cloudbase/oauth@3.3.3 src/auth/models.ts,
// EditContactRequest).
type ConflictResolution string

// The resolutions that TCB knows.
const (
	ConflictDefault       ConflictResolution = "DEFAULT"                 // refuse: ErrFailedPrecondition
	ConflictDeleteAccount ConflictResolution = "DELETE_ACCOUNT_TRANSFER" // the other account is closed
	ConflictTransfer      ConflictResolution = "TRANSFER"                // the other account loses it, and is closed if that was its last way in
)

// BindPhoneNumberRequest binds a phone number, or changes the bound one.
type BindPhoneNumberRequest struct {
	Redacted

	PhoneNumber        string             `json:"phone_number"`                  // "+86 13800000000"
	SudoToken          string             `json:"sudo_token"`                    // of Sudo
	VerificationToken  string             `json:"verification_token"`            // of a code to the new number
	ConflictResolution ConflictResolution `json:"conflict_resolution,omitempty"` // ConflictDefault when empty
}

// BindPhoneNumber binds a phone number. ErrFailedPrecondition: another account
// has it.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, bindPhoneNumber.
func (u *User) BindPhoneNumber(ctx context.Context, in BindPhoneNumberRequest, opts ...CallOption) error {
	in.PhoneNumber = withCountry(in.PhoneNumber)
	return u.do(ctx, request{op: "BindPhoneNumber", call: callContact, body: in}, nil, opts)
}

// BindEmailRequest binds an e-mail address, or changes the bound one.
type BindEmailRequest struct {
	Redacted

	Email              string             `json:"email"`                         // the new one
	SudoToken          string             `json:"sudo_token"`                    // of Sudo
	VerificationToken  string             `json:"verification_token"`            // of a code to the new address
	ConflictResolution ConflictResolution `json:"conflict_resolution,omitempty"` // ConflictDefault when empty
}

// BindEmail binds an e-mail address. ErrFailedPrecondition: another account has
// it.
//
// Source: @cloudbase/auth@3.3.3 src/index.ts, bindEmail.
func (u *User) BindEmail(ctx context.Context, in BindEmailRequest, opts ...CallOption) error {
	return u.do(ctx, request{op: "BindEmail", call: callContact, body: in}, nil, opts)
}

// SetPasswordRequest sets the first password, or another one.
type SetPasswordRequest struct {
	Redacted

	NewPassword string `json:"new_password"` // the one from now on
	SudoToken   string `json:"sudo_token"`   // of Sudo
}

// SetPassword sets the password. Other devices are signed out.
// ErrInvalidArgument: too weak.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, setPassword.
func (u *User) SetPassword(ctx context.Context, in SetPasswordRequest, opts ...CallOption) error {
	return u.do(ctx, request{op: "SetPassword", call: Call{"PATCH", "/v1/user/password"}, body: in}, nil, opts)
}

// UserUpdate is what a person can change of their profile; nil leaves a field
// as it is, a pointer to "" empties it.
type UserUpdate struct {
	Name      *string `json:"name,omitempty"`      // nickname
	Username  *string `json:"username,omitempty"`  // to sign in with
	Picture   *string `json:"picture,omitempty"`   // URL of an avatar
	Gender    *string `json:"gender,omitempty"`    // MALE, FEMALE or UNKNOWN
	Birthdate *string `json:"birthdate,omitempty"` // as 1990-01-31
	Locale    *string `json:"locale,omitempty"`    // as zh-CN
	Zoneinfo  *string `json:"zoneinfo,omitempty"`  // as Asia/Shanghai

	// These two are taken once the person has had a code to them, asked for with
	// User.GetVerification, and passed Verify; BindPhoneNumber and BindEmail are
	// the stricter way.
	PhoneNumber *string `json:"phone_number,omitempty"` // "+86 13800000000"
	Email       *string `json:"email,omitempty"`        // the new address
}

// Update changes the profile and returns it as it is then.
// ErrAlreadyExists: the username is taken.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, setUserProfile.
func (u *User) Update(ctx context.Context, in UserUpdate, opts ...CallOption) (*UserInfo, error) {
	if in.PhoneNumber != nil {
		number := withCountry(*in.PhoneNumber)
		in.PhoneNumber = &number
	}
	return call[UserInfo](ctx, u, request{op: "Update", call: Call{"PATCH", "/v1/user/profile"}, body: in}, opts)
}

// BasicEditRequest is the other form of changing a profile, with the old
// password beside a new one. What is empty stays as it is.
type BasicEditRequest struct {
	Redacted

	UserID      string `json:"user_id,omitempty"`      // the person's id
	Nickname    string `json:"nickname,omitempty"`     // UserInfo.Name
	Username    string `json:"username,omitempty"`     // to sign in with
	Description string `json:"description,omitempty"`  // free text
	AvatarURL   string `json:"avatar_url,omitempty"`   // UserInfo.Picture
	Gender      string `json:"gender,omitempty"`       // MALE or FEMALE
	Password    string `json:"password,omitempty"`     // the old one, for NewPassword
	NewPassword string `json:"new_password,omitempty"` // the one from now on
	Email       string `json:"email,omitempty"`        // the new address
	Phone       string `json:"phone,omitempty"`        // "+86 13800000000"
}

// BasicEdit changes the profile, or the password by the old one.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, updateUserBasicInfo.
func (u *User) BasicEdit(ctx context.Context, in BasicEditRequest, opts ...CallOption) error {
	in.Phone = withCountry(in.Phone)
	return u.do(ctx, request{op: "BasicEdit", call: Call{"POST", "/v1/user/basic/edit"}, body: in}, nil, opts)
}

// QueryUserRequest names people by one of its fields.
type QueryUserRequest struct {
	IDs         []string // of people, 50 at most
	Username    string   // the whole of it
	Email       string   // the whole of it
	PhoneNumber string   // "+86 13800000000"
}

// QueryUserResponse is who was found.
type QueryUserResponse struct {
	Total int                 // how many
	Users []SimpleUserProfile // who
}

// UnmarshalJSON takes total as a number, as the SDK declares it, or as a string,
// as the documents of @cloudbase/js-sdk@2 have it.
func (q *QueryUserResponse) UnmarshalJSON(data []byte) error {
	var raw struct {
		Total json.RawMessage     `json:"total"`
		Data  []SimpleUserProfile `json:"data"`
	}
	err := json.Unmarshal(data, &raw)
	q.Users = raw.Data
	if len(raw.Total) == 0 {
		return err // of a field of another type: the others are there
	}
	n, ok := integer(raw.Total)
	if q.Total = n; !ok {
		return errors.New("total is no number")
	}
	return err
}

// SimpleUserProfile is what one person may know of another.
type SimpleUserProfile struct {
	Sub         string `json:"sub"`          // the other person's id
	Name        string `json:"name"`         // nickname
	Picture     string `json:"picture"`      // URL of the avatar
	Gender      string `json:"gender"`       // MALE, FEMALE or UNKNOWN
	Locale      string `json:"locale"`       // as zh-CN
	Email       string `json:"email"`        // as far as TCB shows it
	PhoneNumber string `json:"phone_number"` // as far as TCB shows it
}

// QueryUser finds people. Custom and anonymous logins may not ask.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, queryUserProfile.
func (u *User) QueryUser(ctx context.Context, in QueryUserRequest, opts ...CallOption) (*QueryUserResponse, error) {
	query := queryOf(map[string]string{
		"id": strings.Join(in.IDs, ","), "username": in.Username, "email": in.Email, "phone_number": withCountry(in.PhoneNumber),
	})
	return call[QueryUserResponse](ctx, u, request{op: "QueryUser", call: Call{"GET", "/v1/user/query"}, query: query}, opts)
}

// DeleteMe deletes the account, returns what it was, and ends its logins.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, deleteMe.
func (u *User) DeleteMe(ctx context.Context, sudoToken string, opts ...CallOption) (*UserInfo, error) {
	query := queryOf(map[string]string{"sudo_token": sudoToken})
	return call[UserInfo](ctx, last{u}, request{op: "DeleteMe", call: Call{"DELETE", "/v1/user/me"}, query: query}, opts)
}

// BoundProvider is an identity provider and whether the person has bound it.
type BoundProvider struct {
	ID               string `json:"id"`                 // of the identity provider
	Name             string `json:"name"`               // of the identity provider
	ProviderUserID   string `json:"provider_user_id"`   // the person's id there
	ProviderUserName string `json:"provider_user_name"` // the person's name there
	Bind             bool   `json:"bind"`               // whether it is bound
}

// providers are an answer of GetProviders.
type providers struct {
	Data []BoundProvider `json:"data"`
}

// GetProviders lists the identity providers.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, getProviders.
func (u *User) GetProviders(ctx context.Context, opts ...CallOption) ([]BoundProvider, error) {
	var out providers
	err := u.do(ctx, request{op: "GetProviders", call: Call{"GET", "/v1/user/provider"}}, &out, opts)
	return out.Data, err
}

// BindWithProvider binds a third-party identity to the account.
// ErrAlreadyExists: it belongs to another one; the error's Details can hold a
// provider_trans_token for ChangeBoundProvider.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, bindWithProvider.
func (u *User) BindWithProvider(ctx context.Context, providerToken string, opts ...CallOption) error {
	in := map[string]string{"provider_token": providerToken}
	return u.do(ctx, request{op: "BindWithProvider", call: Call{"POST", "/v1/user/provider/bind"}, body: in}, nil, opts)
}

// UnbindProvider unbinds an identity provider.
// ErrFailedPrecondition: it is the last way to sign in.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, unbindProvider.
func (u *User) UnbindProvider(ctx context.Context, providerID string, opts ...CallOption) error {
	return u.do(ctx, request{
		op: "UnbindProvider", call: Call{"DELETE", "/v1/user/provider"}, rest: "/" + url.PathEscape(providerID),
	}, nil, opts)
}

// TransByProvider goes over to the account that a provider_token's identity is
// bound to. The login at hand is over then: go on with the credentials returned.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, transByProvider.
func (u *User) TransByProvider(ctx context.Context, providerToken string, opts ...CallOption) (*Credentials, error) {
	in := map[string]string{"provider_token": providerToken}
	return call[Credentials](ctx, last{u}, request{op: "TransByProvider", call: Call{"PATCH", "/v1/user/trans/by/provider"}, body: in}, opts)
}

// ChangeBoundProvider moves an identity from another account to this one with
// the provider_trans_token that TCB gave for it. It returns the client_id.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, changeBoundProvider.
func (u *User) ChangeBoundProvider(ctx context.Context, providerID, transToken string, opts ...CallOption) (clientID string, err error) {
	in := map[string]string{"provider_trans_token": transToken}
	var out struct {
		ClientID string `json:"client_id"`
	}
	err = u.do(ctx, request{
		op: "ChangeBoundProvider", call: Call{"POST", "/v1/user/provider"}, rest: "/" + url.PathEscape(providerID) + "/trans", body: in,
	}, &out, opts)
	return out.ClientID, err
}

// CheckUsername reports by its error whether a username is not free.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, checkUsername.
func (u *User) CheckUsername(ctx context.Context, username string, opts ...CallOption) error {
	return u.do(ctx, request{
		op: "CheckUsername", call: Call{"GET", "/v1/checkUsername"}, query: url.Values{"username": {username}},
	}, nil, opts)
}

// RevokeAllDevices ends all logins of the person, this one too.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, revokeAllDevices.
func (u *User) RevokeAllDevices(ctx context.Context, opts ...CallOption) error {
	return last{u}.do(ctx, request{op: "RevokeAllDevices", call: Call{"DELETE", "/v1/user/revoke/all"}}, nil, opts)
}

// RevokeDevice ends the logins of one device, by its device_id.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, revokeDevice.
func (u *User) RevokeDevice(ctx context.Context, deviceID string, opts ...CallOption) error {
	return u.do(ctx, request{
		op: "RevokeDevice", call: Call{"DELETE", "/v1/user/authorized/devices"}, rest: "/" + url.PathEscape(deviceID),
	}, nil, opts)
}

// HistoryKind picks rows of the security history.
type HistoryKind string

// The rows that can be asked for, as the SDK names the query that picks them.
const (
	HistoryAll     HistoryKind = ""                 // every row
	HistorySignIns HistoryKind = "query[action]"    // sign-ins
	HistoryChanges HistoryKind = "ne_query[action]" // everything else: changes of sign-in methods
)

// SecurityHistoryRequest asks for one page.
type SecurityHistoryRequest struct {
	Kind      HistoryKind // HistoryAll when empty
	Limit     int         // rows of the page; TCB's own number when 0
	PageToken string      // NextPageToken of the page before
}

// SecurityHistory is one page of the history, newest first.
type SecurityHistory struct {
	Redacted

	Rows          []SecurityEvent `json:"data"`            // of this page
	NextPageToken string          `json:"next_page_token"` // empty on the last page
}

// SecurityEvent is one row (@cloudbase/oauth@3.3.3 src/auth/models.ts,
// GetUserBehaviorLogRes).
type SecurityEvent struct {
	Redacted

	ID        string `json:"id"`         // of the row
	Action    string `json:"action"`     // USER_LOGIN, or what was changed
	IP        string `json:"ip"`         // where it came from
	UserAgent string `json:"user_agent"` // of the browser
	ClientID  string `json:"client_id"`  // of the app
	DeviceID  string `json:"device_id"`  // for RevokeDevice
	CreatedAt string `json:"created_at"` // RFC 3339
	Meta      struct {
		From string `json:"from"` // by what means, as TCB names it
	} `json:"meta"` // more about the row
}

// GetSecurityHistory reads a page of the history.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, getUserBehaviorLog.
func (u *User) GetSecurityHistory(ctx context.Context, in SecurityHistoryRequest, opts ...CallOption) (*SecurityHistory, error) {
	query := queryOf(map[string]string{"page_token": in.PageToken})
	if in.Kind != HistoryAll {
		query.Set(string(in.Kind), "USER_LOGIN")
	}
	if in.Limit > 0 {
		query.Set("limit", strconv.Itoa(in.Limit))
	}
	return call[SecurityHistory](ctx, u, request{op: "GetSecurityHistory", call: Call{"GET", "/v1/user/security/history"}, query: query}, opts)
}
