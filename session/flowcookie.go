package session

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// A flow cookie keeps what a step needs when the browser comes back from another
// site with nothing but a short state: one cookie for each, so that two tabs
// never mix.

const (
	flowCookieName = "tcb_login_go_"
	maxFlows       = 4 << 10 // bytes of them at a time: see maxAccess
)

// ErrTooLarge says that a value does not fit into a cookie.
var ErrTooLarge = errors.New("session: too large for a cookie")

// flow is what a flow cookie holds. The state stands in it, so that a browser that comes back
// without one can be found by its cookie.
type flow[V any] struct {
	State string `json:"s"`
	Value V      `json:"v"`
}

// FlowCookies seals a value into Set-Cookie values for ttl, bound to the session
// and to state, and removes others of that kind where they get too many.
func (s *Session) FlowCookies(purpose, state string, v any, ttl time.Duration) ([]string, error) {
	name := s.flowName(state)
	sealed, err := s.sealBytes(associated(s.id, Scope{}, purpose+" in "+name), flow[any]{state, v}, ttl, 1)
	if err != nil {
		return nil, err
	}
	size := encoding.EncodedLen(len(sealed))
	if size > chunkSize {
		return nil, ErrTooLarge
	}
	out := []string{s.setSealed(name, "", sealed, ttl)}
	var others []string
	for _, c := range s.cookies {
		if strings.Contains(c.Name, flowCookieName) && c.Name != name {
			size += len(c.Value)
			others = append(others, s.setAccessCookie(c.Name, "", -1))
		}
	}
	if size > maxFlows {
		out = append(out, others...)
	}
	return out, nil
}

// FlowValue reads what FlowCookies sealed for state, if this browser has it.
func (s *Session) FlowValue(purpose, state string, v any) bool {
	return s.flowValue(s.Open, purpose, state, v)
}

// FlowPersonal is FlowValue for what ends when anybody else signs in: see OpenPersonal.
func (s *Session) FlowPersonal(purpose, state string, v any) bool {
	return s.flowValue(s.OpenPersonal, purpose, state, v)
}

// FlowOwn is FlowValue for what ends when another signs in than who was signed in: see OpenOwn.
func (s *Session) FlowOwn(purpose, state string, v any) bool {
	return s.flowValue(s.OpenOwn, purpose, state, v)
}

func (s *Session) flowValue(open func(Scope, string, string, any) bool, purpose, state string, v any) bool {
	name := s.flowName(state)
	sealed, ok := s.cookie(name)
	if !ok {
		return false
	}
	var f flow[json.RawMessage]
	if open(Scope{}, purpose+" in "+name, sealed, &f) {
		return f.State == state && json.Unmarshal(f.Value, v) == nil
	}
	// As the version before sealed it: whoever was at a provider when it ended comes back.
	return open(Scope{}, purpose+" "+state, sealed, v)
}

// OnlyFlow reads the one cookie of a purpose that this browser has, where it is the only one, and
// for which keep reports true. It is for who came back without the state.
func (s *Session) OnlyFlow(purpose string, v any, keep func() bool) bool {
	var found []json.RawMessage
	for _, c := range s.cookies {
		var f flow[json.RawMessage]
		if strings.Contains(c.Name, flowCookieName) && s.Open(Scope{}, purpose+" in "+c.Name, c.Value, &f) &&
			s.flowName(f.State) == c.Name && json.Unmarshal(f.Value, v) == nil && keep() {
			found = append(found, f.Value)
		}
	}
	return len(found) == 1 && json.Unmarshal(found[0], v) == nil
}

// ForgetFlow gives the Set-Cookie value that removes it.
func (s *Session) ForgetFlow(state string) string {
	return s.setAccessCookie(s.flowName(state), "", -1)
}

func (s *Session) flowName(state string) string { return s.hashedName(flowCookieName, state) }
