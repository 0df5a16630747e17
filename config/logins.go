package config

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Logins are the login pages of all environments. They are read from the trees that the settings
// name and can be read anew while the program runs: a file that is broken or gone then keeps its last
// good page. A disk that is not mounted looks just like files that somebody removed, so that nothing on a
// disk ends a page; starting the program anew does. Safe for concurrent use.
type Logins struct {
	environments []*Environment // with a tree
	cat          Catalogue

	reloading sync.Mutex
	now       atomic.Pointer[loginState] // replaced, never changed
}

// A loginState is all that is known of the pages at a time.
type loginState struct {
	generation int // counts the changes of pages
	pages      map[LoginKey]*loginPage
	trees      map[string]Problems // by env_id: of places and names
}

// A loginPage is a login config and what came of it.
type loginPage struct {
	name     string // of the login config, in the tree
	login    *Login // the last good one; nil: none yet
	problems Problems
	files    map[string]fs.FileInfo // that it was made of
	sum      string                 // of their content
	// settled is true once the files have been read a second time, a while after the first: what is
	// written in the same tick of the file system's clock as the first reading has the same time.
	settled bool
	gone    bool // the file is not there, or not known to be: login is all that is left
}

// LoadLogins reads the login configs of all environments; those whose settings name none have the page
// of [BuiltIn]. What can be read is there even when there are errors among the problems, and [Logins.Reload]
// tries the rest again. The settings must not change afterwards. Without a catalogue, languages and texts
// are not checked against one.
func LoadLogins(s *Settings, cat Catalogue) (*Logins, Problems) {
	l := &Logins{cat: cat}
	state := &loginState{pages: map[LoginKey]*loginPage{}, trees: map[string]Problems{}}
	for i := range s.Environments {
		e := &s.Environments[i]
		if e.LoginConfigs != "" {
			l.environments = append(l.environments, e)
			continue
		}
		builtIn := BuiltIn(e)
		state.pages[builtIn.Key] = &loginPage{login: builtIn, settled: true}
	}
	l.now.Store(state)
	_, problems := l.Reload()
	return l, problems
}

// BuiltInLogins are the pages of settings that name no login configs.
func BuiltInLogins(s *Settings) *Logins {
	without := *s
	without.Environments = slices.Clone(s.Environments)
	for i := range without.Environments {
		without.Environments[i].LoginConfigs = ""
	}
	l, _ := LoadLogins(&without, nil)
	return l
}

// Find returns the page of a key, or nil. The version "env" is the environment's page, for every app.
func (l *Logins) Find(key LoginKey) *Login {
	if key.Version == EnvVersion {
		key.App = ""
	}
	if p := l.now.Load().pages[key]; p != nil {
		return p.login
	}
	return nil
}

// Keys lists the pages of an environment, its own first, then by app and version: also those whose file
// is broken and that [Logins.Find] may not have.
func (l *Logins) Keys(env string) (keys []LoginKey) {
	for key := range l.now.Load().pages {
		if key.Env == env {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

func compareKeys(a, b LoginKey) int {
	return cmp.Or(cmp.Compare(a.Env, b.Env), cmp.Compare(a.App, b.App), cmp.Compare(a.Version, b.Version))
}

// Generation counts the changes of pages since the start: while it stays, every page is what it was.
func (l *Logins) Generation() int { return l.now.Load().generation }

// Problems are all that is wrong with the login configs now.
func (l *Logins) Problems() Problems { return l.now.Load().problems() }

func (s *loginState) problems() (all Problems) {
	for _, ps := range s.trees {
		all = append(all, ps...)
	}
	for _, p := range s.pages {
		all = append(all, p.told()...)
	}
	all.Sort()
	return all
}

// ProblemsOf are those of one page's files.
func (l *Logins) ProblemsOf(key LoginKey) Problems {
	if p := l.now.Load().pages[key]; p != nil {
		return p.told()
	}
	return nil
}

// keep is the page once its file cannot be found. What was wrong with it says nothing any more.
func (p *loginPage) keep() *loginPage {
	if p.gone || p.login == nil {
		return p
	}
	return &loginPage{name: p.name, login: p.login, sum: p.sum, gone: true}
}

// told are the page's problems, and what becomes of the page.
func (p *loginPage) told() Problems {
	if p.gone {
		return Problems{{
			File: p.login.File, Severity: SeverityWarning,
			Message: "not there any more: kept the last good version of this page until the file is back, or to the end of this run",
		}}
	}
	if p.login == nil || !p.problems.HasErrors() {
		return slices.Clone(p.problems)
	}
	return append(Problems{{
		File: p.login.File, Severity: SeverityWarning,
		Message: "kept the last good version of this page until the errors below are mended",
	}}, p.problems...)
}

// Reload reads what changed since the last time. It reports whether any page is now another one or new,
// and all problems there are now. A page whose file is broken or gone stays as it was; so do those of a
// tree that cannot be read as a whole. Only what never was a page goes with its file.
func (l *Logins) Reload() (changed bool, problems Problems) {
	l.reloading.Lock()
	defer l.reloading.Unlock()
	before := l.now.Load()
	state := &loginState{pages: map[LoginKey]*loginPage{}, trees: map[string]Problems{}}
	for key, page := range before.pages {
		if page.login != nil && page.login.File == "" { // built in
			state.pages[key] = page
		}
	}
	for _, e := range l.environments {
		if err := l.readTree(e, before, state); err != nil {
			state.trees[e.ID] = Problems{{
				File: e.LoginConfigs, Severity: SeverityError,
				Message: "the login configs cannot be read: " + plainError(err).Error(),
			}}
			for key, page := range before.pages {
				if key.Env == e.ID {
					state.pages[key] = page.keep()
				}
			}
		}
	}
	changed = len(changedKeys(before, state)) > 0
	if state.generation = before.generation; changed {
		state.generation++
	}
	l.now.Store(state)
	return changed, state.problems()
}

// readTree puts the pages of one environment into the state, as they were where no file changed.
func (l *Logins) readTree(e *Environment, before, state *loginState) error {
	// Opened anew each time: the folder may have been replaced by another.
	root, err := os.OpenRoot(e.LoginConfigs)
	if err != nil {
		return err
	}
	defer root.Close()
	scan, err := scanTree(root, e.ID, maxTreeEntries)
	if err != nil {
		return err
	}
	for key, name := range scan.logins {
		old := before.pages[key]
		if old != nil && old.settled && unchanged(root, old.files) {
			state.pages[key] = old
			continue
		}
		tree := newTreeReader(root)
		page := &loginPage{name: name}
		page.login, page.problems = parseLogin(tree, name, treeFile(root, name), key, e, l.cat)
		page.files, page.sum = tree.files, tree.sum()
		if old != nil {
			page.settled = page.sum == old.sum
			if page.login == nil || old.login != nil && old.login.Hash == page.login.Hash {
				page.login = old.login
			}
		}
		state.pages[key] = page
	}
	kept := 0
	for key, page := range before.pages {
		if key.Env == e.ID && state.pages[key] == nil && page.login != nil {
			state.pages[key] = page.keep()
			kept++
		}
	}
	scan.missing(kept, state.pages[LoginKey{Env: e.ID, Version: EnvVersion}] != nil)
	state.trees[e.ID] = scan.problems
	return nil
}

// changedKeys lists the pages that are others in the second state.
func changedKeys(a, b *loginState) (keys []LoginKey) {
	for key, page := range b.pages {
		if old := a.pages[key]; old == nil || old.login != page.login {
			keys = append(keys, key)
		}
	}
	for key := range a.pages {
		if b.pages[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// Watch reloads at every interval until the context ends, and calls tell after each change of a page or
// of the problems: with the pages that are others now, new or gone, none when only the problems differ,
// and with all problems there are. Problems that LoadLogins returned are not told again.
//
// It looks instead of being notified since notification does not work on every mount (network file
// systems, containers on other hosts). While nothing changes, a look lists a few folders and asks for
// the state of the files that the pages are made of.
func (l *Logins) Watch(ctx context.Context, every time.Duration, tell func(changed []LoginKey, problems Problems)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	seen := l.now.Load()
	told := seen.problems().String()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		l.Reload()
		// Compared with what was seen here, since others may call Reload too.
		now := l.now.Load()
		changed, problems := changedKeys(seen, now), now.problems()
		seen = now
		if s := problems.String(); len(changed) > 0 || s != told {
			told = s
			tell(changed, problems)
		}
	}
}
