package settings

import _ "embed"

//go:embed settings.schema.json
var schema string

// Schema is the JSON Schema (draft 7, which editors take) of settings: all keys with what they mean.
// `make generate` writes it from the structs of this package, and a test holds it against the parser.
func Schema() string { return schema }
