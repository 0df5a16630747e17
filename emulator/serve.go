package emulator

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// ServeHTTP serves TCB's API under /auth/ and the controls under /__emulator. Every body is read
// once, within its bound: here, or by the controls when they know who sends it.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // also where a mux answers: CONNECT, a path that is not clean
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.URL.Path == controlBase || strings.HasPrefix(r.URL.Path, controlBase+"/") {
		e.serveControls(w, r)
		return
	}
	body, err := readBody(w, r, maxBody)
	if err != nil {
		if strings.HasPrefix(r.URL.Path, "/auth/") {
			e.setCORS(w, r) // a page has to be able to read the refusal
		}
		e.sendError(w, r, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.HasPrefix(r.URL.Path, "/auth/") {
		e.serveAPI(w, r)
		return
	}
	e.pages.ServeHTTP(w, r)
}

// readBody reads a body as it came over the wire. An encoded one is refused, not decoded: a few
// hundred bytes of gzip hold gigabytes, and no caller of the API encodes. net/http notices that a
// caller is gone only once the body has been read.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	for _, encoding := range r.Header.Values("Content-Encoding") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
			refusal := failText("invalid_argument", textEncodedBody)
			refusal.status = http.StatusUnsupportedMediaType
			return nil, refusal
		}
	}
	tooBig := r.ContentLength > limit // it says so before it sends anything
	var body []byte
	var err error
	if !tooBig {
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		tooBig = errors.As(err, new(*http.MaxBytesError))
	}
	switch {
	case tooBig:
		refusal := failText("invalid_argument", textBodyTooBig)
		refusal.status = http.StatusRequestEntityTooLarge
		return nil, refusal
	case err != nil:
		return nil, failText("invalid_argument", textBadJSON)
	}
	return body, nil
}

// serveAPI does what every call of the API gets: CORS, request id, and the latency and faults that
// a test asked for.
func (e *Emulator) serveAPI(w http.ResponseWriter, r *http.Request) {
	e.setCORS(w, r)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent) // a preflight is never slowed or broken: the browser would hide the fault
		return
	}
	if err := e.allowedOrigin(r); err != nil {
		e.sendError(w, r, err)
		return
	}
	if !e.settings.wait(r.Context()) {
		return // the caller is gone
	}
	if fault, ok := e.settings.takeFault(r.URL.Path); ok {
		e.sendFault(w, r, fault)
		return
	}
	if path.Clean(r.URL.Path) != r.URL.Path { // the mux would redirect, and not in JSON
		e.sendError(w, r, failText("not_found", textNoRoute))
		return
	}
	e.api.ServeHTTP(w, r)
}

// setCORS lets every origin read the answers: the SDK sends no cookies, so there is nothing a
// foreign page could borrow. Pages that are no security domain are refused by allowedOrigin, and
// can read that.
func (e *Emulator) setCORS(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", "x-request-id")
	id := r.Header.Get("X-Request-Id")
	if id == "" || len(id) > 128 {
		id = e.hexToken(16)
	}
	header.Set("X-Request-Id", id)
	if r.Method == http.MethodOptions {
		header.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, PUT, DELETE")
		header.Set("Access-Control-Allow-Headers",
			"authorization, content-type, accept-language, x-sdk-version, x-request-id, x-device-id, x-captcha-token")
		header.Set("Access-Control-Max-Age", "600")
	}
}

// access says who may call an endpoint.
type access int

// endpoint serves one route of the API.
type endpoint func(ctx context.Context, c *call) (any, error)

// nothing is the answer of calls that have nothing to say: `{}`, since the SDK takes an empty body
// for an outage.
type nothing struct{}

// call is one request to the API, its caller already known.
type call struct {
	request *http.Request
	body    []byte
	client  clientOf
	// session and user are set when the call carried a Bearer token.
	session *session
	user    *user
	// secret says that the client proved itself with its secret.
	secret bool
}

func (c *call) env() string { return c.client.env.ID }

// decode reads the body into a request struct. The SDK sends JSON as text/plain, so the content
// type is not looked at.
func (c *call) decode(into any) error { return decodeBody(c.body, into) }

// pathToken is what OAuth clients that are no SDK of TCB's call, and they all post forms (RFC 6749
// §4.1.3). Whether TCB reads them nobody has seen: its documentation has JSON alone.
const pathToken = "/auth/v1/token"

func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// formAsJSON is a form as the object that it stands for. One that no OAuth client sends (RFC 6749
// §3.2: each parameter once) is left as it is, and so refused.
func formAsJSON(body []byte) []byte {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return body
	}
	object := map[string]string{}
	for name, values := range form {
		if len(values) != 1 {
			return body
		}
		object[name] = values[0]
	}
	out, err := json.Marshal(object)
	if err != nil {
		return body
	}
	return out
}

// decodeBody takes one JSON object and nothing behind it; an empty body is an empty object.
func decodeBody(body []byte, into any) error {
	body = bytes.Trim(body, " \t\r\n") // JSON's blanks alone: Unicode has more
	if len(body) == 0 {
		return nil
	}
	if body[0] != '{' || json.Unmarshal(body, into) != nil {
		return failText("invalid_argument", textBadJSON)
	}
	return nil
}

// handle turns an endpoint into an [http.Handler].
func (e *Emulator) handle(access access, serve endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := e.serveCall(r, access, serve)
		if err != nil {
			e.sendError(w, r, err)
			return
		}
		sendJSON(w, http.StatusOK, answer)
	})
}

func (e *Emulator) serveCall(r *http.Request, access access, serve endpoint) (any, error) {
	c := &call{request: r}
	var err error
	if c.body, err = io.ReadAll(r.Body); err != nil {
		return nil, failText("invalid_argument", textBadJSON)
	}
	if isForm(r) && r.URL.Path == pathToken {
		c.body = formAsJSON(c.body)
	}
	if access == forAnybody {
		return serve(r.Context(), c)
	}
	if err := e.identify(r.Context(), c, access); err != nil {
		return nil, err
	}
	return serve(r.Context(), c)
}

// identify finds the client, and the user where a Bearer token came along.
func (e *Emulator) identify(ctx context.Context, c *call, access access) error {
	var inBody struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	if err := c.decode(&inBody); err != nil {
		return err
	}
	scheme, credentials, _ := strings.Cut(c.request.Header.Get("Authorization"), " ")
	bearer := strings.EqualFold(scheme, "Bearer")
	var published *Environment
	if bearer {
		var err error
		if published, err = e.publishedBy(strings.TrimSpace(credentials)); err != nil {
			return err
		}
		bearer = published == nil // the key says which app calls, not who
	}
	if bearer {
		if err := e.authenticate(ctx, c, strings.TrimSpace(credentials)); err != nil {
			return err
		}
	} else if access == forUser || access == forGrant {
		return fail("unauthenticated")
	}

	ids := []string{c.request.URL.Query().Get("client_id"), inBody.ClientID}
	secrets := []string{inBody.ClientSecret}
	if strings.EqualFold(scheme, "Basic") {
		id, secret, ok := c.request.BasicAuth()
		if !ok {
			return fail("unauthorized_client")
		}
		ids, secrets = append(ids, id), append(secrets, secret)
	}
	id, err := oneOf(ids)
	if err != nil {
		return err
	}
	if bearer {
		if id != "" && id != c.client.id {
			named, ok := e.clients.find(id)
			if !ok || named.env != c.client.env || access != forGrant && access != forEither {
				return fail("unauthorized_client")
			}
			c.client = named
		}
		return nil
	}
	return e.nameClient(c, id, secrets, published)
}

// nameClient finds the client of a call that no login names. published is the environment whose
// publishable key came with it, if any.
func (e *Emulator) nameClient(c *call, id string, secrets []string, published *Environment) error {
	client, ok := e.clients.find(id)
	if id == "" && len(e.environments) == 1 { // the vendor: "client_id defaults to environment ID, can be omitted"
		client, ok = e.defaultClient(e.environments[0])
	}
	if published != nil {
		if id == "" {
			client, ok = e.defaultClient(published)
		}
		ok = ok && client.env.ID == published.ID
	}
	if !ok {
		return fail("unauthorized_client")
	}
	for _, secret := range secrets {
		if client.secret != "" && secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(client.secret)) != 1 {
			return fail("unauthorized_client")
		}
		c.secret = c.secret || client.secret != "" && secret != ""
	}
	c.client = client
	return nil
}

// defaultClient is the client that has the environment's id, which a call need not name.
func (e *Emulator) defaultClient(env *Environment) (clientOf, bool) {
	client, ok := e.clients.find(env.ID)
	return client, ok && client.env.ID == env.ID
}

// oneOf returns the one non-empty value; a call that names two clients is refused.
func oneOf(values []string) (string, error) {
	var one string
	for _, value := range values {
		if value == "" || value == one {
			continue
		}
		if one != "" {
			return "", fail("unauthorized_client")
		}
		one = value
	}
	return one, nil
}

// sendJSON writes one JSON answer.
func sendJSON(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil { // our own structs always marshal
		panic(err)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the peer may be gone; nothing is left to do about it
}
