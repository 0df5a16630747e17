package web

import (
	"bytes"
	"context"
	"encoding/hex"

	"github.com/gofiber/fiber/v2"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/cut"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
	"tcb-login/redirect"
	"tcb-login/views"
)

// The first pages of the ways in are the same for all who come to a login page in a language, but for
// what the app sent along and two values of the session. They are rendered once: see package cut and
// Row.Common.

// commonPages is how many are kept: those of some hundred login pages in a few languages.
const commonPages = 1024

// commonKey is all that such a page follows from, besides what is cut in. Whether redirect_uri may be led
// to is part of it: the page for what is not there is also made where it may not.
type commonKey struct {
	path     string // a row's
	target   redirect.Verdict
	via      string
	origin   string
	page     *loginpage.Page
	loc      *i18n.Localizer
	client   *entry.Client
	inWeChat bool
	query    bool // there is one
	missing  bool // it is the page for what is not there
}

// marks are what stands in such a page in place of what is one request's own, in the order of own.
type marks struct{ query, target, csrf, device, id cut.Mark }

func newMarks(random func([]byte) error) (*marks, error) {
	var key [16]byte
	if err := random(key[:]); err != nil {
		return nil, err
	}
	k := hex.EncodeToString(key[:])
	return &marks{
		query: cut.NewMark("q=%s&r=%s", k), target: cut.NewMark("https://%s.invalid/?a&b", k),
		csrf: cut.NewMark("%s-csrf", k), device: cut.NewMark("%s-device", k), id: cut.NewMark("%s-id", k),
	}, nil
}

func (m *marks) all() []cut.Mark { return []cut.Mark{m.query, m.target, m.csrf, m.device} }

// own are a request's values for the marks.
func (m *marks) own(r *Request) []string {
	return []string{r.Query, r.RedirectURI, r.Session.CSRFToken(), r.Device}
}

// marked is the request with marks in place of what is its own.
func (m *marks) marked(r *Request) *Request {
	l := r.LoginRequest
	if l.Query != "" {
		l.Query = m.query.Text
	}
	l.RedirectURI = m.target.Text
	return r.As(l)
}

// cut renders a page that was made for a marked request, and cuts it. ctx is not that request's, since
// the page is for others too.
func (m *marks) cut(ctx context.Context, page views.Page) (*cut.Page, bool) {
	b := page.Frame()
	b.Form.CSRF, b.Form.DeviceID = m.csrf.Text, m.device.Text
	var out bytes.Buffer
	if err := page.Component().Render(ctx, &out); err != nil {
		return nil, false
	}
	return cut.Make(out.Bytes(), m.all()...)
}

// serveCommon is serve for a page whose row is Common.
func (s *Site) serveCommon(path string, handle Handler) fiber.Handler {
	plain := s.serve(handle)
	return func(c *fiber.Ctx) error {
		r := requestOf(c)
		if !r.Common {
			return plain(c)
		}
		key := commonKey{
			path: path, target: r.Target, via: r.Via, origin: r.Origin.Text, page: r.LoginPage, loc: r.Loc,
			client: r.Client, inWeChat: r.InWeChat, query: r.Query != "",
		}
		page := s.common.Get(key)
		if page == nil {
			if page = s.cutCommon(r, handle); page == nil {
				return plain(c)
			}
			s.common.Put(key, page)
		}
		cookies, err := r.Session.Cookies()
		if err != nil {
			return err
		}
		c.Set("Content-Type", "text/html; charset=utf-8")
		c.Status(fiber.StatusOK)
		addCookies(c, cookies)
		return page.Write(c.Response().BodyWriter(), s.marks.own(r)...)
	}
}

// cutCommon makes the page once; nil where it is none to be kept.
func (s *Site) cutCommon(r *Request, handle Handler) *cut.Page {
	reply, err := handle(s.marks.marked(r))
	if err != nil || reply.Page == nil || reply.Status != fiber.StatusOK || reply.RetryAfter != 0 || reply.NoReferrer {
		return nil
	}
	page, ok := s.marks.cut(s.ctx, reply.Page)
	if !ok {
		return nil
	}
	return page
}

// missing is the page for what is not there, which scanners ask for all day; nil where it is to be
// rendered for the request alone. What was asked for is not on it.
func (s *Site) missing(r *Request) *cut.Page {
	if r == nil || !r.Common {
		return nil
	}
	key := commonKey{
		target: r.Target, via: r.Via, origin: r.Origin.Text, page: r.LoginPage, loc: r.Loc, client: r.Client, query: r.Query != "", missing: true,
	}
	page := s.common.Get(key)
	if page == nil {
		var out bytes.Buffer
		marked := s.errorPage(&s.marks.marked(r).LoginRequest, refusal.ErrMissing, s.marks.id.Text)
		if err := marked.Component().Render(s.ctx, &out); err != nil {
			return nil
		}
		var ok bool
		if page, ok = cut.Make(out.Bytes(), s.marks.query, s.marks.target, s.marks.id); !ok {
			return nil
		}
		s.common.Put(key, page)
	}
	return page
}
