package settings

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"

	"tcb-login/config/input"
	"tcb-login/pattern"
)

// A rule is one thing that a value must be: a tag of validator, and what is said of a value that is
// not, where %s stands for the value. A rule without words has a tag of ours that gives the reason.
type rule struct{ tag, words string }

// The rules of single values. The first that a value breaks is told.
var (
	listenRules   = []rule{{"listen_address", ""}}
	basePathRules = []rule{
		{"startswith=/", `must begin with "/"`},
		{"endsnotwith=/", `must not end with "/"`},
		{"plain_path", "want plain path segments of letters, digits and - . _ ~, found %s"},
	}
	originRules = []rule{
		{"omitempty,lowercase", "must be in lower case, as browsers send it"},
		{"startswith=http://|startswith=https://", `want an origin like "https://app.example.com", found %s`},
		{"excludes=@", "must not hold a user name or password"},
		{"bare_origin|bare_origin_slash", "an origin has no path, query or fragment"},
		{"bare_origin", `must not end with "/"`},
		{"startsnotwith=http://|endsnotwith=:80", "browsers leave out the default port :80: so must this"},
		{"startsnotwith=https://|endsnotwith=:443", "browsers leave out the default port :443: so must this"},
		{"origin_host", ""},
	}
	imageHostRules = []rule{
		{"omitempty,lowercase", "must be in lower case"},
		{"bare_host", `want a host like "cdn.example.com", reached by https; found %s`},
		{"origin_host", ""},
	}
	auditToRules  = []rule{{"audit_to", ""}}
	storeRules    = []rule{{"store_address", ""}}
	logLevelRules = []rule{{"oneof=debug info warn error", "want debug, info, warn or error, found %s"}}

	environmentIDRules = []rule{{"environment_id", "want the id of a TCB environment (lower-case letters, digits and dashes), found %s"}}
	nameRules          = []rule{{"max=60,one_line", "want a short name in one line, at most 60 characters"}}
	regionRules        = []rule{{"region", `want a region like "ap-shanghai", found %s`}}
	endpointModeRules  = []rule{{"oneof=" + EndpointCloudAPI + " " + EndpointGateway, `want "cloud_api" or "gateway", found %s`}}
	endpointRules      = []rule{
		{"omitempty,web_url", ""},
		{"excludesall=?#", "must have no query and no fragment"},
	}
	issuerRules        = []rule{{"omitempty,web_url", ""}, {"excludesall=?#", "must have no query and no fragment"}}
	defaultTargetRules = []rule{{"omitempty,web_url", ""}}
	captchaRules       = []rule{
		{"oneof=" + CaptchaPicture + " " + CaptchaPage, `want "picture" or "page", found %s`},
	}

	clientIDRules    = []rule{{"client_id", "want a client id (letters, digits and . _ -), found %s"}}
	redirectURIRules = []rule{
		{"web_url", ""},
		{"excludes=#", "must have no fragment"},
		{"excludes=*", "wildcards are not supported: a redirect URI is compared as it stands"},
		{"https_or_loopback", "must be https; http is only for loopback hosts"},
	}
)

// patterns are tags of ours that a regular expression tells.
var patterns = map[string]*pattern.Pattern{
	"environment_id":    pattern.New(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`), // a label of TCB's host names
	"client_id":         pattern.New(`^[A-Za-z0-9][A-Za-z0-9._-]*$`),
	"region":            pattern.New(`^[a-z]{2}-[a-z]+(-[a-z0-9]+)*$`),
	"one_line":          pattern.New(`^[\pL\pM\pN\pP\pS ]*$`),
	"bare_origin":       pattern.New(`^https?://[^/?#\\]*$`),
	"bare_origin_slash": pattern.New(`^https?://[^/?#]*/$`),
	"bare_host":         pattern.New(`^(https://)?[^/?#\\@*]*$`),
}

// longest are the bytes that some of those may have: to count them in a pattern takes long to compile.
var longest = map[string]int{"environment_id": 63, "client_id": 64}

// reasons are tags of ours whose function returns what is wrong with a value, or "".
var reasons = map[string]func(string) string{
	"listen_address": CheckListen,
	"store_address":  checkStore,
	"audit_to":       checkAuditTo,
	"web_url":        input.CheckURL,
	"origin_host": func(s string) string {
		if _, host, ok := strings.Cut(s, "://"); ok {
			s = host
		}
		return input.CheckHostPort(s)
	},
	"plain_path": func(s string) string {
		if !pathSegments.MatchString(s) || strings.Contains(s+"/", "/./") || strings.Contains(s+"/", "/../") {
			return "not plain"
		}
		return ""
	},
	"https_or_loopback": func(s string) string {
		if host, ok := strings.CutPrefix(s, "http://"); ok && !input.IsLoopback(input.Hostname(host)) {
			return "http"
		}
		return ""
	},
}

var pathSegments = pattern.New(`^(/[A-Za-z0-9._~-]+)+$`)

// values is the validator, made when the first value is read.
var values = sync.OnceValue(func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	register := func(tag string, valid func(string) bool) {
		err := v.RegisterValidation(tag, func(f validator.FieldLevel) bool { return valid(f.Field().String()) })
		if err != nil {
			panic(err) // the tag is one of the two tables above
		}
	}
	for tag, pattern := range patterns {
		most, bounded := longest[tag]
		register(tag, func(s string) bool { return (!bounded || len(s) <= most) && pattern.MatchString(s) })
	}
	for tag, reason := range reasons {
		register(tag, func(s string) bool { return reason(s) == "" })
	}
	return v
})

// complaint returns what is wrong with a value, or "".
func complaint(value string, rules []rule) string {
	for _, r := range rules {
		broken, ok := errors.AsType[validator.ValidationErrors](values().Var(value, r.tag))
		switch {
		case !ok:
		case r.words == "":
			return reasons[broken[0].Tag()](value)
		default:
			return strings.ReplaceAll(r.words, "%s", input.Quote(value))
		}
	}
	return ""
}

// within reports whether a number or a duration is between two bounds, which are written as
// validator reads them.
func within[T any](value T, low, high string) bool {
	return values().Var(value, "min="+low+",max="+high) == nil
}

// CheckOrigin is for origins that flags give: what is wrong with one, or "".
func CheckOrigin(s string) string {
	if s == "" {
		return complaint("-", originRules) // the rules let a setting be empty
	}
	return complaint(s, originRules)
}

// CheckListen is for addresses that flags give: what is wrong with one, or "".
func CheckListen(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return `want an address like "127.0.0.1:8080" or ":8080", found ` + input.Quote(s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "the port must be a number from 0 to 65535, found " + input.Quote(port)
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || strings.Contains(host, "/") {
		return "not a host name or address: " + input.Quote(host)
	}
	return ""
}
