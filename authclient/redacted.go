package authclient

import "log/slog"

// Redacted is embedded in what holds a secret: a password, a token, a code or a device_id. Printing or
// logging such a value tells nothing of it. Its JSON is what it would be without, as that is what TCB gets.
type Redacted struct{}

// String stands for the whole value.
func (Redacted) String() string { return "{redacted}" }

// GoString is String: %#v shows no secret either.
func (r Redacted) GoString() string { return r.String() }

// LogValue is String, for log/slog.
func (r Redacted) LogValue() slog.Value { return slog.StringValue(r.String()) }
