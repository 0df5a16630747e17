package loginpage

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tcb-login/config/input"
)

// Pages are the login pages of all environments. They are read from the trees that the settings
// name and can be read anew while the program runs: a file that is broken or gone then keeps its
// last good page. A disk that is not mounted looks just like files that somebody removed, so that
// nothing missing from a disk ends a page: a file that says that it is retired does, and starting
// the program anew. Safe for concurrent use.
type Pages struct {
	sources []Source
	cat     Catalogue

	reloading sync.Mutex
	now       atomic.Pointer[snapshot] // replaced, never changed
}

// A snapshot is all that is known of the pages at a time.
type snapshot struct {
	generation int // counts the changes of pages
	entries    map[Key]*entry
	trees      map[string]input.Problems // by env_id: of places and names
}

func newSnapshot() *snapshot {
	return &snapshot{entries: map[Key]*entry{}, trees: map[string]input.Problems{}}
}

// An entry is a login config and what came of it.
type entry struct {
	name     string // of the login config, in the tree
	page     *Page  // the last good one; nil: none yet
	problems input.Problems
	files    map[string]fs.FileInfo // that it was made of
	sum      string                 // of their content
	// settled is true once the files have been read a second time, a while after the first: what is
	// written in the same tick of the file system's clock as the first reading has the same time.
	settled bool
	gone    bool // the file is not there, or not known to be: page is all that is left
}

// Load reads the login configs of all environments; those without any have the page of [BuiltIn].
// What can be read is there even when there are errors among the problems, and [Pages.Reload] tries
// the rest again. What is wrong with a draft is a warning, since it keeps nobody from signing in;
// later it is told by the preview alone. Without a catalogue, languages and texts are not checked against one.
func Load(sources []Source, cat Catalogue) (*Pages, input.Problems) {
	p := &Pages{sources: sources, cat: cat}
	first := newSnapshot()
	for _, s := range sources {
		if s.Tree == "" {
			builtIn := BuiltIn(s)
			first.entries[builtIn.Key] = &entry{page: builtIn, settled: true}
		}
	}
	p.now.Store(first)
	_, problems := p.Reload()
	problems = append(problems, p.now.Load().ofDrafts()...)
	problems.Sort()
	return p, problems
}

// Find returns the page of a key, or nil. The version "env" is the environment's page, for every
// app.
func (p *Pages) Find(key Key) *Page {
	if key.Version == EnvVersion {
		key.App = ""
	}
	if p := p.now.Load().entries[key]; p != nil {
		return p.page
	}
	return nil
}

// Keys lists the pages of an environment, its own first, then by app and version: also those whose
// file is broken and that [Pages.Find] may not have. Drafts are not among them.
func (p *Pages) Keys(env string) []Key { return p.keys(env, false) }

// Drafts lists the drafts of an environment as [Pages.Keys] does its pages.
func (p *Pages) Drafts(env string) []Key { return p.keys(env, true) }

func (p *Pages) keys(env string, drafts bool) (keys []Key) {
	for key := range p.now.Load().entries {
		if key.Env == env && key.Draft == drafts {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Env, b.Env), cmp.Compare(a.App, b.App), cmp.Compare(a.Version, b.Version))
}

// Generation counts the changes of pages since the start: while it stays, every page is what it
// was.
func (p *Pages) Generation() int { return p.now.Load().generation }

// Problems are all that is wrong with the login configs now.
func (p *Pages) Problems() input.Problems { return p.now.Load().problems() }

func (s *snapshot) problems() (all input.Problems) {
	for _, ps := range s.trees {
		all = append(all, ps...)
	}
	for key, p := range s.entries {
		if !key.Draft {
			all = append(all, p.told()...)
		}
	}
	all.Sort()
	return all
}

// ofDrafts are the problems of drafts.
func (s *snapshot) ofDrafts() (all input.Problems) {
	for key, e := range s.entries {
		if !key.Draft {
			continue
		}
		for _, p := range e.problems {
			if p.Severity == input.SeverityError {
				p.Severity, p.Message = input.SeverityWarning, "a draft that cannot be published: "+p.Message
			}
			all = append(all, p)
		}
	}
	return all
}

// ProblemsOf are those of one page's files.
func (p *Pages) ProblemsOf(key Key) input.Problems {
	if p := p.now.Load().entries[key]; p != nil {
		return p.told()
	}
	return nil
}

// keep is the entry once its file cannot be found. What was wrong with it says nothing any more.
func (e *entry) keep() *entry {
	if e.gone || e.page == nil {
		return e
	}
	return &entry{name: e.name, page: e.page, sum: e.sum, gone: true}
}

// told are the page's problems, and what becomes of the page.
func (e *entry) told() input.Problems {
	if e.gone {
		return input.Problems{{
			File: e.page.File, Severity: input.SeverityWarning,
			Message: "not there any more: kept the last good version of this page until the file is back, or to the end of this run",
		}}
	}
	if e.page == nil || !e.problems.HasErrors() {
		return slices.Clone(e.problems)
	}
	return append(input.Problems{{
		File: e.page.File, Severity: input.SeverityWarning,
		Message: "kept the last good version of this page until the errors below are mended",
	}}, e.problems...)
}

// Reload reads what changed since the last time. It reports whether any page is now another one or
// new, and all problems there are now. A page whose file is broken or gone stays as it was; so do
// those of a tree that cannot be read as a whole. Only what never was a page goes with its file.
func (p *Pages) Reload() (changed bool, problems input.Problems) {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	before := p.now.Load()
	after := newSnapshot()
	for key, e := range before.entries {
		if e.page != nil && e.page.File == "" { // built in
			after.entries[key] = e
		}
	}
	for _, source := range p.sources {
		if source.Tree == "" {
			continue
		}
		if err := p.readTree(source, before, after); err != nil {
			after.trees[source.Env] = input.Problems{{
				File: source.Tree, Severity: input.SeverityError,
				Message: "the login configs cannot be read: " + input.PlainError(err).Error(),
			}}
			for key, e := range before.entries {
				if key.Env == source.Env {
					after.entries[key] = e.keep()
				}
			}
		}
	}
	changed = len(changedKeys(before, after)) > 0
	if after.generation = before.generation; changed {
		after.generation++
	}
	p.now.Store(after)
	return changed, after.problems()
}

// Become has the pages of these environments be those of fresh from now on, which were read from other
// sources or for other settings. An environment that fresh was not told of keeps the pages it has: it was
// taken out of the settings, and serves until the program starts anew.
func (p *Pages) Become(fresh *Pages, environments []string) {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	next := newSnapshot()
	next.generation = p.now.Load().generation + 1
	var sources []Source
	for _, env := range environments {
		of := func(s Source) bool { return s.Env == env }
		from := fresh
		if !slices.ContainsFunc(fresh.sources, of) {
			from = p
		}
		for _, s := range from.sources {
			if of(s) {
				sources = append(sources, s)
			}
		}
		now := from.now.Load()
		for key, e := range now.entries {
			if key.Env == env {
				next.entries[key] = e
			}
		}
		next.trees[env] = now.trees[env]
	}
	p.sources = sources
	p.now.Store(next)
}

// readTree puts the pages of one environment into the snapshot after, as they were where no file
// changed.
func (p *Pages) readTree(source Source, before, after *snapshot) error {
	// Opened anew each time: the folder may have been replaced by another.
	root, err := os.OpenRoot(source.Tree)
	if err != nil {
		return err
	}
	defer root.Close()
	scan, err := scanTree(root, source.Env, maxTreeEntries)
	if err != nil {
		return err
	}
	for key, name := range scan.configs {
		old := before.entries[key]
		if old != nil && old.settled && unchanged(root, old.files) {
			after.entries[key] = old
			continue
		}
		tree := newTreeReader(root)
		e := &entry{name: name}
		e.page, e.problems = parse(tree, name, key, source, p.cat)
		e.files, e.sum = tree.files, tree.sum()
		if old != nil {
			e.settled = e.sum == old.sum
			if e.page == nil || old.page != nil && old.page.Hash == e.page.Hash {
				e.page = old.page
			}
		}
		after.entries[key] = e
	}
	kept := 0
	for key, e := range before.entries {
		if key.Draft || scan.retired[key] {
			continue // somebody ended it
		}
		if key.Env == source.Env && after.entries[key] == nil && e.page != nil {
			after.entries[key] = e.keep()
			kept++
		}
	}
	scan.missing(kept, after.entries[Key{Env: source.Env, Version: EnvVersion}] != nil)
	after.trees[source.Env] = scan.problems
	return nil
}

// changedKeys lists the pages that are others in the second state.
func changedKeys(a, b *snapshot) (keys []Key) {
	for key, e := range b.entries {
		if old := a.entries[key]; old == nil || old.page != e.page {
			keys = append(keys, key)
		}
	}
	for key := range a.entries {
		if b.entries[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// Watch reloads at every interval until the context ends, and calls tell after each change of a
// page or of the problems: with the pages that are others now, new or gone, none when only the
// problems differ, and with all problems there are. Problems that Load returned are not told again.
//
// It looks instead of being notified since notification does not work on every mount (network file
// systems, containers on other hosts). While nothing changes, a look lists a few folders and asks
// for the state of the files that the pages are made of.
func (p *Pages) Watch(ctx context.Context, every time.Duration, tell func(changed []Key, problems input.Problems)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	seen := p.now.Load()
	told := seen.problems().String()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		p.Reload()
		// Compared with what was seen here, since others may call Reload too.
		now := p.now.Load()
		changed, problems := changedKeys(seen, now), now.problems()
		seen = now
		if s := problems.String(); len(changed) > 0 || s != told {
			told = s
			tell(changed, problems)
		}
	}
}
