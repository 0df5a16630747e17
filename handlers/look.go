package handlers

import (
	"errors"
	"slices"
	"sync"

	"github.com/gofiber/fiber/v2"

	"tcb-login/config/loginpage"
	"tcb-login/i18n"
	"tcb-login/static"
)

// look is a login config as pages need it: its words laid over the catalogues,
// its colours written into a stylesheet.
type look struct {
	messages *i18n.Bundle
	style    string // address of the stylesheet
	sheet    *static.File
}

// looks keeps what was made of login configs. Those of a config that has changed
// since stay for a while: pages that were sent before still load them.
type looks struct {
	mu     sync.RWMutex
	byHash map[string]*look
	sheets map[string]*static.File     // by name, as 0123456789ab.css
	media  map[string]*loginpage.Media // by name
	order  []*loginpage.Page           // in the order they were made

	making sync.Mutex // held while all are made
	made   int        // the generation of login configs that all were made of; 0: none yet
}

// maxOutdated bounds what is kept of configs that changed.
const maxOutdated = 64

// lookOf is the look of a login page, made when it is first needed.
func (h *Handler) lookOf(l *loginpage.Page) (*look, error) {
	if l.Hash == "" {
		return h.builtIn, nil
	}
	if known := h.looks.of(l); known != nil {
		return known, nil
	}
	made, err := h.makeLook(l)
	if err != nil {
		return nil, err
	}
	made = h.looks.keep(l, made)
	h.looks.forget(h.live())
	return made, nil
}

func (k *looks) of(l *loginpage.Page) *look {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byHash[l.Hash]
}

// live are the hashes of the login configs of now.
func (h *Handler) live() map[string]bool {
	live := map[string]bool{}
	for env := range h.environments {
		for _, key := range h.logins.Keys(env) {
			if l := h.logins.Find(key); l != nil { // it has been readable
				live[l.Hash] = true
			}
		}
	}
	return live
}

func (h *Handler) makeLook(l *loginpage.Page) (*look, error) {
	base, ok := h.static.Lookup(h.static.Name("app.css"))
	if !ok {
		return nil, errors.New("handlers: no app.css")
	}
	sheet, err := static.NewFile("theme.css", slices.Concat(base.Plain, l.Theme.Stylesheet(h.media(l.Background))))
	if err != nil {
		return nil, err
	}
	texts := map[string]map[string]map[string]string{}
	for locale, messages := range l.Texts {
		texts[locale] = map[string]map[string]string{}
		for key, text := range messages {
			texts[locale][key] = text
		}
	}
	return &look{
		messages: h.messages.With(l.Locales, texts),
		style:    h.base + "/theme/" + sheet.Hash + ".css",
		sheet:    sheet,
	}, nil
}

// keep adds a look, unless another request was faster.
func (k *looks) keep(l *loginpage.Page, made *look) *look {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known := k.byHash[l.Hash]; known != nil {
		return known
	}
	k.order = append(k.order, l)
	k.add(l, made)
	return made
}

func (k *looks) add(l *loginpage.Page, made *look) {
	k.byHash[l.Hash] = made
	k.sheets[made.sheet.Hash+".css"] = made.sheet
	for _, m := range l.Pictures() {
		k.media[m.Name] = m
	}
}

// forget drops the oldest looks of configs that are not live any more.
func (k *looks) forget(live map[string]bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	outdated := 0
	for _, l := range k.order {
		if !live[l.Hash] {
			outdated++
		}
	}
	if outdated <= maxOutdated {
		return
	}
	// Several configs may share a picture, so what is left is counted anew.
	all, byHash := k.order, k.byHash
	k.order, k.byHash = nil, map[string]*look{}
	clear(k.sheets)
	clear(k.media)
	for _, l := range all {
		if !live[l.Hash] {
			if outdated > maxOutdated {
				outdated--
				continue
			}
		}
		k.order = append(k.order, l)
		k.add(l, byHash[l.Hash])
	}
}

// makeAll makes the looks of all pages, once after each change of one. A
// stylesheet or picture may be asked for before any page was, as after a restart.
func (h *Handler) makeAll() {
	h.looks.making.Lock()
	defer h.looks.making.Unlock()
	generation := h.logins.Generation() + 1 // never the 0 of the start
	if h.looks.made == generation {
		return
	}
	for env := range h.environments {
		for _, key := range h.logins.Keys(env) {
			l := h.logins.Find(key)
			if l == nil || l.Hash == "" || h.looks.of(l) != nil {
				continue
			}
			made, err := h.makeLook(l)
			if err != nil {
				h.log.Error("login config", "file", l.File, "error", err.Error())
				continue
			}
			h.looks.keep(l, made)
		}
	}
	h.looks.forget(h.live())
	h.looks.made = generation
}

// find looks for a stylesheet or picture by its name.
func find[T any](h *Handler, name string, in func(*looks) map[string]*T) *T {
	look := func() *T {
		h.looks.mu.RLock()
		defer h.looks.mu.RUnlock()
		return in(&h.looks)[name]
	}
	if found := look(); found != nil {
		return found
	}
	h.makeAll()
	return look()
}

// getTheme serves the stylesheet of a login config.
func (h *Handler) getTheme(c *fiber.Ctx) error {
	file := find(h, c.Params("name"), func(k *looks) map[string]*static.File { return k.sheets })
	if file == nil {
		return errMissing
	}
	return sendAsset(c, file)
}

// getMedia serves a logo or background of a login config. The picture is the
// operator's, but its address can be opened by anybody: an SVG must not be a
// document with a script on the app's origin.
func (h *Handler) getMedia(c *fiber.Ctx) error {
	m := find(h, c.Params("name"), func(k *looks) map[string]*loginpage.Media { return k.media })
	if m == nil {
		return errMissing
	}
	header := &c.Response().Header
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	header.Set("Content-Type", m.Type)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	return c.Send(m.Data)
}

// media is the address of a picture of a login config; empty when there is none.
func (h *Handler) media(m *loginpage.Media) string {
	if m == nil {
		return ""
	}
	return h.base + "/media/" + m.Name
}
