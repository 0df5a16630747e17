package entry

// Origin is one address at which browsers reach us.
type Origin struct {
	Scheme string
	Text   string // scheme://host[:port], byte for byte what browsers send as Origin
}

// Secure reports that it is https.
func (o Origin) Secure() bool { return o.Scheme == "https" }
