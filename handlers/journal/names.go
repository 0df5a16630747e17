package journal

import (
	"encoding/hex"
	"io"
	"strings"

	"tcb-login/authclient"
)

// Names are by what a request is found, in our log and in those before and behind us: its id, and the
// trace that it is a part of. What a trusted proxy has named is kept, as far as it is well-formed: it
// goes into headers and logs. All else is named anew.
//
// given are the X-Request-Id and the traceparent of a trusted proxy, empty where there is none.
func Names(random io.Reader, givenID, traceparent string) (authclient.Trace, error) {
	var t authclient.Trace
	var b [8 + 16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return t, err
	}
	if t.RequestID = givenID; !isRequestID(givenID) {
		t.RequestID = hex.EncodeToString(b[:8])
	}
	var ok bool
	if t.TraceID, t.Sampled, ok = parseTraceparent(traceparent); !ok {
		t.TraceID = hex.EncodeToString(b[8:])
	}
	return t, nil
}

const maxRequestID = 64

// isRequestID is what proxies make: hexadecimal, UUIDs, base64url, 1-67891233-abcdef.
func isRequestID(s string) bool {
	if len(s) < 8 || len(s) > maxRequestID {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alphanumeric := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alphanumeric && (i == 0 || c != '-' && c != '_' && c != '.' && c != '=') {
			return false
		}
	}
	return true
}

// parseTraceparent reads version-traceid-parentid-flags, as
// https://www.w3.org/TR/trace-context/#traceparent-header has it. Versions to come may go on behind.
func parseTraceparent(s string) (traceID string, sampled, ok bool) {
	const length = 2 + 1 + 32 + 1 + 16 + 1 + 2
	if len(s) < length || len(s) > 256 {
		return "", false, false
	}
	version, id, parent, flags, rest := s[:2], s[3:35], s[36:52], s[53:55], s[length:]
	switch {
	case s[2] != '-' || s[35] != '-' || s[52] != '-':
	case !isHex(version) || !isHex(id) || !isHex(parent) || !isHex(flags) || version == "ff":
	case version == "00" && rest != "" || rest != "" && rest[0] != '-':
	case strings.Trim(id, "0") == "" || strings.Trim(parent, "0") == "":
	default:
		return id, strings.ContainsRune("13579bdf", rune(flags[1])), true
	}
	return "", false, false
}

// isHex reports that there are digits of small hexadecimal alone.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
