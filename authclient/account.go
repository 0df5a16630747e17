package authclient

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What a signed-in person can do with the account. All of it hangs off
// LoginState, which brings the access token.

// SudoRequest proves again who is there: with the password, or, and always
// where a phone number is bound, with a code to the bound number or address.
type SudoRequest struct {
	Password          string `json:"password,omitempty"`
	VerificationToken string `json:"verification_token,omitempty"`
}

// SudoToken opens changes that need it. It is empty for somebody who signs in
// through third parties only and has no password (SDK docs, Auth.sudo).
type SudoToken struct {
	SudoToken string `json:"sudo_token"`
	ExpiresIn int    `json:"expires_in"` // seconds, 900
}

// Sudo asks for a sudo_token (SDK docs, Auth.sudo).
func (s *LoginState) Sudo(ctx context.Context, in SudoRequest, opts ...CallOption) (*SudoToken, error) {
	var out SudoToken
	if err := s.do(ctx, call{op: "Sudo", method: http.MethodPost, path: "/v1/user/sudo", body: in}, &out, opts); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetVerification sends a code as the signed-in person does: with TargetCurUser
// to their own number or address, else to a new one (SDK docs,
// Auth.getVerification, which sends the login along where there is one).
func (s *LoginState) GetVerification(ctx context.Context, in GetVerificationRequest, opts ...CallOption) (*Verification, error) {
	in.normalize()
	var out Verification
	err := s.do(ctx, call{op: "GetVerification", method: http.MethodPost, path: "/v1/verification", body: in}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// ConflictResolution says what happens when another account has the number or
// address that is to be bound (oauth models.ts, EditContactRequest).
type ConflictResolution string

const (
	ConflictDefault       ConflictResolution = "DEFAULT"                 // refuse: ErrFailedPrecondition
	ConflictDeleteAccount ConflictResolution = "DELETE_ACCOUNT_TRANSFER" // the other account is closed
	ConflictTransfer      ConflictResolution = "TRANSFER"                // the other account loses it, and is closed if that was its last way in
)

// BindPhoneNumberRequest binds a phone number, or changes the bound one.
type BindPhoneNumberRequest struct {
	PhoneNumber        string             `json:"phone_number"` // "+86 13800000000"
	SudoToken          string             `json:"sudo_token"`
	VerificationToken  string             `json:"verification_token"` // of a code to the new number
	ConflictResolution ConflictResolution `json:"conflict_resolution,omitempty"`
}

// BindPhoneNumber binds a phone number (SDK docs, Auth.bindPhoneNumber).
func (s *LoginState) BindPhoneNumber(ctx context.Context, in BindPhoneNumberRequest, opts ...CallOption) error {
	in.PhoneNumber = withCountry(in.PhoneNumber)
	return s.do(ctx, call{op: "BindPhoneNumber", method: http.MethodPatch, path: "/v1/user/contact", body: in}, nil, opts)
}

// BindEmailRequest binds an e-mail address, or changes the bound one.
type BindEmailRequest struct {
	Email              string             `json:"email"`
	SudoToken          string             `json:"sudo_token"`
	VerificationToken  string             `json:"verification_token"` // of a code to the new address
	ConflictResolution ConflictResolution `json:"conflict_resolution,omitempty"`
}

// BindEmail binds an e-mail address (SDK docs, Auth.bindEmail).
func (s *LoginState) BindEmail(ctx context.Context, in BindEmailRequest, opts ...CallOption) error {
	return s.do(ctx, call{op: "BindEmail", method: http.MethodPatch, path: "/v1/user/contact", body: in}, nil, opts)
}

// SetPasswordRequest sets the first password, or another one.
type SetPasswordRequest struct {
	NewPassword string `json:"new_password"`
	SudoToken   string `json:"sudo_token"`
}

// SetPassword sets the password (SDK docs, Auth.setPassword). Other devices are
// signed out. ErrInvalidArgument: too weak.
func (s *LoginState) SetPassword(ctx context.Context, in SetPasswordRequest, opts ...CallOption) error {
	return s.do(ctx, call{op: "SetPassword", method: http.MethodPatch, path: "/v1/user/password", body: in}, nil, opts)
}

// GetCurrentUser is GetUserInfo by the SDK's other name (SDK docs,
// Auth.getCurrentUser).
func (s *LoginState) GetCurrentUser(ctx context.Context, opts ...CallOption) (*UserInfo, error) {
	return s.GetUserInfo(ctx, opts...)
}

// Refresh asks for the profile anew (SDK docs, User.refresh).
func (s *LoginState) Refresh(ctx context.Context, opts ...CallOption) (*UserInfo, error) {
	return s.GetUserInfo(ctx, opts...)
}

// UserUpdate is what a person can change of their profile; nil leaves a field
// as it is, a pointer to "" empties it.
type UserUpdate struct {
	Name      *string `json:"name,omitempty"` // nickname
	Username  *string `json:"username,omitempty"`
	Picture   *string `json:"picture,omitempty"`
	Gender    *string `json:"gender,omitempty"` // MALE, FEMALE or UNKNOWN
	Birthdate *string `json:"birthdate,omitempty"`
	Locale    *string `json:"locale,omitempty"`
	Zoneinfo  *string `json:"zoneinfo,omitempty"`

	// These two are taken once the person has had a code to them, asked for with
	// LoginState.GetVerification, and passed Verify; BindPhoneNumber and BindEmail
	// are the stricter way.
	PhoneNumber *string `json:"phone_number,omitempty"`
	Email       *string `json:"email,omitempty"`
}

// Update changes the profile and answers it as it is then (SDK docs,
// User.update). ErrAlreadyExists: the username is taken.
func (s *LoginState) Update(ctx context.Context, in UserUpdate, opts ...CallOption) (*UserInfo, error) {
	if in.PhoneNumber != nil {
		number := withCountry(*in.PhoneNumber)
		in.PhoneNumber = &number
	}
	var out UserInfo
	err := s.do(ctx, call{op: "Update", method: http.MethodPatch, path: "/v1/user/profile", body: in}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// BasicEditRequest is the other form of changing a profile, with the old
// password beside a new one (POST /v1/user/basic/edit; oauth models.ts,
// ModifyUserBasicInfoRequest).
type BasicEditRequest struct {
	UserID      string `json:"user_id,omitempty"`
	Nickname    string `json:"nickname,omitempty"`
	Username    string `json:"username,omitempty"`
	Description string `json:"description,omitempty"`
	AvatarURL   string `json:"avatar_url,omitempty"`
	Gender      string `json:"gender,omitempty"` // MALE or FEMALE
	Password    string `json:"password,omitempty"`
	NewPassword string `json:"new_password,omitempty"`
	Email       string `json:"email,omitempty"`
	Phone       string `json:"phone,omitempty"`
}

// BasicEdit changes the profile, or the password by the old one.
func (s *LoginState) BasicEdit(ctx context.Context, in BasicEditRequest, opts ...CallOption) error {
	in.Phone = withCountry(in.Phone)
	return s.do(ctx, call{op: "BasicEdit", method: http.MethodPost, path: "/v1/user/basic/edit", body: in}, nil, opts)
}

// QueryUserRequest names people by one of its fields.
type QueryUserRequest struct {
	IDs         []string // 50 at most
	Username    string
	Email       string
	PhoneNumber string // "+86 13800000000"
}

// QueryUserResponse is who was found.
type QueryUserResponse struct {
	Total int
	Users []SimpleUserProfile
}

// UnmarshalJSON takes total as a number or, as the SDK docs have it, a string.
func (q *QueryUserResponse) UnmarshalJSON(data []byte) error {
	var raw struct {
		Total json.Number         `json:"total"`
		Data  []SimpleUserProfile `json:"data"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	q.Users = raw.Data
	if raw.Total == "" {
		return nil
	}
	n, err := strconv.Atoi(raw.Total.String())
	q.Total = n
	return err
}

// SimpleUserProfile is what one person may know of another.
type SimpleUserProfile struct {
	Sub         string `json:"sub"`
	Name        string `json:"name"`
	Picture     string `json:"picture"`
	Gender      string `json:"gender"`
	Locale      string `json:"locale"`
	Email       string `json:"email"`
	PhoneNumber string `json:"phone_number"`
}

// QueryUser finds people (SDK docs, Auth.queryUser). Custom and anonymous
// logins may not ask.
func (s *LoginState) QueryUser(ctx context.Context, in QueryUserRequest, opts ...CallOption) (*QueryUserResponse, error) {
	query := url.Values{}
	for name, value := range map[string]string{
		"id": strings.Join(in.IDs, ","), "username": in.Username, "email": in.Email, "phone_number": withCountry(in.PhoneNumber),
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var out QueryUserResponse
	err := s.do(ctx, call{op: "QueryUser", method: http.MethodGet, path: "/v1/user/query", query: query}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// DeleteMe deletes the account, answers what it was, and ends the login (SDK
// docs, Auth.deleteMe).
func (s *LoginState) DeleteMe(ctx context.Context, sudoToken string, opts ...CallOption) (*UserInfo, error) {
	query := url.Values{}
	if sudoToken != "" { // the SDK leaves an empty one out
		query.Set("sudo_token", sudoToken)
	}
	var out UserInfo
	if err := s.do(ctx, call{op: "DeleteMe", method: http.MethodDelete, path: "/v1/user/me", query: query}, &out, opts); err != nil {
		return nil, err
	}
	s.signedOut()
	return &out, nil
}

// LoginGroups are the groups that the login has.
func (s *LoginState) LoginGroups() []string { return slices.Clone(s.Credentials().Groups) }

// HasLoginState reports whether there is still a login, as far as is known
// without asking TCB (SDK docs, Auth.hasLoginState).
func (s *LoginState) HasLoginState() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.over
}

// GetLoginState gives the credentials, refreshed where needed, or nil when the
// login is over (SDK docs, Auth.getLoginState).
func (s *LoginState) GetLoginState(ctx context.Context, opts ...CallOption) (*Credentials, error) {
	_, err := s.GetAccessToken(ctx, opts...)
	switch {
	case errors.Is(err, ErrUnauthenticated):
		return nil, nil
	case err != nil:
		return nil, err
	}
	creds := s.Credentials()
	return &creds, nil
}

// OnLoginStateChanged adds a listener to the one given at the start (SDK docs,
// Auth.onLoginStateChanged). Listeners are called in order, from the goroutine
// that made the change, and must not call back into the LoginState.
func (s *LoginState) OnLoginStateChanged(listen func(StateChange, Credentials)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.onChange
	s.onChange = func(change StateChange, creds Credentials) {
		if before != nil {
			before(change, creds)
		}
		listen(change, creds)
	}
}

// BoundProvider is an identity provider and whether the person has bound it.
type BoundProvider struct {
	ID               string `json:"id"`
	Name             string `json:"name"`
	ProviderUserID   string `json:"provider_user_id"`
	ProviderUserName string `json:"provider_user_name"`
	Bind             bool   `json:"bind"`
}

// GetProviders lists the identity providers (SDK docs, Auth.getProviders).
func (s *LoginState) GetProviders(ctx context.Context, opts ...CallOption) ([]BoundProvider, error) {
	var out struct {
		Data []BoundProvider `json:"data"`
	}
	err := s.do(ctx, call{op: "GetProviders", method: http.MethodGet, path: "/v1/user/provider"}, &out, opts)
	return out.Data, err
}

// BindWithProvider binds a third-party identity to the account (SDK docs,
// Auth.bindWithProvider). ErrAlreadyExists: it belongs to another one; the
// error's Details can hold a provider_trans_token for ChangeBoundProvider.
func (s *LoginState) BindWithProvider(ctx context.Context, providerToken string, opts ...CallOption) error {
	in := map[string]string{"provider_token": providerToken}
	return s.do(ctx, call{op: "BindWithProvider", method: http.MethodPost, path: "/v1/user/provider/bind", body: in}, nil, opts)
}

// UnbindProvider unbinds one (SDK docs, Auth.unbindProvider).
// ErrFailedPrecondition: it is the last way to sign in.
func (s *LoginState) UnbindProvider(ctx context.Context, providerID string, opts ...CallOption) error {
	return s.do(ctx, call{op: "UnbindProvider", method: http.MethodDelete, path: "/v1/user/provider/" + url.PathEscape(providerID)}, nil, opts)
}

// TransByProvider goes over to the account that a provider_token's identity is
// bound to (PATCH /v1/user/trans/by/provider). The login at hand is over then:
// make another LoginState of the answer.
func (s *LoginState) TransByProvider(ctx context.Context, providerToken string, opts ...CallOption) (*Credentials, error) {
	in := map[string]string{"provider_token": providerToken}
	var out Credentials
	err := s.do(ctx, call{op: "TransByProvider", method: http.MethodPatch, path: "/v1/user/trans/by/provider", body: in}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// ChangeBoundProvider moves an identity from another account to this one with
// the provider_trans_token that TCB gave for it; it answers the client_id.
func (s *LoginState) ChangeBoundProvider(ctx context.Context, providerID, transToken string, opts ...CallOption) (clientID string, err error) {
	in := map[string]string{"provider_trans_token": transToken}
	var out struct {
		ClientID string `json:"client_id"`
	}
	err = s.do(ctx, call{
		op: "ChangeBoundProvider", method: http.MethodPost,
		path: "/v1/user/provider/" + url.PathEscape(providerID) + "/trans", body: in,
	}, &out, opts)
	return out.ClientID, err
}

// CheckUsername reports by its error whether a username is not free
// (GET /v1/checkUsername).
func (s *LoginState) CheckUsername(ctx context.Context, username string, opts ...CallOption) error {
	return s.do(ctx, call{
		op: "CheckUsername", method: http.MethodGet, path: "/v1/checkUsername", query: url.Values{"username": {username}},
	}, nil, opts)
}

// RevokeAllDevices ends all logins of the person, this one too.
func (s *LoginState) RevokeAllDevices(ctx context.Context, opts ...CallOption) error {
	err := s.do(ctx, call{op: "RevokeAllDevices", method: http.MethodDelete, path: "/v1/user/revoke/all"}, nil, opts)
	if err == nil {
		s.signedOut()
	}
	return err
}

// RevokeDevice ends the logins of one device, by its device_id.
func (s *LoginState) RevokeDevice(ctx context.Context, deviceID string, opts ...CallOption) error {
	return s.do(ctx, call{
		op: "RevokeDevice", method: http.MethodDelete, path: "/v1/user/authorized/devices/" + url.PathEscape(deviceID),
	}, nil, opts)
}

// HistoryKind picks rows of the security history.
type HistoryKind string

const (
	HistoryAll     HistoryKind = ""
	HistorySignIns HistoryKind = "query[action]"    // sign-ins
	HistoryChanges HistoryKind = "ne_query[action]" // everything else: changes of sign-in methods
)

// SecurityHistoryRequest asks for one page.
type SecurityHistoryRequest struct {
	Kind      HistoryKind
	Limit     int    // rows of the page; TCB's own number when 0
	PageToken string // of the page before
}

// SecurityHistory is one page of the history, newest first.
type SecurityHistory struct {
	Rows          []SecurityEvent `json:"data"`
	NextPageToken string          `json:"next_page_token"` // empty on the last page
}

// SecurityEvent is one row (oauth models.ts, GetUserBehaviorLogRes).
type SecurityEvent struct {
	ID        string `json:"id"`
	Action    string `json:"action"`
	IP        string `json:"ip"`
	UserAgent string `json:"user_agent"`
	ClientID  string `json:"client_id"`
	DeviceID  string `json:"device_id"`
	CreatedAt string `json:"created_at"` // RFC 3339
	Meta      struct {
		From string `json:"from"`
	} `json:"meta"`
}

// GetSecurityHistory reads the history (GET /v1/user/security/history).
func (s *LoginState) GetSecurityHistory(ctx context.Context, in SecurityHistoryRequest, opts ...CallOption) (*SecurityHistory, error) {
	query := url.Values{}
	if in.Kind != HistoryAll {
		query.Set(string(in.Kind), "USER_LOGIN")
	}
	if in.Limit > 0 {
		query.Set("limit", strconv.Itoa(in.Limit))
	}
	if in.PageToken != "" {
		query.Set("page_token", in.PageToken)
	}
	var out SecurityHistory
	err := s.do(ctx, call{op: "GetSecurityHistory", method: http.MethodGet, path: "/v1/user/security/history", query: query}, &out, opts)
	if err != nil {
		return nil, err
	}
	return &out, nil
}
