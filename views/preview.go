package views

// PreviewPage is the operator's page, in English alone.
type PreviewPage struct {
	Style, Script string
	Choices       []PreviewChoice
	Problems      []string // of the login config that is shown
	Frames        []Frame
	Width, Height string // of each frame, in CSS pixels
}

// PreviewChoice is one select of the operator's form.
type PreviewChoice struct {
	Name, Label, Value string
	Options            []PreviewOption
}

// PreviewOption is one of a PreviewChoice.
type PreviewOption struct{ Value, Label string }

// Frame is one previewed page.
type Frame struct {
	Title string
	URL   string // the page
	Only  string // the operator's page with this one alone
}
