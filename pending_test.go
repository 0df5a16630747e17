package main

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcb-login/config/settings"
)

// The files in deploy/ name a shared store and a delay of stops. Where this program has them not yet, tests
// leave them out; this file goes when it has.

var storeLines = regexp.MustCompile(`(?m)^ *(store|store_key): .*\n`)

func hasStore() bool {
	_, problems := settings.Parse("", []byte("session: {store: \"redis://a:1\", store_key: b}\n"), settings.Launch{})
	return !strings.Contains(problems.String(), "store_key in session") && !strings.Contains(problems.String(), "does not support Redis")
}

func hasDelay() bool {
	_, err := parseFlags([]string{"-shutdown-delay", "1s"}, lookUp(nil), io.Discard)
	return err == nil
}

// known leaves in settings and variables what the program knows.
func known(t *testing.T, text string, environ []string) (string, []string) {
	t.Helper()
	environ = slices.Clone(environ)
	if !hasStore() {
		t.Log("the program has no shared store yet")
		text = storeLines.ReplaceAllString(text, "")
		environ = slices.DeleteFunc(environ, func(v string) bool { return strings.HasPrefix(v, "TCB_LOGIN_STORE_KEY=") })
	}
	if !hasDelay() {
		t.Log("the program has no delay of stops yet")
		environ = slices.DeleteFunc(environ, func(v string) bool { return strings.HasPrefix(v, "TCB_LOGIN_SHUTDOWN_DELAY=") })
	}
	return text, environ
}
