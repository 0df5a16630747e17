package files

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/static"
)

// themeFile is a theme with the stylesheets that it is served from: of all pages, and of those of the
// portal, which is made when it is first needed.
type themeFile struct {
	entry.Theme
	sheet  *static.File
	portal func() (*static.File, error)
}

// portalEnding is what names of the portal's stylesheets end with.
const portalEnding = ".portal.css"

// themes keeps what was made of login pages. Those of a page that has changed since stay for a
// while: documents that were sent before still load them.
type themes struct {
	Config
	builtIn *entry.Theme // of pages without a config

	mu     sync.RWMutex
	byHash map[string]*themeFile
	sheets map[string]*static.File     // by name, as 0123456789ab.css
	media  map[string]*loginpage.Media // by name
	order  []*loginpage.Page           // in the order they were made

	making sync.Mutex // held while all are made
	made   int        // the generation of login pages that all were made of; 0: none yet
}

func newThemes(cfg Config, style, portal string) *themes {
	return &themes{
		Config: cfg, builtIn: &entry.Theme{Messages: cfg.Messages, Style: style, Portal: func() string { return portal }},
		byHash: map[string]*themeFile{}, sheets: map[string]*static.File{}, media: map[string]*loginpage.Media{},
	}
}

// maxOutdated bounds what is kept of login pages that changed.
const maxOutdated = 64

// of is the theme of a login page, made when it is first needed.
func (k *themes) of(l *loginpage.Page) (*entry.Theme, error) {
	if l.Hash == "" {
		return k.builtIn, nil
	}
	if known := k.known(l); known != nil {
		return &known.Theme, nil
	}
	made, err := k.make(l)
	if err != nil {
		return nil, err
	}
	made = k.keep(l, made)
	k.forget(k.live())
	return &made.Theme, nil
}

func (k *themes) known(l *loginpage.Page) *themeFile {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byHash[l.Hash]
}

func (k *themes) all() []*themeFile {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.Collect(maps.Values(k.byHash))
}

// live are the hashes of the login pages of now.
func (k *themes) live() map[string]bool {
	live := map[string]bool{}
	for env := range k.Environments {
		for _, key := range k.Pages.Keys(env) {
			if l := k.Pages.Find(key); l != nil { // it has been readable
				live[l.Hash] = true
			}
		}
	}
	return live
}

// make reads a login page's words and writes its stylesheet.
func (k *themes) make(l *loginpage.Page) (*themeFile, error) {
	base, ok := k.Static.Lookup(k.Static.Name("app.css"))
	if !ok {
		return nil, errors.New("files: no app.css")
	}
	account, ok := k.Static.Lookup(k.Static.Name("account.css"))
	if !ok {
		return nil, errors.New("files: no account.css")
	}
	colors := l.Theme.Stylesheet(mediaAt(k.Base, l.Background))
	sheet, err := static.NewFile("theme.css", slices.Concat(base.Plain, colors))
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
	made := &themeFile{sheet: sheet, portal: sync.OnceValues(func() (*static.File, error) {
		return static.NewFile("theme.css", slices.Concat(base.Plain, colors, account.Plain))
	})}
	made.Theme = entry.Theme{
		Messages: k.Messages.With(l.Locales, texts),
		Style:    k.Base + "/theme/" + sheet.Hash + ".css",
		Portal:   func() string { return k.portal(made) },
	}
	return made, nil
}

// portal is the address of a theme's stylesheet for the portal.
func (k *themes) portal(of *themeFile) string {
	sheet, err := of.portal()
	if err != nil {
		k.Logger.Error("login config", "error", err.Error())
		return of.Style
	}
	name := sheet.Hash + portalEnding
	k.mu.Lock()
	k.sheets[name] = sheet
	k.mu.Unlock()
	return k.Base + "/theme/" + name
}

// keep adds a theme, unless another request was faster.
func (k *themes) keep(l *loginpage.Page, made *themeFile) *themeFile {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known := k.byHash[l.Hash]; known != nil {
		return known
	}
	k.order = append(k.order, l)
	k.add(l, made)
	return made
}

func (k *themes) add(l *loginpage.Page, made *themeFile) {
	k.byHash[l.Hash] = made
	k.sheets[made.sheet.Hash+".css"] = made.sheet
	for _, m := range l.Pictures() {
		k.media[m.Name] = m
	}
}

// forget drops the oldest themes of pages that are not live any more.
func (k *themes) forget(live map[string]bool) {
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
	// Several pages may share a picture, so what is left is counted anew.
	all, byHash := k.order, k.byHash
	k.order, k.byHash = nil, map[string]*themeFile{}
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

// makeAll makes the themes of all pages, once after each change of one. A
// stylesheet or picture may be asked for before any page was, as after a restart.
func (k *themes) makeAll() {
	k.making.Lock()
	defer k.making.Unlock()
	generation := k.Pages.Generation() + 1 // never the 0 of the start
	if k.made == generation {
		return
	}
	for env := range k.Environments {
		for _, key := range k.Pages.Keys(env) {
			l := k.Pages.Find(key)
			if l == nil || l.Hash == "" || k.known(l) != nil {
				continue
			}
			made, err := k.make(l)
			if err != nil {
				k.Logger.Error("login config", "file", l.File, "error", err.Error())
				continue
			}
			k.keep(l, made)
		}
	}
	k.forget(k.live())
	k.made = generation
}

// find looks for a stylesheet or picture by its name.
func find[T any](k *themes, name string, in func() map[string]*T) *T {
	look := func() *T {
		k.mu.RLock()
		defer k.mu.RUnlock()
		return in()[name]
	}
	if found := look(); found != nil {
		return found
	}
	k.makeAll()
	if strings.HasSuffix(name, portalEnding) {
		for _, theme := range k.all() {
			k.portal(theme)
		}
	}
	return look()
}
