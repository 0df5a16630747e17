package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// visits counts the visitors of a run: each has an address, a name and a number of their own.
var visits atomic.Int64

// A visitor is a browser as far as it concerns our pages: cookies, an address, the page it is at.
type visitor struct {
	t       *target
	n       int64
	cookies map[string]string
}

func (t *target) visitor() *visitor {
	return &visitor{t: t, n: visits.Add(1), cookies: map[string]string{}}
}

func (v *visitor) address() string {
	return fmt.Sprintf("10.%d.%d.%d", v.n>>16&255, v.n>>8&255, v.n&255)
}

// phone is a Chinese mobile number, without the country.
func (v *visitor) phone() string { return fmt.Sprintf("138%08d", v.n) }

func (v *visitor) username() string { return fmt.Sprintf("visitor-%d", v.n) }

// entry is a path of ours with the query that the SDK makes.
func (t *target) entry(path string) string {
	return "/__auth" + path + "?app_id=&env_id=" + benchEnv + "&client_id=" + benchEnv + "&config_version=env&redirect_uri=" +
		url.QueryEscape(t.origin+"/orders")
}

// jar is the Cookie header.
func (v *visitor) jar() string {
	var pairs []string
	for name, value := range v.cookies {
		pairs = append(pairs, name+"="+value)
	}
	sort.Strings(pairs)
	return strings.Join(pairs, "; ")
}

func (v *visitor) shot(method, path, body string) shot {
	return shot{method: method, path: path, cookies: v.jar(), address: v.address(), body: body}
}

// send sends a shot and keeps the cookies that it brings.
func (v *visitor) send(s shot) (*fasthttp.Response, error) {
	resp := &fasthttp.Response{}
	if err := v.t.do(s, resp); err != nil {
		return nil, err
	}
	for name, set := range resp.Header.Cookies() {
		var c fasthttp.Cookie
		if err := c.ParseBytes(set); err != nil {
			return nil, err
		}
		if v.cookies[string(name)] = string(c.Value()); len(c.Value()) == 0 {
			delete(v.cookies, string(name))
		}
	}
	return resp, nil
}

// get opens a page, whatever its status.
func (v *visitor) get(path string) (page string, err error) {
	resp, err := v.send(v.shot("GET", path, ""))
	if err != nil {
		return "", err
	}
	return string(resp.Body()), nil
}

var (
	formTag  = regexp.MustCompile(`<form id="form" method="post" action="([^"]*)"`)
	inputTag = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
	guardTag = regexp.MustCompile(`(?s)<script id="guard"[^>]*>(.*?)</script>`)
)

// formOf reads the form of a page: where it is posted, and the hidden fields.
func formOf(page string) (action string, fields url.Values, err error) {
	form := formTag.FindStringSubmatch(page)
	if form == nil {
		return "", nil, fmt.Errorf("no form on the page:\n%.2000s", page)
	}
	fields = url.Values{}
	for _, input := range inputTag.FindAllStringSubmatch(page, -1) {
		fields.Set(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	if fields.Get("csrf_token") == "" {
		return "", nil, errors.New("a form without csrf_token")
	}
	return html.UnescapeString(form[1]), fields, nil
}

// typed is the POST of a page's form with some fields filled in: name, value, name, value …
func (v *visitor) typed(page string, pairs ...string) (shot, error) {
	action, fields, err := formOf(page)
	if err != nil {
		return shot{}, err
	}
	for i := 0; i < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return v.shot("POST", action, fields.Encode()), nil
}

// handOver gives our pages a login as account.js does.
func (v *visitor) handOver() error {
	page, err := v.get(v.t.entry("/account"))
	if err != nil {
		return err
	}
	found := guardTag.FindStringSubmatch(page)
	if found == nil {
		return fmt.Errorf("no guard on the page:\n%.2000s", page)
	}
	var guard struct {
		CSRF    string `json:"csrf_token"`
		Session string
	}
	if err := json.Unmarshal([]byte(found[1]), &guard); err != nil {
		return err
	}
	token := accessToken(personOf(v.username()), time.Now())
	s := v.shot("POST", guard.Session, fmt.Sprintf(`{"access_token":%q,"device_id":"bench-device-0123456789"}`, token))
	s.csrf = guard.CSRF
	resp, err := v.send(s)
	if err == nil && resp.StatusCode() != 200 {
		err = fmt.Errorf("hand-off: status %d: %.300s", resp.StatusCode(), resp.Body())
	}
	return err
}
