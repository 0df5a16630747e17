package loginpage

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"time"

	"tcb-login/config/input"
	"tcb-login/filelock"
)

// A Publisher puts drafts in the place of published pages, and back. It works on the files alone: a
// server that runs sees them change, as it sees an editor's changes.
//
// Every file is written beside its place, to the disk, and then renamed, so that at any moment, and
// after a crash at any moment, there is a whole page: the old or the new one. What was checked is
// what is written, whatever an editor does to the draft meanwhile. One Publisher at a time works on
// a tree; each change is a line in the tree's history.
type Publisher struct {
	source  Source
	cat     Catalogue
	by      string
	now     func() time.Time
	root    *os.Root
	lock    *os.File
	history *os.File
}

// Files of a tree that no page is made of. They are hidden, so that they are not served either.
const (
	lockFile    = ".login-configs.lock"
	historyFile = ".login-configs.history.jsonl"
)

// A Change is what a [Publisher] did, or would do.
type Change struct {
	Action   string         `json:"action"` // "publish", "rollback" or "retire"
	At       time.Time      `json:"at"`
	By       string         `json:"by"`
	Env      string         `json:"env_id"`
	App      string         `json:"app_id,omitempty"`
	Version  string         `json:"config_version,omitempty"`
	From     string         `json:"from,omitempty"` // SHA-256 of the file that was in use; empty: none was
	To       string         `json:"to,omitempty"`   // the same of the one that is now
	Words    []string       `json:"changes"`        // what is different for people; none: nothing
	Problems input.Problems `json:"-"`
}

// errBroken says that a file has errors; they are among the problems.
var errBroken = errors.New("the file has errors: mend them first")

// OpenPublisher takes the tree of a source for this process. By is who does what is done, for the
// history.
func OpenPublisher(source Source, cat Catalogue, by string, now func() time.Time) (*Publisher, error) {
	root, err := os.OpenRoot(source.Tree)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source.Tree, plainError(err))
	}
	p := &Publisher{source: source, cat: cat, by: by, now: now, root: root}
	if p.lock, err = root.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		p.Close()
		return nil, fmt.Errorf("%s: %w", treeFile(root, lockFile), plainError(err))
	}
	switch holder, err := filelock.Take(p.lock); {
	case errors.Is(err, filelock.ErrLocked):
		p.Close()
		return nil, fmt.Errorf("another process (%s) is publishing in %s: wait until it is done", cmp.Or(holder, "unknown"), source.Tree)
	case err != nil:
		p.Close()
		return nil, fmt.Errorf("%s: %w", treeFile(root, lockFile), err)
	}
	// Opened before anything is done, so that nothing is done that cannot be written down.
	if p.history, err = root.OpenFile(historyFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		p.Close()
		return nil, fmt.Errorf("%s: %w", treeFile(root, historyFile), plainError(err))
	}
	return p, nil
}

// Close lets others at the tree.
func (p *Publisher) Close() {
	for _, f := range []*os.File{p.history, p.lock} {
		if f != nil {
			f.Close()
		}
	}
	p.root.Close()
}

// ParsePage reads how an operator names a page: "env" for the environment's own, the app_id, or the
// app_id and the config_version with a slash between.
func ParsePage(s string) (Key, error) {
	if s == EnvVersion {
		return Key{Version: EnvVersion}, nil
	}
	app, version, versioned := strings.Cut(s, "/")
	if complaint := checkPageID(app, maxAppID); complaint != "" {
		return Key{}, fmt.Errorf("app_id: %s", complaint)
	}
	if !versioned {
		return Key{App: app}, nil
	}
	if complaint := checkPageID(version, maxVersion); complaint != "" {
		return Key{}, fmt.Errorf("config_version: %s", complaint)
	}
	if version == EnvVersion {
		return Key{}, errors.New("config_version: env is the environment's own page, whichever the app: name it \"env\"")
	}
	if _, r := splitName(version); r != roleLive {
		return Key{}, fmt.Errorf("config_version: no version ends in %q: name the page alone", r)
	}
	return Key{App: app, Version: version}, nil
}

// PageName is a key as an operator names it; see [ParsePage].
func PageName(key Key) string {
	switch {
	case key.Version == EnvVersion:
		return EnvVersion
	case key.Version == "":
		return key.App
	}
	return key.App + "/" + key.Version
}

// A stored page is a file of a page as it was read. What is broken has no page.
type stored struct {
	version
	data     []byte
	mode     fs.FileMode
	problems input.Problems
}

// readStored reads a file of a page; nil: there is none.
func readStored(root *os.Root, source Source, cat Catalogue, key Key, r role) (*stored, error) {
	name := fileOf(key, r)
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", treeFile(root, name), plainError(err))
	case !info.Mode().IsRegular(): // a link would be replaced, and what it leads to stay as it is
		return nil, fmt.Errorf("%s: not a regular file", treeFile(root, name))
	}
	parsed := parseFile(newTreeReader(root), name, key, source, cat)
	return &stored{version{parsed.page, parsed.wishes}, parsed.data, info.Mode().Perm(), parsed.problems}, nil
}

func (p *Publisher) read(key Key, r role) (*stored, error) {
	return readStored(p.root, p.source, p.cat, key, r)
}

// Diff says what publishing a draft would change. It needs no [Publisher] and writes nothing.
func Diff(source Source, cat Catalogue, key Key) (Change, error) {
	key.Env = source.Env
	c := Change{Action: "diff", Env: key.Env, App: key.App, Version: key.Version}
	root, err := os.OpenRoot(source.Tree)
	if err != nil {
		return c, fmt.Errorf("%s: %w", source.Tree, plainError(err))
	}
	defer root.Close()
	draft, err := readStored(root, source, cat, key, roleDraft)
	if err != nil {
		return c, err
	}
	live, err := readStored(root, source, cat, key, roleLive)
	if err != nil {
		return c, err
	}
	if draft == nil {
		return c, fmt.Errorf("there is no draft: it would be %s", treeFile(root, fileOf(key, roleDraft)))
	}
	return c, c.become(live, draft)
}

// sum is the hash of the file, "" where there is none.
func (s *stored) sum() string {
	if s == nil {
		return ""
	}
	sum := sha256.Sum256(s.data)
	return hex.EncodeToString(sum[:])
}

// become fills in what is different between what was in use and what is to be. It fails where that
// is broken.
func (c *Change) become(was, now *stored) error {
	c.Problems = now.problems
	if now.page == nil {
		return errBroken
	}
	c.From, c.To = was.sum(), now.sum()
	switch {
	case was == nil:
		c.Words = newcomer(now.page)
	case was.page == nil:
		c.Words = []string{"What was published has errors, so that it cannot be compared"}
	default:
		c.Words = differences(was.version, now.version)
	}
	return nil
}

// begin is what every change of a page begins with.
func (p *Publisher) begin(action string, key Key) (Change, Key, error) {
	key.Env = p.source.Env
	c := Change{Action: action, At: p.now().UTC(), By: p.by, Env: key.Env, App: key.App, Version: key.Version}
	return c, key, p.recover(key)
}

// Publish puts a page's draft in the place of the page, which stays as the previous one.
func (p *Publisher) Publish(key Key) (Change, error) {
	c, key, err := p.begin("publish", key)
	if err != nil {
		return c, err
	}
	draft, err := p.read(key, roleDraft)
	if err != nil {
		return c, err
	}
	if draft == nil {
		return c, fmt.Errorf("there is no draft: it would be %s", treeFile(p.root, fileOf(key, roleDraft)))
	}
	live, err := p.read(key, roleLive)
	if err != nil {
		return c, err
	}
	if err := c.become(live, draft); err != nil {
		return c, err
	}
	mode := draft.mode
	if live != nil {
		if bytes.Equal(live.data, draft.data) {
			return c, errors.New("the draft is what is published already")
		}
		mode = live.mode // a server of another user could read it
		if err := p.write(fileOf(key, rolePrevious), live.data, live.mode); err != nil {
			return c, err
		}
	}
	if err := p.write(fileOf(key, roleLive), draft.data, mode); err != nil {
		return c, err
	}
	if live == nil {
		if err := p.rename(fileOf(key, roleRetired), fileOf(key, rolePrevious)); err != nil {
			return c, err
		}
	}
	// An editor may have written another draft since; then that is the next one.
	if now, err := p.root.ReadFile(fileOf(key, roleDraft)); err == nil && bytes.Equal(now, draft.data) {
		if err := p.root.Remove(fileOf(key, roleDraft)); err != nil {
			return c, fmt.Errorf("published, but the draft is still there: %w", err)
		}
	}
	return c, p.written(c)
}

// Rollback puts the previous page back; what was published is the previous one then, so that
// another rollback takes this one back. A page that was retired is in use again.
func (p *Publisher) Rollback(key Key) (Change, error) {
	c, key, err := p.begin("rollback", key)
	if err != nil {
		return c, err
	}
	live, err := p.read(key, roleLive)
	if err != nil {
		return c, err
	}
	var before *stored
	from := rolePrevious
	if live == nil { // it was retired, or somebody removed it
		from = roleRetired
		if before, err = p.read(key, from); err == nil && before == nil {
			from = rolePrevious
		}
	}
	if before == nil && err == nil {
		before, err = p.read(key, from)
	}
	switch {
	case err != nil:
		return c, err
	case before == nil:
		return c, fmt.Errorf("there is nothing to go back to: no %s", treeFile(p.root, fileOf(key, from)))
	}
	if err := c.become(live, before); err != nil {
		return c, err
	}
	if live == nil {
		c.Words = []string{"The page is in use again"}
		if err := p.rename(fileOf(key, from), fileOf(key, roleLive)); err != nil {
			return c, err
		}
		return c, p.written(c)
	}
	if err := p.write(asideOf(key), live.data, live.mode); err != nil {
		return c, err
	}
	if err := p.rename(fileOf(key, rolePrevious), fileOf(key, roleLive)); err != nil {
		return c, err
	}
	if err := p.rename(asideOf(key), fileOf(key, rolePrevious)); err != nil {
		return c, err
	}
	return c, p.written(c)
}

// Retire takes a page out of use: who comes to it gets the error page of a config_version that does
// not exist, since another page in its place would be a default that nobody chose. The last page of
// an environment stays: without one no server starts.
func (p *Publisher) Retire(key Key) (Change, error) {
	c, key, err := p.begin("retire", key)
	if err != nil {
		return c, err
	}
	scan, err := scanTree(p.root, key.Env, maxTreeEntries)
	if err != nil {
		return c, err
	}
	others := 0
	for other := range scan.configs {
		if !other.Draft && other != key {
			others++
		}
	}
	live, err := p.read(key, roleLive)
	switch {
	case err != nil:
		return c, err
	case live == nil && scan.retired[key]:
		return c, errors.New("the page is retired already")
	case live == nil:
		return c, fmt.Errorf("there is no such page: no %s", treeFile(p.root, fileOf(key, roleLive)))
	case others == 0:
		return c, errors.New("it is the environment's last page: without one no server starts")
	}
	c.Words = []string{"The page is no longer in use: who comes to it is told that there is no such page"}
	c.From = live.sum()
	if err := p.rename(fileOf(key, roleLive), fileOf(key, roleRetired)); err != nil {
		return c, err
	}
	return c, p.written(c)
}

// asideOf is where a rollback keeps what was published while the previous page takes its place.
func asideOf(key Key) string { return hidden(fileOf(key, roleLive), "rollback") }

// hidden is a file beside another that nobody takes for a page.
func hidden(name, why string) string {
	return path.Join(path.Dir(name), "."+path.Base(name)+"."+why)
}

// recover ends a rollback that was cut off. If the previous page had taken its place already, what
// was published before becomes the previous one; else nothing had happened yet.
func (p *Publisher) recover(key Key) error {
	if _, err := p.root.Lstat(asideOf(key)); err != nil {
		return nil
	}
	if _, err := p.root.Lstat(fileOf(key, rolePrevious)); errors.Is(err, fs.ErrNotExist) {
		return p.rename(asideOf(key), fileOf(key, rolePrevious))
	}
	return p.root.Remove(asideOf(key))
}

// write puts a file in its place, whole or not at all.
func (p *Publisher) write(name string, data []byte, mode fs.FileMode) (err error) {
	temp := hidden(name, "new")
	f, err := p.root.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("%s: %w", treeFile(p.root, name), plainError(err))
	}
	_, err = f.Write(data)
	// The process' mask may have taken rights away that the file had.
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", treeFile(p.root, name), err), p.root.Remove(temp))
	}
	return p.rename(temp, name)
}

// rename replaces a file and has the disk know. That there is nothing to rename is no error.
func (p *Publisher) rename(from, to string) error {
	err := p.root.Rename(from, to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case runtime.GOOS == "windows": // which has no handles of folders to flush
		return nil
	}
	folder, err := p.root.Open(path.Dir(to))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// written adds a change to the history.
func (p *Publisher) written(c Change) error {
	line, err := json.Marshal(c)
	if err == nil {
		_, err = p.history.Write(append(line, '\n'))
	}
	if err = errors.Join(err, p.history.Sync()); err != nil {
		return fmt.Errorf("done, but the history does not know: %w", err)
	}
	return nil
}
