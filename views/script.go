package views

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"

	"github.com/a-h/templ"
)

// jsonScript is templ.JSONScript of an object that has the members of start, then user_info where
// there is one, then the members of rest, if any. user_info is JSON as TCB sent it, and was read when it
// came.
func jsonScript(id string, start any, userInfo json.RawMessage, rest any) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		if err := writeStrings(w, `<script id="`, id, `" type="application/json">{`); err != nil {
			return err
		}
		if err := writeMembers(w, start); err != nil {
			return err
		}
		if err := writeUserInfo(w, userInfo); err != nil {
			return err
		}
		if rest != nil {
			if err := writeStrings(w, ","); err != nil {
				return err
			}
			if err := writeMembers(w, rest); err != nil {
				return err
			}
		}
		return writeStrings(w, "}\n</script>")
	})
}

// writeUserInfo writes it as a further member.
func writeUserInfo(w io.Writer, userInfo json.RawMessage) error {
	if userInfo = bytes.TrimSpace(userInfo); len(userInfo) == 0 {
		return nil
	}
	if err := writeStrings(w, `,"user_info":`); err != nil {
		return err
	}
	if !staysAsItIs(userInfo) {
		changed, err := json.Marshal(userInfo)
		if err != nil {
			return err
		}
		userInfo = changed
	}
	_, err := w.Write(userInfo)
	return err
}

// changes are what package json would write in another way, or might. That are the characters that it
// escapes in a script, and blanks between tokens, which have one of these characters before or after.
var changes = []string{"<", ">", "&", "\u2028", "\u2029", "\n", "\r", "\t", "{ ", " }", "[ ", " ]", ": ", " :", ", ", " ,"}

// staysAsItIs reports that package json would write it just so. To see that is a tenth of the work of
// having it do so, since it follows what each character means.
func staysAsItIs(object json.RawMessage) bool {
	return !slices.ContainsFunc(changes, func(s string) bool { return bytes.Contains(object, []byte(s)) })
}

// writeMembers writes an object of which some members are always there, without its braces.
func writeMembers(w io.Writer, object any) error { return json.NewEncoder(inner{w}).Encode(object) }

// inner writes an object that an Encoder gives it, in one piece and with a newline, without the braces.
type inner struct{ io.Writer }

func (i inner) Write(object []byte) (int, error) {
	if _, err := i.Writer.Write(object[1 : len(object)-len("}\n")]); err != nil {
		return 0, err
	}
	return len(object), nil
}

func writeStrings(w io.Writer, all ...string) error {
	for _, s := range all {
		if _, err := io.WriteString(w, s); err != nil {
			return err
		}
	}
	return nil
}
