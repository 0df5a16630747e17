package settings

import (
	"net"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tcb-login/config/input"
)

// The checks return what is wrong with a value, or "".

// CheckListen is for addresses that flags give: what is wrong with one, or "".
func CheckListen(s string) string { return checkListen(s) }

func checkListen(s string) string {
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

var basePath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

func checkBasePath(s string) string {
	switch {
	case s == "" || s[0] != '/':
		return `must begin with "/"`
	case strings.HasSuffix(s, "/"):
		return `must not end with "/"`
	case !basePath.MatchString(s) || strings.Contains(s+"/", "/./") || strings.Contains(s+"/", "/../"):
		return "want plain path segments of letters, digits and - . _ ~, found " + input.Quote(s)
	}
	return ""
}

func checkOrigin(s string) string {
	scheme, host, ok := strings.Cut(s, "://")
	if lower := strings.ToLower(s); lower != s {
		return "must be in lower case, as browsers send it"
	}
	if !ok || scheme != "http" && scheme != "https" {
		return `want an origin like "https://app.example.com", found ` + input.Quote(s)
	}
	if strings.Contains(host, "@") {
		return "must not hold a user name or password"
	}
	if strings.HasSuffix(host, "/") && !strings.ContainsAny(host[:len(host)-1], "/?#") {
		return `must not end with "/"`
	}
	if strings.ContainsAny(host, `/?#\`) {
		return "an origin has no path, query or fragment"
	}
	if port := map[string]string{"http": ":80", "https": ":443"}[scheme]; strings.HasSuffix(host, port) {
		return "browsers leave out the default port " + port + ": so must this"
	}
	return input.CheckHostPort(host)
}

func checkImageHost(s string) string {
	host := strings.TrimPrefix(s, "https://")
	if strings.ToLower(host) != host {
		return "must be in lower case"
	}
	if strings.ContainsAny(host, `/?#\@`) || strings.Contains(host, "*") {
		return `want a host like "cdn.example.com", reached by https; found ` + input.Quote(s)
	}
	return input.CheckHostPort(host)
}

var (
	environmentID = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`) // a label of TCB's host names
	clientID      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	regionName    = regexp.MustCompile(`^[a-z]{2}-[a-z]+(-[a-z0-9]+)*$`)
)

func checkEnvironmentID(s string) string {
	if !environmentID.MatchString(s) {
		return "want the id of a TCB environment (lower-case letters, digits and dashes), found " + input.Quote(s)
	}
	return ""
}

func checkName(s string) string {
	if utf8.RuneCountInString(s) > 60 || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "want a short name in one line, at most 60 characters"
	}
	return ""
}

func checkClientID(s string) string {
	if !clientID.MatchString(s) {
		return "want a client id (letters, digits and . _ -), found " + input.Quote(s)
	}
	return ""
}

func checkRegion(s string) string {
	if !regionName.MatchString(s) {
		return `want a region like "ap-shanghai", found ` + input.Quote(s)
	}
	return ""
}

func checkCaptcha(s string) string {
	switch s {
	case CaptchaPicture:
		return ""
	case "page":
		return `this version does not support "page" yet; want "picture"`
	}
	return `want "picture", found ` + input.Quote(s)
}

func checkEndpoint(s string) string {
	if s == "" {
		return ""
	}
	if complaint := input.CheckURL(s); complaint != "" {
		return complaint
	}
	if strings.ContainsAny(s, "?#") {
		return "must have no query and no fragment"
	}
	return ""
}

func checkDefaultRedirectURI(s string) string {
	if s == "" {
		return ""
	}
	return input.CheckURL(s)
}

func checkRedirectURI(s string) string {
	if complaint := input.CheckURL(s); complaint != "" {
		return complaint
	}
	switch {
	case strings.Contains(s, "#"):
		return "must have no fragment"
	case strings.Contains(s, "*"):
		return "wildcards are not supported: a redirect URI is compared as it stands"
	}
	if host, ok := strings.CutPrefix(s, "http://"); ok && !input.IsLoopback(input.Hostname(host)) {
		return "must be https; http is only for loopback hosts"
	}
	return ""
}
