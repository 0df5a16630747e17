// Package emulator answers as Tencent CloudBase's (TCB's) auth HTTP API does, from one SQLite file.
//
// It is for development, tests and trying the login page out. It is not an identity provider: it
// shows every code it "sends" and every captcha's answer to anybody on the same machine, and it is
// seeded with a user whose password is printed in the README. Package authclient is its usual
// caller, and the official browser SDK the other one; neither is imported here. The wire structs of
// this package are its own, so that a misspelt JSON name on one side fails a test instead of being
// mirrored.
//
// # Design
//
//   - One [Emulator] holds several environments. Every row carries its environment; a call finds
//     its environment through its client (client_id in the query, the body or Basic credentials) or
//     through its access token.
//   - A route of the API is one method with the signature of [endpoint]. It returns a value to be
//     sent as JSON, or an error: an *apiError goes out as TCB words it, anything else is logged and
//     becomes "internal". errors.go holds the only table of error codes, numbers, statuses and
//     texts.
//   - A change is one immediate transaction, so a limit that is checked in it holds under any
//     number of parallel calls, and what was acknowledged survives kill -9 (WAL, synchronous=FULL).
//     Slow work (argon2, RSA) is done outside of it.
//   - Secrets that come back from a caller (refresh tokens, verification tokens, captcha tokens)
//     are stored hashed.
//   - Time and randomness come in through [Config]. Nothing runs in the background: expired rows go
//     when something is written.
//   - The controls under /__emulator (controls.go) are not part of TCB's API. They answer to this
//     machine only, or to who has their token. The pages that a browser is sent to (idp.go, captchapage.go) answer to
//     everybody.
//
// # Controls
//
// docs/emulator.md lists them. controls.go has those that programs call, and who may (package guard);
// console.go and the files beside it the same as pages; controlusers.go and transfer.go the users,
// whose form in files is package seed's.
//
// # Third parties
//
// provider/uri leads to consent pages below /demo-idp/{env}/{provider}/. A test posts the same
// address as a form: decision=allow with sub and, if wanted, name, picture, email, phone_number,
// unionid; or decision=deny; or decision=fail for a code that the third party then does not know,
// which gets failed_precondition. The answer is a 303 to redirect_uri, if that is registered
// (origins.go). Codes from there serve once. Mini programs, whose provider id is their app id
// (wx…), take made-up codes again and again: provider_code "openid:{id}" with provider_code_type
// open_id, "unionid:{id}" with union_id, and provider_params.code "phone:{number}" with phone. A QR
// code's "scan" is the same form at /demo-idp/{env}/{app id}/scan?qr_code_id=.
//
// # Where TCB's behaviour is not documented
//
// These are choices, each in one place: HTTP status 400 for sign-in failures that have no gRPC code
// of their own, and the number of the nearest gRPC code (errors.go); already_exists for a taken
// username; login_method_disabled for phone or e-mail switched off, but unimplemented for username
// and anonymous sign-in, as the vendor's pages say, and for phone outside ap-shanghai (signin.go);
// unauthenticated for a token of a blocked user, whose refresh token gets invalid_grant; the fifth
// wrong code answers aborted (verification.go); a captcha that is solved lets a message out at the
// day's limit (verification.go), and captcha/init has a page for anybody while some call asks for a
// captcha (captchapage.go); the lock comes after the tenth wrong password (signin.go);
// invalid_argument for a wrong picture (captcha.go); the claims of a publishable key, and that all
// calls without a login take it (publishable.go); preflights pass for every origin (origins.go);
// the rules for passwords and usernames (users.go); permission_denied for a provider_token or
// sudo_token that is wrong or too old (providers.go, account.go); already_exists, with a
// provider_trans_token, for an identity that another account has (identities.go); a changed phone
// or e-mail in user/profile or basic/edit must have been verified by the same user a while ago
// (account.go); the names of the history's actions but USER_LOGIN, and its envelope (sessions.go);
// the codes that a user code is refused with (device.go); how a second factor is sent (signin.go); what trans/by/provider does (identities.go); the words
// of a scan's status (scan.go).
package emulator

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tcb-login/emulator/guard"
	"tcb-login/emulator/seed"
)

const (
	defaultRegion = "ap-shanghai"
	maxBody       = 1 << 20
)

// Config says what an Emulator serves and what it runs on. The zero value of every field but
// Environments is usable.
type Config struct {
	// Path is the SQLite file, made when it is missing. Empty means a private temporary file that
	// Close removes.
	Path string
	// Now is the clock; nil means time.Now. The control clock_offset_s is added to it.
	Now func() time.Time
	// Rand is the source of codes, tokens and salts; nil means crypto/rand.
	Rand io.Reader
	// Logger gets what goes wrong inside; nil means nowhere. No secret is ever logged.
	Logger *slog.Logger
	// Environments are the TCB environments served; at least one.
	Environments []Environment
	// RedirectURIs are where the pages of the demo providers and of captchas may send a browser,
	// beside what origins.go lists: byte for byte, but one without a path is an origin, and stands
	// for every path of it.
	RedirectURIs []string
	// CheapPasswords is for tests: a hash costs next to nothing, so that passwords are soon guessed
	// by who has the file. Passwords that are stored already keep their cost.
	CheapPasswords bool
	// Users are those that the emulator starts with and is reset to, in the first environment unless
	// they name theirs. Nil means the user "demo" in each. Who is there already is left as they are.
	Users []seed.User
	// ControlToken opens the controls under /__emulator/ to whoever sends it, from anywhere, and to
	// nobody else. Empty means that this machine needs none, and that no other gets in.
	ControlToken string

	// signingKey lets this package's tests be cheap; nil means that one is made.
	signingKey *rsa.PrivateKey
}

// Environment is one TCB environment.
type Environment struct {
	ID string
	// Region decides whether phone methods work, which TCB offers in ap-shanghai only. Empty means
	// ap-shanghai.
	Region string
	// Clients may sign in. None means one client that has the environment's ID and no secret, as
	// TCB makes it.
	Clients []Client
}

// Client is one client of an environment. IDs are unique over all environments, as at TCB.
type Client struct {
	ID string
	// Secret, when set, is compared with the secret of a caller that sends one. Browsers send none.
	Secret string
	// RedirectURIs are where user/authorize may send a code or token, byte for byte. None means
	// anywhere.
	RedirectURIs []string
}

// Emulator is the running API: an [http.Handler]. It is safe for concurrent use.
type Emulator struct {
	environments []*Environment
	clients      *clientBook
	redirectURIs []string

	store     *store
	tempDir   string
	clock     func() time.Time
	random    io.Reader
	log       *slog.Logger
	passwords *passwords
	users     []seed.User // nil: the demo user
	guard     *guard.Guard
	key       *signingKey
	givenKey  *rsa.PrivateKey // a test's, for every key that would have to be made
	encrypt   encryptionKey
	settings  *settingsBox
	// publishable keeps the environments' publishable keys: by id, made when first asked for.
	publishable sync.Map
	api         *http.ServeMux
	controls    *http.ServeMux
	pages       *http.ServeMux
}

// New opens or makes the database, seeds it, and returns the emulator.
func New(config Config) (*Emulator, error) {
	e := &Emulator{clients: newClientBook(), clock: config.Now, log: config.Logger, settings: newSettingsBox()}
	for _, uri := range config.RedirectURIs {
		if _, err := parseRedirect(uri); err != nil {
			return nil, fmt.Errorf("emulator: %q is no redirect URI", uri)
		}
		e.redirectURIs = append(e.redirectURIs, uri)
	}
	if e.clock == nil {
		e.clock = time.Now
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.random = rand.Reader
	if config.Rand != nil {
		e.random = &lockedReader{reader: config.Rand}
	}
	if err := e.addEnvironments(config.Environments); err != nil {
		return nil, err
	}
	e.clients.keep()
	e.passwords, e.users = newPasswords(config.CheapPasswords, e.random), config.Users
	var err error
	if e.guard, err = guard.New(controlBase, config.ControlToken); err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}

	file := config.Path
	if file == "" {
		dir, err := os.MkdirTemp("", "tcb-emulator-")
		if err != nil {
			return nil, fmt.Errorf("emulator: make a temporary folder: %w", err)
		}
		e.tempDir, file = dir, filepath.Join(dir, "emulator.db")
	}
	e.givenKey = config.signingKey
	if err := e.open(file); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.routes()
	return e, nil
}

// open opens the database, loads the signing key and seeds.
func (e *Emulator) open(file string) error {
	var err error
	if e.store, err = openStore(file, e.now); err != nil {
		return err
	}
	if e.key, err = loadKey(context.Background(), e.store, keyForSigning, e.givenKey, e.random, e.now()); err != nil {
		return err
	}
	return e.seed(context.Background(), false)
}

func (e *Emulator) addEnvironments(environments []Environment) error {
	if len(environments) == 0 {
		return errors.New("emulator: no environment")
	}
	seen := map[string]bool{}
	for _, given := range environments {
		env := given
		if env.ID == "" || seen[env.ID] {
			return fmt.Errorf("emulator: environment id %q is empty or used twice", env.ID)
		}
		seen[env.ID] = true
		if env.Region == "" {
			env.Region = defaultRegion
		}
		if len(env.Clients) == 0 {
			env.Clients = []Client{{ID: env.ID}}
		}
		e.environments = append(e.environments, &env)
		for _, client := range env.Clients {
			if _, taken := e.clients.find(client.ID); taken || client.ID == "" {
				return fmt.Errorf("emulator: client id %q is empty or used twice", client.ID)
			}
			e.clients.put(clientOf{env: &env, id: client.ID, secret: client.Secret, redirectURIs: client.RedirectURIs})
		}
	}
	return nil
}

// SetVerificationURI says which page devices send people to, from now on: an address of the web
// without a hash, to which env_id, client_id and user_code are appended. Empty means the emulator's
// own page, where all that can be said is no.
func (e *Emulator) SetVerificationURI(uri string) error {
	if !verificationPage(uri) {
		return fmt.Errorf("emulator: %q is no address for devices to send people to", uri)
	}
	e.settings.setVerificationURI(uri)
	return nil
}

// Close closes the database and removes it when it was temporary. Calls that are still running
// fail.
func (e *Emulator) Close() error {
	var err error
	if e.store != nil {
		err = e.store.close()
	}
	if e.tempDir != "" {
		err = errors.Join(err, os.RemoveAll(e.tempDir))
	}
	return err
}

// now is the emulator's time: the given clock plus the offset that the controls set.
func (e *Emulator) now() time.Time {
	return e.clock().Add(e.settings.clockOffset())
}

// route is who may call an endpoint, and the endpoint.
type route struct {
	access access
	serve  endpoint
}

// routeTable is TCB's API.
func (e *Emulator) routeTable() map[string]route {
	return map[string]route{
		"POST /auth/v1/signup":                {forClient, e.signUp},
		"POST /auth/v1/signin":                {forClient, e.signIn},
		"POST /auth/v1/signin/anonymously":    {forClient, e.signInAnonymously},
		"POST /auth/v1/signin/custom":         {forClient, e.signInCustom},
		"POST /auth/v1/signin/with/provider":  {forClient, e.signInWithProvider},
		"POST /auth/v1/signin/wechat/noauth":  {forClient, e.signInWithWechat},
		"POST /auth/v1/token":                 {forClient, e.grantToken},
		"GET /auth/v1/token/introspect":       {forClient, e.introspect},
		"POST /auth/v1/revoke":                {forClient, e.revoke},
		"POST /auth/v1/verification":          {forClient, e.sendVerification},
		"POST /auth/v1/verification/verify":   {forClient, e.verify},
		"POST /auth/v1/reset":                 {forClient, e.resetPassword},
		"GET /auth/v1/checkIfUserExist":       {forClient, e.checkIfUserExist},
		"GET /auth/v1/checkUsername":          {forUser, e.checkUsername},
		"POST /auth/v1/captcha/init":          {forClient, e.captchaInit},
		"POST /auth/v1/captcha/data":          {forClient, e.captchaData},
		"POST /auth/v1/captcha/data/verify":   {forClient, e.verifyCaptchaData},
		"GET /auth/v1/provider/uri":           {forClient, e.providerURI},
		"POST /auth/v1/provider/token":        {forClient, e.grantProviderToken},
		"PATCH /auth/v1/provider/token":       {forClient, e.patchProviderToken},
		"POST /auth/v1/device/code":           {forClient, e.deviceCode},
		"POST /auth/v1/qrcode/generate":       {forClient, e.generateQRCode},
		"POST /auth/v1/qrcode/get/status":     {forClient, e.qrCodeStatus},
		"GET /auth/v1/user/authorize/info":    {forEither, e.authorizeInfo},
		"POST /auth/v1/user/authorize":        {forGrant, e.authorize},
		"POST /auth/v1/user/device/authorize": {forGrant, e.authorizeDevice},
		"GET /auth/v1/certs":                  {forAnybody, e.certs},

		"POST /auth/v1/mgr/provider/providerSubType":       {forClient, e.providerSubType},
		"GET /auth/v1/user/me":                             {forUser, e.userMe},
		"DELETE /auth/v1/user/me":                          {forUser, e.deleteMe},
		"POST /auth/v1/user/signout":                       {forUser, e.signOut},
		"DELETE /auth/v1/user/revoke/all":                  {forUser, e.revokeAll},
		"DELETE /auth/v1/user/authorized/devices/{device}": {forUser, e.revokeDevice},
		"PATCH /auth/v1/user/profile":                      {forUser, e.patchProfile},
		"POST /auth/v1/user/basic/edit":                    {forUser, e.editBasics},
		"PATCH /auth/v1/user/contact":                      {forUser, e.changeContact},
		"PATCH /auth/v1/user/password":                     {forUser, e.changePassword},
		"POST /auth/v1/user/sudo":                          {forUser, e.sudo},
		"GET /auth/v1/user/query":                          {forUser, e.queryUsers},
		"GET /auth/v1/user/provider":                       {forUser, e.listProviders},
		"POST /auth/v1/user/provider/bind":                 {forUser, e.bindProvider},
		"DELETE /auth/v1/user/provider/{provider}":         {forUser, e.unbindProvider},
		"POST /auth/v1/user/provider/{provider}/trans":     {forUser, e.transferProvider},
		"PATCH /auth/v1/user/trans/by/provider":            {forUser, e.transferByProvider},
		"GET /auth/v1/user/security/history":               {forUser, e.securityHistory},
		"GET /auth/v1/plugin/weda/userinfo":                {forUser, e.userMe},

		"POST /auth/v2/signin/publichkey":       {forClient, e.publicKey}, // so spelt by the SDK
		"POST /auth/v2/signin/username":         {forClient, e.signIn},
		"POST /auth/v2/signin/password/update":  {forClient, e.updatePassword},
		"POST /auth/v2/signin/verificationcode": {forClient, e.signInWithVerificationCode},
		"POST /auth/v2/signin/with/provider":    {forClient, e.signInWithProvider},
		"POST /auth/v2/token":                   {forClient, e.grantToken},
		"GET /auth/v2/user/me":                  {forUser, e.userMe},
		"DELETE /auth/v2/user/me":               {forUser, e.deleteMe},
	}
}

// routes builds the muxes. What is not in the tables does not exist.
func (e *Emulator) routes() {
	e.api = http.NewServeMux()
	for pattern, route := range e.routeTable() {
		e.api.Handle(pattern, e.handle(route.access, route.serve))
	}
	e.api.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		e.sendError(w, r, failText("not_found", textNoRoute))
	})
	e.controls = e.controlRoutes()
	e.pages = e.pageRoutes()
}

const (
	forAnybody access = iota // needs nothing
	forClient                // a client; the SDK sends a Bearer token instead whenever somebody is signed in
	forUser                  // a Bearer token
	forGrant                 // a Bearer token; client_id names the app that shall be let in, another client maybe
	forEither                // like forGrant, but a client will do
)
