package authclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
)

// What an answer can be besides TCB's.
var (
	errNoObject = errors.New("the answer is not a JSON object")
	errTypes    = errors.New("the answer has fields of other types than documented")
	errLacking  = errors.New("the answer lacks a field that it must have")
)

// maxForeseen is how much of an answer is taken at its word before it is there.
const maxForeseen = 64 << 10

// readAnswer reads an answer, and one byte more than maxAnswer at most. It is io.ReadAll, which cannot
// know that most answers say how long they are.
func readAnswer(resp *http.Response) ([]byte, error) {
	from := io.LimitedReader{R: resp.Body, N: maxAnswer + 1}
	size := int64(511) // where it does not say
	if resp.ContentLength > 0 {
		size = min(resp.ContentLength, maxForeseen)
	}
	answer := make([]byte, 0, size+1) // and room to find the end
	for {
		n, err := from.Read(answer[len(answer):cap(answer)])
		answer = answer[:len(answer)+n]
		switch {
		case err == io.EOF:
			return answer, nil
		case err != nil:
			return nil, err
		case len(answer) == cap(answer):
			answer = slices.Grow(answer, 512)
		}
	}
}

// readsError is an answer that is decoded together with the error that can stand in its place: that
// takes half as long as one after the other, which is worth it for calls that are made often. None of
// its fields has the name of one of an errorBody, of which package json would fill in neither: each such
// answer is among DecodedWithErrors of the tests, which look for that.
type readsError interface {
	decodeWith(said *errorBody, answer []byte) error
}

// decode reads an answer into out, which may be nil, and what it says of an error into said. Of an
// answer that is no object there is neither (errNoObject); another error is out's alone.
func decode(answer []byte, out any, said *errorBody) error {
	if !bytes.HasPrefix(bytes.TrimSpace(answer), []byte("{")) {
		return errNoObject
	}
	var err error
	if both, ok := out.(readsError); ok {
		err = both.decodeWith(said, answer)
		if _, broken := errors.AsType[*json.SyntaxError](err); broken {
			return errNoObject
		}
	} else {
		if json.Unmarshal(answer, said) != nil {
			return errNoObject
		}
		if out != nil {
			err = json.Unmarshal(answer, out)
		}
	}
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	if err != nil && !(mistyped && bearable(answer, out)) {
		return errTypes
	}
	check, ok := out.(interface{ complete() bool })
	switch {
	case !ok || check.complete():
		return nil
	case mistyped:
		return errTypes
	}
	return errLacking
}

// requires has what an answer must have in the documented types, beside what complete asks for. All else
// that comes in another type counts as left out: package json leaves such a field empty and reads the
// others. That TCB has changed the type of an avatar must keep nobody out.
type requires interface {
	required() any // a pointer to decode the answer into
}

// bearable reports that fields of other types can be left out of an answer. Of answers that do not say
// what they require, none can.
func bearable(answer []byte, out any) bool {
	if r, ok := out.(requires); ok {
		return json.Unmarshal(answer, r.required()) == nil
	}
	_, ok := out.(interface{ complete() bool })
	return ok
}

func (*Credentials) required() any { // complete says nothing of these two, which can be left out
	return &struct {
		RefreshToken string `json:"refresh_token"`
		Sub          string `json:"sub"`
	}{}
}

func (*Verification) required() any {
	return &struct {
		IsUser bool `json:"is_user"` // decides between signing in and up
	}{}
}

func (*SudoToken) required() any {
	return &struct {
		SudoToken string `json:"sudo_token"` // an empty one has a meaning
	}{}
}

func (*CaptchaPage) required() any {
	return &struct {
		URL string `json:"url"` // an empty one has a meaning
	}{}
}

func (*MiniProgramQRCodeStatus) required() any {
	return &struct {
		Status        string `json:"status"`
		ProviderToken string `json:"provider_token"`
	}{}
}

func (*SignOutResponse) required() any { return &struct{}{} }

func (*AuthorizeInfo) required() any {
	return &struct {
		Scopes []shownScope `json:"scopes"`
	}{}
}

// shownScope is what must be there of a scope: nobody agrees to more than they are shown.
type shownScope struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Children []shownScope `json:"children"`
}

func (*QueryUserResponse) required() any { return &rowsOf{} }

func (*SecurityHistory) required() any { return &rowsOf{} }

func (*providers) required() any { return &rowsOf{} }

// rowsOf are the rows of a list, with what tells one from another, and where the next page is.
type rowsOf struct {
	Data []struct {
		ID       string `json:"id"`
		Sub      string `json:"sub"`
		DeviceID string `json:"device_id"`
		Bind     bool   `json:"bind"`
	} `json:"data"`
	NextPageToken string `json:"next_page_token"`
}

func (c *Credentials) decodeWith(said *errorBody, answer []byte) error {
	err := json.Unmarshal(answer, &struct {
		*Credentials
		*errorBody
	}{c, said})
	if err != nil && slices.Contains(c.Groups, "") { // what is no string among them
		c.Groups = nil
	}
	return err
}

func (v *Verification) decodeWith(said *errorBody, answer []byte) error {
	return json.Unmarshal(answer, &struct {
		*Verification
		*errorBody
	}{v, said})
}

func (v *VerificationToken) decodeWith(said *errorBody, answer []byte) error {
	return json.Unmarshal(answer, &struct {
		*VerificationToken
		*errorBody
	}{v, said})
}

func (d *CaptchaData) decodeWith(said *errorBody, answer []byte) error {
	return json.Unmarshal(answer, &struct {
		*CaptchaData
		*errorBody
	}{d, said})
}

// decodeWith keeps the answer.
func (u *UserInfo) decodeWith(said *errorBody, answer []byte) error {
	type plain UserInfo // without UnmarshalJSON
	in := struct {
		*plain
		*errorBody
		Camel    json.RawMessage `json:"hasPassword"` // has_password as the SDK declares it (@cloudbase/oauth@3.3.3 src/auth/models.ts, UserProfile)
		Password json.RawMessage `json:"password"`    // what took the place of both (js-sdk 3.3.12)
	}{plain: (*plain)(u), errorBody: said}
	err := json.Unmarshal(answer, &in)
	if string(in.Camel) == "true" || string(in.Password) == `"SET"` {
		u.HasPassword = true
	}
	u.Raw = answer
	return err // of a field of another type: the others are there
}
