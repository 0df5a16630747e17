package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
)

// Budgets of the design, of CPU µs a request.
var (
	returning = budget{times: 2.0, more: 25} // GETs of who has been here
	newcomer  = budget{times: 2.2, more: 30} // and of who has not
	backed    = budget{times: 2.5}           // what asks TCB
)

// A line is one kind of request.
type line struct {
	name, title string
	count, over int // of requests in a round, and of connections
	budget      budget
	want        wanted
	// prepare makes n requests, with all that must go before them.
	prepare func(ctx context.Context, t *target, n int) ([]shot, error)
}

const (
	manyGets  = 2000
	manyPosts = 500
)

// lines are those that are compared with the bare program.
func lines() []line {
	page := func(name, title, path string, status int, mark string) line {
		return line{name, title, manyGets, connections, returning, wanted{status, mark}, again(path)}
	}
	fresh := func(name, title, path, mark string) line {
		return line{name, title, manyGets, connections, newcomer, wanted{200, mark}, anew(path)}
	}
	return []line{
		page("get-sign-in", "GET sign-in", "/", 200, `data-page="sign-in"`),
		fresh("get-sign-in-new", "GET sign-in, no cookie", "/", `data-page="sign-in"`),
		page("get-sms", "GET sign-in by SMS", "/sign-in/sms", 200, `data-page="sign-in-sms"`),
		fresh("get-sms-new", "GET sign-in by SMS, no cookie", "/sign-in/sms", `data-page="sign-in-sms"`),
		page("get-email", "GET sign-in by email", "/sign-in/email", 200, `data-page="sign-in-email"`),
		page("get-sign-up", "GET sign-up", "/sign-up", 200, `data-page="sign-up"`),
		page("get-reset", "GET reset password", "/reset-password", 200, `data-page="reset-password"`),
		page("get-error", "GET error page (404)", "/no-such-page", 404, `data-page="error"`),
		{"get-portal", "GET portal overview", manyPosts, connections, backed, wanted{200, `data-page="account"`}, signedIn("/account")},
		{"get-css", "GET stylesheet", manyGets, connections, budget{}, wanted{status: 200}, stylesheet},
		{"post-right", "POST right password", manyPosts, connections, backed, wanted{200, `data-page="complete"`}, passwords("a-right-password-1")},
		{"post-wrong", "POST wrong password", manyPosts, patient, backed, wanted{422, `data-key="error.sign_in_failed"`}, passwords(wrongPassword)},
		{"post-send", "POST send an SMS code", manyPosts, patient, backed, wanted{303, "flow="}, sends},
		{"post-verify", "POST check a code", manyPosts, connections, backed, wanted{200, `data-page="complete"`}, codes},
		{"post-profile", "POST save the profile", manyPosts, connections, backed, wanted{303, "/__auth/account?"}, profiles},
	}
}

// again is a page that a browser opens which has been here.
func again(path string) func(context.Context, *target, int) ([]shot, error) {
	return func(_ context.Context, t *target, n int) ([]shot, error) {
		v := t.visitor()
		if _, err := v.get(t.entry("/")); err != nil {
			return nil, err
		}
		return repeated(v.shot("GET", t.entry(path), ""), n), nil
	}
}

// anew is a page that a browser opens which has no cookie.
func anew(path string) func(context.Context, *target, int) ([]shot, error) {
	return func(_ context.Context, t *target, n int) ([]shot, error) {
		return repeated(t.visitor().shot("GET", t.entry(path), ""), n), nil
	}
}

// signedIn is a page of somebody whose login was handed over.
func signedIn(path string) func(context.Context, *target, int) ([]shot, error) {
	return func(_ context.Context, t *target, n int) ([]shot, error) {
		v := t.visitor()
		if err := v.handOver(); err != nil {
			return nil, err
		}
		return repeated(v.shot("GET", t.entry(path), ""), n), nil
	}
}

func repeated(s shot, n int) []shot {
	shots := make([]shot, n)
	for i := range shots {
		shots[i] = s
	}
	return shots
}

var (
	styleTag  = regexp.MustCompile(`<link rel="stylesheet" href="([^"]+)"`)
	scriptTag = regexp.MustCompile(`<script type="module" src="([^"]+)"`)
)

func stylesheet(_ context.Context, t *target, n int) ([]shot, error) {
	v := t.visitor()
	page, err := v.get(t.entry("/"))
	if err != nil {
		return nil, err
	}
	style := styleTag.FindStringSubmatch(page)
	if style == nil {
		return nil, fmt.Errorf("the page has no stylesheet:\n%.1000s", page)
	}
	return repeated(v.shot("GET", style[1], ""), n), nil
}

// each prepares the POST of n visitors.
func each(ctx context.Context, t *target, n int, prepare func(*visitor) (shot, error)) ([]shot, error) {
	shots := make([]shot, n)
	err := share(connections, n, func(i int) (err error) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		shots[i], err = prepare(t.visitor())
		return err
	})
	return shots, err
}

func passwords(password string) func(context.Context, *target, int) ([]shot, error) {
	return func(ctx context.Context, t *target, n int) ([]shot, error) {
		return each(ctx, t, n, func(v *visitor) (shot, error) {
			page, err := v.get(t.entry("/"))
			if err != nil {
				return shot{}, err
			}
			return v.typed(page, "username", v.username(), "password", password)
		})
	}
}

// sending is the POST that has a code sent.
func sending(v *visitor) (shot, error) {
	page, err := v.get(v.t.entry("/sign-in/sms"))
	if err != nil {
		return shot{}, err
	}
	return v.typed(page, "phone_country", "CN", "phone_number", v.phone())
}

func sends(ctx context.Context, t *target, n int) ([]shot, error) { return each(ctx, t, n, sending) }

func codes(ctx context.Context, t *target, n int) ([]shot, error) {
	return each(ctx, t, n, func(v *visitor) (shot, error) {
		send, err := sending(v)
		if err != nil {
			return shot{}, err
		}
		resp, err := v.send(send)
		if err != nil {
			return shot{}, err
		}
		if err := (wanted{303, "flow="}).check(resp); err != nil {
			return shot{}, err
		}
		page, err := v.get(string(resp.Header.Peek("Location")))
		if err != nil {
			return shot{}, err
		}
		return v.typed(page, "verification_code", "123456")
	})
}

// profiles save one nickname after another of the same person, as the stub has the rest.
func profiles(_ context.Context, t *target, n int) ([]shot, error) {
	v := t.visitor()
	if err := v.handOver(); err != nil {
		return nil, err
	}
	page, err := v.get(t.entry("/account/profile"))
	if err != nil {
		return nil, err
	}
	shots := make([]shot, n)
	for i := range shots {
		shots[i], err = v.typed(page, "name", "小林 "+strconv.Itoa(i), "picture", "", "gender", "FEMALE", "birthdate", "1990-01-31",
			"locale", "zh-CN", "zoneinfo", "Asia/Shanghai")
		if err != nil {
			return nil, err
		}
	}
	return shots, nil
}
