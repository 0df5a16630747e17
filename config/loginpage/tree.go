package loginpage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"tcb-login/config/input"
	"tcb-login/pattern"
)

// A tree holds the login configs of an environment, where TCB keeps them in an environment's static
// hosting (generateCustomLoginConfigPathname in @cloudbase/cli and the low-code builder):
//
//	config_version "env"               __auth/env/login.config.json
//	one whose part before "_" is "v1"  __auth/app/{app_id}/login.config.{config_version}.json
//	any other                          {app_id}/login.config.{config_version}.json
//	none                               {app_id}/login.config.json
//
// Beside each may be three more files of ours, named as the page's with a word before ".json":
//
//	login.config.2.draft.json     what is to be published; people never see it, the preview shows it
//	login.config.2.previous.json  what was published before; nothing but a rollback reads it
//	login.config.2.retired.json   the page as it was when it was taken out of use
//
// So no config_version ends in these words. A page whose file is gone stays for the time being, since
// a disk that is not mounted looks just so; a file that says "retired" is there, and ends the page.

// Bounds of what is looked at in a tree, which may hold the whole site of an app.
const (
	maxTreeEntries = 10_000
	maxTreePages   = 1_000
)

const (
	envConfig = "__auth/env/login.config.json"
	appFolder = "__auth/app"
)

var configName = pattern.New(`^login\.config(?:\.(.+))?\.json$`)

// A Role is what a file beside others of the same page is for; the value is the word in its name.
type Role string

// The roles.
const (
	RoleLive     Role = ""
	RoleDraft    Role = "draft"
	RolePrevious Role = "previous"
	RoleRetired  Role = "retired"
)

// splitName tells what page and role a file's name is for: "2.draft" in login.config.2.draft.json.
func splitName(middle string) (version string, r Role) {
	for _, r := range []Role{RoleDraft, RolePrevious, RoleRetired} {
		if middle == string(r) {
			return "", r
		}
		if version, ok := strings.CutSuffix(middle, "."+string(r)); ok {
			return version, r
		}
	}
	return middle, RoleLive
}

// FileOf is where the file of a page is in a tree. The environment's page is that of no version in
// a folder of its own.
func FileOf(key Key, r Role) string {
	folder, middle := key.App, key.Version
	switch {
	case key.Version == EnvVersion:
		folder, middle = path.Dir(envConfig), ""
	case isAppVersion(key.Version):
		folder = path.Join(appFolder, key.App)
	}
	name := "login.config"
	for _, part := range []string{middle, string(r)} {
		if part != "" {
			name += "." + part
		}
	}
	return path.Join(folder, name+".json")
}

// Limits of what a query can name, in bytes.
const (
	maxAppID   = 64
	maxVersion = 128
)

// isAppVersion reports whether TCB keeps a version under __auth/app.
func isAppVersion(version string) bool {
	first, _, _ := strings.Cut(version, "_")
	return first == "v1"
}

// A treeScan finds the login configs of a tree. Problems are about places and names; nothing is
// read.
type treeScan struct {
	root     *os.Root
	env      string
	configs  map[Key]string // their paths in the tree; drafts are among them
	retired  map[Key]bool   // pages that were taken out of use
	entries  int            // seen so far
	most     int            // that are looked at
	problems input.Problems
}

func (s *treeScan) add(sev input.Severity, name, format string, args ...any) {
	s.problems = append(s.problems, input.Problem{
		File: treeFile(s.root, name), Severity: sev, Message: fmt.Sprintf(format, args...),
	})
}

// treeFile is a file of a tree as operators find it.
func treeFile(root *os.Root, name string) string { return path.Join(root.Name(), name) }

// scanTree looks for login configs. It fails when the tree itself cannot be read, or has more than
// most files in the folders that may hold one.
func scanTree(root *os.Root, env string, most int) (*treeScan, error) {
	s := &treeScan{root: root, env: env, configs: map[Key]string{}, retired: map[Key]bool{}, most: most}
	top, err := s.dir(".")
	if err != nil {
		return nil, err
	}
	s.ofEnvironment()
	apps, err := s.dir(appFolder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.cannotList(input.SeverityError, appFolder, err)
	}
	for _, e := range apps {
		s.app(path.Join(appFolder, e.Name()), e, true)
	}
	for _, e := range top {
		if e.Name() != "__auth" {
			s.app(e.Name(), e, false)
		}
	}
	if s.entries > s.most {
		return nil, fmt.Errorf("more than %d files: want a folder that holds login configs and their files alone", s.most)
	}
	return s, nil
}

// ofEnvironment looks for the environment's own page.
func (s *treeScan) ofEnvironment() {
	key := Key{Env: s.env, Version: EnvVersion}
	for _, r := range []Role{RoleLive, RoleDraft, RoleRetired} {
		// Lstat, so that a link that leads nowhere is a page that cannot be read, not one that is not
		// there.
		switch _, err := s.root.Lstat(FileOf(key, r)); {
		case err == nil:
			s.found(key, r, FileOf(key, r))
		case !errors.Is(err, fs.ErrNotExist) && r == RoleLive:
			s.cannotList(input.SeverityError, path.Dir(envConfig), err)
		}
	}
}

// found notes a file of a page.
func (s *treeScan) found(key Key, r Role, name string) {
	switch r {
	case RoleLive:
		s.configs[key] = name
	case RoleDraft:
		key.Draft = true
		s.configs[key] = name
	case RoleRetired:
		s.retired[key] = true
	}
}

// missing says what is not in the tree and is not served from before either: kept pages are, and
// own is whether the environment's page is there one way or the other.
func (s *treeScan) missing(kept int, own bool) {
	live := 0
	for key := range s.configs {
		if !key.Draft {
			live++
		}
	}
	switch {
	case live+kept == 0 && !s.problems.HasErrors():
		s.add(input.SeverityError, ".", "no login config in this folder: the environment's is %s", envConfig)
	case !own:
		s.add(input.SeverityWarning, ".", "no %s: the environment has no page of its own", envConfig)
	}
}

func (s *treeScan) cannotList(sev input.Severity, name string, err error) {
	s.add(sev, name, "cannot be read: %v", input.PlainError(err))
}

// dir lists a folder without what is hidden: .git, and the ..data of Kubernetes' config maps. Once
// there were too many files it finds none.
func (s *treeScan) dir(name string) ([]fs.DirEntry, error) {
	if s.entries > s.most {
		return nil, nil
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(s.most + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	s.entries += len(entries)
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") })
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// app looks into the folder of an app. Own is true under __auth/app.
func (s *treeScan) app(name string, e fs.DirEntry, own bool) {
	switch {
	case e.Type()&fs.ModeSymlink != 0:
		info, err := s.root.Stat(name)
		if err != nil {
			s.add(input.SeverityWarning, name, "passed over: %v", input.PlainError(err))
			return
		}
		if !info.IsDir() {
			return
		}
	case !e.IsDir():
		return
	}
	entries, err := s.dir(name)
	if err != nil {
		s.cannotList(input.SeverityWarning, name, err)
		return
	}
	for _, e := range entries {
		m := configName.Regexp().FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		middle, r := splitName(m[1])
		key := Key{Env: s.env, App: path.Base(name), Version: middle}
		file := path.Join(name, e.Name())
		app, version := checkPageID(key.App, maxAppID), ""
		if middle != "" {
			version = checkPageID(key.Version, maxVersion)
		}
		switch {
		case app != "":
			s.add(input.SeverityError, file, "the folder's name is the app_id: %s", app)
		case version != "":
			s.add(input.SeverityError, file, "the file's name holds the config_version: %s", version)
		case key.Version == EnvVersion:
			s.add(input.SeverityWarning, file, "never used: config_version %q is %s", EnvVersion, envConfig)
		case own && !isAppVersion(key.Version):
			s.add(input.SeverityWarning, file, "never used: here are versions that begin with v1_; this one belongs into %s", key.App)
		case !own && isAppVersion(key.Version):
			s.add(input.SeverityWarning, file, "never used: versions that begin with v1_ belong into %s/%s", appFolder, key.App)
		case len(s.configs) >= maxTreePages:
			s.add(input.SeverityError, file, "left out: more than %d login configs", maxTreePages)
			return
		default:
			s.found(key, r, file)
		}
	}
}

func checkPageID(s string, limit int) string {
	if len(s) > limit || !input.IsID(s) {
		return fmt.Sprintf("want letters, digits, - and _, with single dots between, at most %d, found %s", limit, input.Quote(s))
	}
	return ""
}

// A treeReader reads files of a tree, notes which, so that a change to any of them is seen, and
// sums up what it read. os.Root keeps it in the tree, whatever links there are.
type treeReader struct {
	root  *os.Root
	files map[string]fs.FileInfo // as they were before they were read; nil: not there
	hash  hash.Hash
}

func newTreeReader(root *os.Root) *treeReader {
	return &treeReader{root: root, files: map[string]fs.FileInfo{}, hash: sha256.New()}
}

// read reads a plain file of at most limit bytes. Its errors do not repeat the path.
func (t *treeReader) read(name string, limit int64) ([]byte, error) {
	data, err := t.readPlain(name, limit)
	if err != nil {
		err = input.PlainError(err)
		fmt.Fprintf(t.hash, "%q: %v\n", name, err)
		return nil, err
	}
	fmt.Fprintf(t.hash, "%q %d\n", name, len(data))
	t.hash.Write(data)
	return data, nil
}

func (t *treeReader) readPlain(name string, limit int64) ([]byte, error) {
	info, err := t.root.Stat(name)
	t.files[name] = info
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would keep us waiting
		return nil, errors.New("not a regular file")
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("larger than %d bytes", limit)
	}
	f, err := t.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return input.ReadLimited(f, limit)
}

// sum is a hash of all that was read so far, as hexadecimal digits.
func (t *treeReader) sum() string { return hex.EncodeToString(t.hash.Sum(nil)[:16]) }

// unchanged reports whether all files are what they were, as far as can be told without reading
// them.
func unchanged(root *os.Root, files map[string]fs.FileInfo) bool {
	for name, before := range files {
		now, err := root.Stat(name)
		if err != nil || before == nil {
			if err != nil && before == nil {
				continue
			}
			return false
		}
		// A file that was replaced may have the size and time of the one before.
		if !os.SameFile(before, now) || before.Size() != now.Size() || !before.ModTime().Equal(now.ModTime()) {
			return false
		}
	}
	return true
}
