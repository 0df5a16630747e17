// Package static holds the style sheets and the scripts, embedded, each under a
// name with its content's hash. A name never serves other bytes, so browsers may
// keep a file for ever; HTML is never compressed (secrets beside reflected input),
// these may be. Handlers serve them; nothing here knows about HTTP beyond media
// types.
//
// People read and change the folder src. Browsers get the folder files, which make
// generate writes from it: minified, and compressed in advance.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

//go:embed files
var files embed.FS

// File is one asset in all its encodings. An encoding that saves nothing is nil.
type File struct {
	Hash                string // of Plain, in hex
	Type                string // media type
	Plain, Gzip, Brotli []byte
}

// Files are all assets. They do not change: safe for concurrent use.
type Files struct {
	all map[string]func() *named // by their own names, as app.css
}

// A named file is read and hashed when it is first asked for: hashing all of them is a hundredth of a
// start, and most of them are not asked for then.
type named struct {
	*File
	name string // as app.0123456789ab.css
}

// What the names of compressed files end with, beside those of the plain ones.
const (
	gzipEnding   = ".gz"
	brotliEnding = ".br"
)

var mediaTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
}

// Load finds the embedded files.
func Load() (*Files, error) {
	entries, err := files.ReadDir("files")
	if err != nil {
		return nil, fmt.Errorf("static: %w", err)
	}
	f := &Files{all: map[string]func() *named{}}
	for _, e := range entries {
		name, ext := e.Name(), path.Ext(e.Name())
		if ext == gzipEnding || ext == brotliEnding {
			continue // read along with what it encodes
		}
		if mediaTypes[ext] == "" {
			return nil, noMediaType(name)
		}
		f.all[name] = sync.OnceValue(func() *named {
			file, err := load(name)
			if err != nil {
				panic(err) // it is in the program, and of a type that is known
			}
			return &named{file, strings.TrimSuffix(name, ext) + "." + file.Hash + ext}
		})
	}
	return f, nil
}

// load reads an embedded file and what it is compressed to.
func load(name string) (*File, error) {
	read := func(ending string) ([]byte, error) {
		body, err := files.ReadFile("files/" + name + ending)
		if ending != "" && errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return body, err
	}
	plain, plainErr := read("")
	gz, gzErr := read(gzipEnding)
	br, brErr := read(brotliEnding)
	if err := errors.Join(plainErr, gzErr, brErr); err != nil {
		return nil, fmt.Errorf("static: %w", err)
	}
	file, err := newFile(name, plain)
	if err != nil {
		return nil, err
	}
	file.Gzip, file.Brotli = gz, br
	return file, nil
}

// NewFile hashes and compresses a file that is not embedded, of a type that its
// name's ending tells.
func NewFile(name string, body []byte) (*File, error) {
	file, err := newFile(name, body)
	if err != nil {
		return nil, err
	}
	if err := file.compress(); err != nil {
		return nil, fmt.Errorf("static: %s: %w", name, err)
	}
	return file, nil
}

func newFile(name string, plain []byte) (*File, error) {
	mediaType, ok := mediaTypes[path.Ext(name)]
	if !ok {
		return nil, noMediaType(name)
	}
	return &File{Hash: HashOf(plain), Type: mediaType, Plain: plain}, nil
}

func noMediaType(name string) error { return fmt.Errorf("static: no media type for %s", name) }

// HashOf is the Hash of a file that these parts make.
func HashOf(parts ...[]byte) string {
	sum := sha256.New()
	for _, part := range parts {
		sum.Write(part)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

func (f *File) compress() error {
	var gz, br bytes.Buffer
	zw, err := gzip.NewWriterLevel(&gz, gzip.BestCompression)
	if err != nil {
		return err
	}
	// No window larger than the files: a large one costs tens of megabytes.
	bw := brotli.NewWriterOptions(&br, brotli.WriterOptions{Quality: 9, LGWin: 16})
	for out, w := range map[*bytes.Buffer]io.WriteCloser{&gz: zw, &br: bw} {
		if _, err := w.Write(f.Plain); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		if out.Len() >= len(f.Plain) {
			out.Reset()
		}
	}
	if gz.Len() > 0 {
		f.Gzip = gz.Bytes()
	}
	if br.Len() > 0 {
		f.Brotli = br.Bytes()
	}
	return nil
}

// Name is the hashed name of a file, as app.css; empty when there is none.
func (f *Files) Name(file string) string {
	if read := f.all[file]; read != nil {
		return read().name
	}
	return ""
}

// Lookup finds a file by its hashed name.
func (f *Files) Lookup(name string) (*File, bool) {
	ext := path.Ext(name)
	base := strings.TrimSuffix(name, ext)
	read := f.all[strings.TrimSuffix(base, path.Ext(base))+ext]
	if read == nil {
		return nil, false
	}
	if file := read(); file.name == name {
		return file.File, true
	}
	return nil, false
}
