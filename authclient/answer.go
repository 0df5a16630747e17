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
	if err != nil {
		return errTypes
	}
	if check, ok := out.(interface{ complete() bool }); ok && !check.complete() {
		return errLacking
	}
	return nil
}

func (c *Credentials) decodeWith(said *errorBody, answer []byte) error {
	return json.Unmarshal(answer, &struct {
		*Credentials
		*errorBody
	}{c, said})
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
		Password json.RawMessage `json:"password"` // what took the place of has_password (js-sdk 3.3.12)
	}{plain: (*plain)(u), errorBody: said}
	if err := json.Unmarshal(answer, &in); err != nil {
		return err
	}
	if string(in.Password) == `"SET"` {
		u.HasPassword = true
	}
	u.Raw = answer
	return nil
}
