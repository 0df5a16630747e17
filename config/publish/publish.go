// Package publish puts drafts of login pages in the place of those that are published, and back, and
// says in words what that changes for people. What a page is and where its files are is package
// loginpage's; the sub-command that calls this is in package command.
package publish

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
	"slices"
	"time"

	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/filelock"
)

// A Publisher puts drafts in the place of published pages, and back. It works on the files alone: a
// server that runs sees them change, as it sees an editor's changes.
//
// Every file is written beside its place, to the disk, and then renamed, so that at any moment, and
// after a crash at any moment, there is a whole page: the old or the new one. All that is to be
// written is on the disk before the first file is replaced: where there is no room, nothing is lost.
// What was checked is what is written, whatever an editor does to the draft meanwhile. One Publisher
// at a time works on a tree; each change is a line in the tree's history.
type Publisher struct {
	source  loginpage.Source
	cat     loginpage.Catalogue
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

// Open takes the tree of a source for this process. By is who does what is done, for the
// history.
func Open(source loginpage.Source, cat loginpage.Catalogue, by string, now func() time.Time) (*Publisher, error) {
	root, err := os.OpenRoot(source.Tree)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source.Tree, input.PlainError(err))
	}
	p := &Publisher{source: source, cat: cat, by: by, now: now, root: root}
	if p.lock, err = root.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		p.Close()
		return nil, fmt.Errorf("%s: %w", fileIn(root, lockFile), input.PlainError(err))
	}
	switch holder, err := filelock.Take(p.lock); {
	case errors.Is(err, filelock.ErrLocked):
		p.Close()
		return nil, fmt.Errorf("another process (%s) is publishing in %s: wait until it is done", cmp.Or(holder, "unknown"), source.Tree)
	case err != nil:
		p.Close()
		return nil, fmt.Errorf("%s: %w", fileIn(root, lockFile), err)
	}
	// Opened before anything is done, so that nothing is done that cannot be written down.
	if p.history, err = root.OpenFile(historyFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		p.Close()
		return nil, fmt.Errorf("%s: %w", fileIn(root, historyFile), input.PlainError(err))
	}
	return p, nil
}

// fileIn is a file of a tree as operators find it.
func fileIn(root *os.Root, name string) string { return path.Join(root.Name(), name) }

// Close lets others at the tree.
func (p *Publisher) Close() {
	for _, f := range []*os.File{p.history, p.lock} {
		if f != nil {
			f.Close()
		}
	}
	p.root.Close()
}

// A stored page is a file of a page as it was read. What is broken has no page.
type stored struct {
	loginpage.Version
	info fs.FileInfo // whose it is and who may read it
}

// readStored reads a file of a page; nil: there is none.
func readStored(root *os.Root, source loginpage.Source, cat loginpage.Catalogue, key loginpage.Key, r loginpage.Role) (*stored, error) {
	name := loginpage.FileOf(key, r)
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", fileIn(root, name), input.PlainError(err))
	case !info.Mode().IsRegular(): // a link would be replaced, and what it leads to stay as it is
		return nil, fmt.Errorf("%s: not a regular file", fileIn(root, name))
	}
	return &stored{loginpage.ReadVersion(root, source, cat, key, r), info}, nil
}

func (p *Publisher) read(key loginpage.Key, r loginpage.Role) (*stored, error) {
	return readStored(p.root, p.source, p.cat, key, r)
}

// Diff says what publishing a draft would change. It needs no [Publisher] and writes nothing.
func Diff(source loginpage.Source, cat loginpage.Catalogue, key loginpage.Key) (Change, error) {
	key.Env = source.Env
	c := Change{Action: "diff", Env: key.Env, App: key.App, Version: key.Version}
	root, err := os.OpenRoot(source.Tree)
	if err != nil {
		return c, fmt.Errorf("%s: %w", source.Tree, input.PlainError(err))
	}
	defer root.Close()
	draft, err := readStored(root, source, cat, key, loginpage.RoleDraft)
	if err != nil {
		return c, err
	}
	live, err := readStored(root, source, cat, key, loginpage.RoleLive)
	if err != nil {
		return c, err
	}
	if draft == nil {
		return c, fmt.Errorf("there is no draft: it would be %s", fileIn(root, loginpage.FileOf(key, loginpage.RoleDraft)))
	}
	return c, c.become(live, draft)
}

// sum is the hash of the file, "" where there is none.
func (s *stored) sum() string {
	if s == nil {
		return ""
	}
	sum := sha256.Sum256(s.Data)
	return hex.EncodeToString(sum[:])
}

// become fills in what is different between what was in use and what is to be. It fails where that
// is broken.
func (c *Change) become(was, now *stored) error {
	c.Problems = now.Problems
	if now.Page == nil {
		return errBroken
	}
	c.From, c.To = was.sum(), now.sum()
	switch {
	case was == nil:
		c.Words = newcomer(now.Page)
	case was.Page == nil:
		c.Words = []string{"What was published has errors, so that it cannot be compared"}
	default:
		c.Words = differences(was.Version, now.Version)
	}
	return nil
}

// begin is what every change of a page begins with.
func (p *Publisher) begin(action string, key loginpage.Key) (Change, loginpage.Key, error) {
	key.Env = p.source.Env
	c := Change{Action: action, At: p.now().UTC(), By: p.by, Env: key.Env, App: key.App, Version: key.Version}
	return c, key, p.recover(key)
}

// Publish puts a page's draft in the place of the page, which stays as the previous one.
func (p *Publisher) Publish(key loginpage.Key) (Change, error) {
	c, key, err := p.begin("publish", key)
	if err != nil {
		return c, err
	}
	draft, err := p.read(key, loginpage.RoleDraft)
	if err != nil {
		return c, err
	}
	if draft == nil {
		return c, fmt.Errorf("there is no draft: it would be %s", fileIn(p.root, loginpage.FileOf(key, loginpage.RoleDraft)))
	}
	live, err := p.read(key, loginpage.RoleLive)
	if err != nil {
		return c, err
	}
	if err := c.become(live, draft); err != nil {
		return c, err
	}
	if live != nil && bytes.Equal(live.Data, draft.Data) {
		return c, errors.New("the draft is what is published already")
	}
	if err := p.replace(key, live, draft); err != nil {
		return c, err
	}
	// An editor may have written another draft since; then that is the next one.
	if now, err := p.root.ReadFile(loginpage.FileOf(key, loginpage.RoleDraft)); err == nil && bytes.Equal(now, draft.Data) {
		if err := p.root.Remove(loginpage.FileOf(key, loginpage.RoleDraft)); err != nil {
			return c, fmt.Errorf("published, but the draft is still there: %w", err)
		}
	}
	return c, p.written(c)
}

// replace puts a draft in the place of what is published, if anything is, which becomes the
// previous page then.
func (p *Publisher) replace(key loginpage.Key, live, draft *stored) error {
	name, previous := loginpage.FileOf(key, loginpage.RoleLive), loginpage.FileOf(key, loginpage.RolePrevious)
	if live == nil {
		if err := p.write(name, draft.Data, draft.info, os.Geteuid() == 0); err != nil {
			return err
		}
		return p.rename(loginpage.FileOf(key, loginpage.RoleRetired), previous)
	}
	temp, err := p.prepare(name, draft.Data, live.info, true)
	if err != nil {
		return err
	}
	aside := hidden(name, publishing)
	if err := p.write(aside, live.Data, live.info, true); err != nil {
		return errors.Join(err, p.root.Remove(temp))
	}
	if err := p.rename(temp, name); err != nil {
		return err
	}
	return p.rename(aside, previous)
}

// Rollback puts the previous page back; what was published is the previous one then, so that
// another rollback takes this one back. A page that was retired is in use again.
func (p *Publisher) Rollback(key loginpage.Key) (Change, error) {
	c, key, err := p.begin("rollback", key)
	if err != nil {
		return c, err
	}
	live, err := p.read(key, loginpage.RoleLive)
	if err != nil {
		return c, err
	}
	var before *stored
	from := loginpage.RolePrevious
	if live == nil { // it was retired, or somebody removed it
		from = loginpage.RoleRetired
		if before, err = p.read(key, from); err == nil && before == nil {
			from = loginpage.RolePrevious
		}
	}
	if before == nil && err == nil {
		before, err = p.read(key, from)
	}
	switch {
	case err != nil:
		return c, err
	case before == nil:
		return c, fmt.Errorf("there is nothing to go back to: no %s", fileIn(p.root, loginpage.FileOf(key, from)))
	}
	if err := c.become(live, before); err != nil {
		return c, err
	}
	if live == nil {
		c.Words = []string{"The page is in use again"}
		if err := p.rename(loginpage.FileOf(key, from), loginpage.FileOf(key, loginpage.RoleLive)); err != nil {
			return c, err
		}
		return c, p.written(c)
	}
	aside := hidden(loginpage.FileOf(key, loginpage.RoleLive), rollingBack)
	if err := p.write(aside, live.Data, live.info, true); err != nil {
		return c, err
	}
	if err := p.rename(loginpage.FileOf(key, loginpage.RolePrevious), loginpage.FileOf(key, loginpage.RoleLive)); err != nil {
		return c, err
	}
	if err := p.rename(aside, loginpage.FileOf(key, loginpage.RolePrevious)); err != nil {
		return c, err
	}
	return c, p.written(c)
}

// Retire takes a page out of use: who comes to it gets the error page of a config_version that does
// not exist, since another page in its place would be a default that nobody chose. The last page of
// an environment stays: without one no server starts.
func (p *Publisher) Retire(key loginpage.Key) (Change, error) {
	c, key, err := p.begin("retire", key)
	if err != nil {
		return c, err
	}
	there, retired, err := loginpage.InTree(p.root, key.Env)
	if err != nil {
		return c, err
	}
	live, err := p.read(key, loginpage.RoleLive)
	switch {
	case err != nil:
		return c, err
	case live == nil && slices.Contains(retired, key):
		return c, errors.New("the page is retired already")
	case live == nil:
		return c, fmt.Errorf("there is no such page: no %s", fileIn(p.root, loginpage.FileOf(key, loginpage.RoleLive)))
	case len(there) == 1:
		return c, errors.New("it is the environment's last page: without one no server starts")
	}
	c.Words = []string{"The page is no longer in use: who comes to it is told that there is no such page"}
	c.From = live.sum()
	if err := p.rename(loginpage.FileOf(key, loginpage.RoleLive), loginpage.FileOf(key, loginpage.RoleRetired)); err != nil {
		return c, err
	}
	return c, p.written(c)
}

// Why what was published is kept aside for a moment: until another page has taken its place.
const (
	publishing  = "publish"
	rollingBack = "rollback"
)

// hidden is a file beside another that nobody takes for a page.
func hidden(name, why string) string {
	return path.Join(path.Dir(name), "."+path.Base(name)+"."+why)
}

// recover ends what was cut off. If the other page had taken its place already, what was published
// before becomes the previous one; else nothing had happened yet.
func (p *Publisher) recover(key loginpage.Key) error {
	name, previous := loginpage.FileOf(key, loginpage.RoleLive), loginpage.FileOf(key, loginpage.RolePrevious)
	for _, why := range []string{publishing, rollingBack} {
		aside := hidden(name, why)
		before, err := p.root.ReadFile(aside)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		happened := false
		if why == rollingBack { // by the rename of the previous page
			_, gone := p.root.Lstat(previous)
			happened = errors.Is(gone, fs.ErrNotExist)
		} else if now, there := p.root.ReadFile(name); err == nil && there == nil {
			happened = !bytes.Equal(now, before)
		}
		switch {
		case err != nil:
		case happened:
			err = p.rename(aside, previous)
		default:
			err = p.root.Remove(aside)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", fileIn(p.root, aside), input.PlainError(err))
		}
	}
	return nil
}

// write puts a file in its place, whole or not at all; see prepare.
func (p *Publisher) write(name string, data []byte, as fs.FileInfo, owned bool) error {
	temp, err := p.prepare(name, data, as, owned)
	if err != nil {
		return err
	}
	return p.rename(temp, name)
}

// prepare writes what is to be a file, to the disk and beside its place. Who could read the other
// file can read it, a server of another user among them: it has that file's mode, and, if owned,
// its owner and group.
func (p *Publisher) prepare(name string, data []byte, as fs.FileInfo, owned bool) (temp string, err error) {
	temp = hidden(name, "new")
	f, err := p.root.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, as.Mode().Perm())
	if err != nil {
		return "", fmt.Errorf("%s: %w", fileIn(p.root, name), input.PlainError(err))
	}
	if owned {
		err = own(f, as)
	}
	if err == nil {
		_, err = f.Write(data)
	}
	// The process' mask, or another owner, may have taken rights away that the file had.
	err = errors.Join(err, f.Chmod(as.Mode().Perm()), f.Sync(), f.Close())
	if err != nil {
		return "", errors.Join(fmt.Errorf("%s: %w", fileIn(p.root, name), err), p.root.Remove(temp))
	}
	return temp, nil
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

// written adds a change to the history: a whole line, or nothing to which the next one would be added.
func (p *Publisher) written(c Change) error {
	line, err := json.Marshal(c)
	if err == nil {
		err = p.remember(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("done, but the history does not know: %w", err)
	}
	return nil
}

func (p *Publisher) remember(line []byte) error {
	before, err := p.history.Stat()
	if err != nil {
		return err
	}
	if _, err := p.history.Write(line); err != nil {
		return errors.Join(err, p.history.Truncate(before.Size()))
	}
	return p.history.Sync()
}
