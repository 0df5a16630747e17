package loginpage

import _ "embed"

//go:embed login-config.schema.json
var schema string

// Schema is the JSON Schema (draft 7, which editors take) of a login config: all its fields with
// what they mean, strict about ours as the parser is. A test holds it against the parser, both
// ways; the languages and messages that it lists are written by `make golden`.
func Schema() string { return schema }
