package online

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tcb-login/pattern"
)

// A question is a call of TCB's API without side effects.
type question struct {
	method, path string // the path below /auth
	body         string
	query        []string // names of the parameters that it takes besides client_id
	fields       []string // the same, of the body
}

// The closed list. What a body leaves out or says wrong is what keeps it from doing anything, whatever
// TCB looks at first.
var (
	// The keys of tokens, for anybody.
	askCerts = question{method: http.MethodGet, path: "/v1/certs"}
	// The key that passwords can be encrypted to.
	askPublicKey = question{method: http.MethodPost, path: "/v2/signin/publichkey", body: `{}`}
	// May a page of an origin call that?
	askPreflight = question{method: http.MethodOptions, path: "/v2/signin/publichkey"}
	// There is no password, and "-" is no username.
	askPassword = question{method: http.MethodPost, path: "/v1/signin", body: `{"username":"-"}`}
	// CUR_USER is who is signed in, and nobody is; nobody has such a number or address, either (of
	// China's numbers none begins 10; .invalid, RFC 2606).
	askSMS   = question{method: http.MethodPost, path: "/v1/verification", body: `{"phone_number":"+86 10000000000","target":"CUR_USER"}`}
	askEmail = question{method: http.MethodPost, path: "/v1/verification", body: `{"email":"tcb-login-check@example.invalid","target":"CUR_USER"}`}
	// The address of an identity provider, which nobody goes to.
	askProvider = question{method: http.MethodGet, path: "/v1/provider/uri", query: []string{"provider_id", "redirect_uri", "state"}}
	// The address of TCB's captcha page, which nobody goes to.
	askCaptchaPage = question{method: http.MethodPost, path: "/v1/captcha/init", fields: []string{"redirect_uri", "state"}}
)

// with is what a question is asked with.
type with struct {
	client Client            // whose client_id; none where it has no ID
	secret bool              // the client's secret goes along
	origin string            // of a page that asks; empty: a server
	values map[string]string // of the question's query and fields
}

const maxAnswer = 1 << 20 // bytes; TCB's are a few KiB

// An answer is what came back.
type answer struct {
	err      error  // there was none
	nonsense bool   // it is none of TCB's
	code     string // TCB's error; empty: it did what it was asked
	status   int
	readable bool     // a page of the origin could read it
	unsent   []string // headers of the SDK's that a browser would not send after this preflight
	body     []byte
}

// sdkHeaders are what the SDK's calls want allowed. Accept-Language and a body as text want no leave.
var sdkHeaders = []string{"authorization", "x-device-id", "x-request-id", "x-sdk-version"}

// notAllowed returns those of the SDK's headers that a preflight's answer does not allow, by the rules of
// browsers for calls without cookies: "*" is every header but Authorization.
func notAllowed(header http.Header) []string {
	allowed := map[string]bool{}
	for _, line := range header.Values("Access-Control-Allow-Headers") {
		for name := range strings.SplitSeq(line, ",") {
			allowed[strings.ToLower(strings.Trim(name, " \t"))] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(sdkHeaders), func(name string) bool {
		return allowed[name] || allowed["*"] && name != "authorization"
	})
}

// ask makes one request. It is the only place that does.
func (c *checker) ask(ctx context.Context, q question, w with) answer {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(ctx, q, w)
	if err != nil {
		return answer{err: errors.New("the request cannot be built")}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{err: c.plain(err)}
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode}
	allowed := resp.Header.Get("Access-Control-Allow-Origin")
	a.readable = allowed == "*" || allowed == w.origin
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1)); err != nil {
		return answer{err: c.plain(err)}
	}
	if q.method == http.MethodOptions {
		a.unsent = notAllowed(resp.Header)
		return a
	}
	if a.code, a.nonsense = read(a.body, a.status); c.tells(a.code) {
		a.code, a.nonsense = "", true
	}
	return a
}

// request builds it. A secret goes to the client's own TCB alone, and the publishable key where there is
// no secret, as in package authclient.
func (c *checker) request(ctx context.Context, q question, w with) (*http.Request, error) {
	query := url.Values{}
	if w.client.ID != "" {
		query.Set("client_id", w.client.ID)
	}
	for _, name := range q.query {
		query.Set(name, w.values[name])
	}
	body := q.body
	if len(q.fields) > 0 {
		fields := map[string]string{}
		for _, name := range q.fields {
			fields[name] = w.values[name]
		}
		data, err := json.Marshal(fields)
		if err != nil {
			return nil, err
		}
		body = string(data)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, c.env.Address+"/auth"+q.path+"?"+query.Encode(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.userAgent)
	if w.origin != "" {
		req.Header.Set("Origin", w.origin)
	}
	switch {
	case q.method == http.MethodOptions: // what the SDK's calls bring about; browsers send no credentials with it
		req.Header.Set("Access-Control-Request-Method", http.MethodPost)
		req.Header.Set("Access-Control-Request-Headers", strings.Join(sdkHeaders, ","))
		return req, nil
	case w.secret && w.client.Secret != "":
		req.SetBasicAuth(w.client.ID, w.client.Secret)
	case c.env.PublishableKey != "":
		req.Header.Set("Authorization", "Bearer "+c.env.PublishableKey)
	}
	req.Header.Set("Accept", "application/json")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// errorName is what TCB's codes look like. Anything else is not repeated.
var errorName = pattern.New(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// read finds TCB's code in an answer. It is nonsense where that is neither an answer of TCB's nor a
// refusal of it: a page of somebody else's, a redirect.
func read(body []byte, status int) (code string, nonsense bool) {
	var fields struct {
		Error json.RawMessage `json:"error"`
		Code  json.RawMessage `json:"code"` // of the gateway
	}
	if body = bytes.TrimSpace(body); len(body) > maxAnswer || len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &fields) != nil {
		return "", true
	}
	for _, raw := range []json.RawMessage{fields.Error, fields.Code} {
		var name string
		if json.Unmarshal(raw, &name) == nil && name != "" {
			return name, !errorName.MatchString(name)
		}
	}
	return "", status < 200 || status > 299
}

// plain is an error of the network without the request. Where a server got a secret back into its text,
// by a status line that cannot be parsed, none of the text is told.
func (c *checker) plain(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	if c.tells(err.Error()) {
		return errors.New("the connection failed, in words that repeat a secret")
	}
	return err
}

// tells reports that a text of somebody else's has one of our secrets in it, plain or as the request
// had it.
func (c *checker) tells(text string) bool {
	secrets := []string{c.env.PublishableKey}
	for _, client := range c.env.Clients {
		if client.Secret != "" {
			sent := base64.StdEncoding.EncodeToString([]byte(client.ID + ":" + client.Secret))
			secrets = append(secrets, client.Secret, strings.TrimRight(sent, "="))
		}
	}
	return slices.ContainsFunc(secrets, func(secret string) bool { return secret != "" && strings.Contains(text, secret) })
}
