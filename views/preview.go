package views

// PreviewPage is the operator's page, in English alone.
type PreviewPage struct {
	Style, Script string
	Choices       []Choice
	Problems      []string // of the login config that is shown
	Frames        []Frame
	Width, Height string // of each frame, in CSS pixels
}

// Choice is one select of the operator's form.
type Choice struct {
	Name, Label, Value string
	Options            []Option
}

// Option is one of a Choice.
type Option struct{ Value, Label string }

// Frame is one previewed page.
type Frame struct {
	Title string
	URL   string // the page
	Only  string // the operator's page with this one alone
}
