package files

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/entry"
	"tcb-login/static"
)

// themeFile is a theme with the stylesheets that it is served from, by their names.
type themeFile struct {
	entry.Theme
	sheets map[string]sheet
}

// A sheet is put together and compressed when it is first asked for: there may be thousands of login
// pages, of which few are looked at.
type sheet func() (*static.File, error)

// newSheet names a stylesheet by its content, which is that of its parts.
func newSheet(parts ...[]byte) (name string, made sheet) {
	return static.HashOf(parts...) + ".css", sync.OnceValues(func() (*static.File, error) {
		return static.NewFile("theme.css", slices.Concat(parts...))
	})
}

// themes keeps what was made of login pages. Those of a page that has changed since stay for a
// while: documents that were sent before still load them.
type themes struct {
	Config
	builtIn *entry.Theme // of pages without a config

	mu     sync.RWMutex
	byHash map[string]*themeFile
	sheets map[string]sheet            // by name, as 0123456789ab.css
	media  map[string]*loginpage.Media // by name
	order  []*loginpage.Page           // in the order they were made

	making sync.Mutex // held while all are made
	made   int        // the generation of login pages that all were made of; 0: none yet
}

func newThemes(cfg Config, style, portal, overview string) *themes {
	return &themes{
		Config: cfg, builtIn: &entry.Theme{Messages: cfg.Messages, Style: style, Portal: portal, Overview: overview},
		byHash: map[string]*themeFile{}, sheets: map[string]sheet{}, media: map[string]*loginpage.Media{},
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

// make reads a login page's words and writes its stylesheets.
func (k *themes) make(l *loginpage.Page) (*themeFile, error) {
	parts := map[string][]byte{ofTheme: l.Theme.Stylesheet(mediaAt(k.Base, l.Background))}
	for _, name := range []string{"base.css", "forms.css", "account.css", "account-forms.css"} {
		part, ok := k.Static.Lookup(k.Static.Name(name))
		if !ok {
			return nil, fmt.Errorf("files: no %s", name)
		}
		parts[name] = part.Plain
	}
	sheets := map[string]sheet{}
	put := func(names ...string) (address string) {
		all := make([][]byte, len(names))
		for i, name := range names {
			all[i] = parts[name]
		}
		name, made := newSheet(all...)
		sheets[name] = made
		return k.Base + "/theme/" + name
	}
	texts := map[string]map[string]map[string]string{}
	for locale, messages := range l.Texts {
		texts[locale] = map[string]map[string]string{}
		for key, text := range messages {
			texts[locale][key] = text
		}
	}
	// The parts are in the order that they have without a theme: see bundles in package generate.
	return &themeFile{sheets: sheets, Theme: entry.Theme{
		Messages: k.Messages.With(l.Locales, texts),
		Style:    put("base.css", "forms.css", ofTheme),
		Portal:   put("base.css", "forms.css", ofTheme, "account.css", "account-forms.css"),
		Overview: put("base.css", ofTheme, "account.css"),
	}}, nil
}

// ofTheme is what a login page's theme adds, among the parts of its stylesheets.
const ofTheme = "theme"

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
	maps.Copy(k.sheets, made.sheets)
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
func find[T any](k *themes, name string, in func() map[string]T) (found T, ok bool) {
	look := func() (found T, ok bool) {
		k.mu.RLock()
		defer k.mu.RUnlock()
		found, ok = in()[name]
		return found, ok
	}
	if found, ok = look(); ok {
		return found, true
	}
	k.makeAll()
	return look()
}
