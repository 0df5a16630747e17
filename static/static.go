// Package static holds the stylesheet and the scripts, embedded, each under a
// name with its content's hash and compressed in advance. A name never serves
// other bytes, so browsers may keep a file for ever; HTML is never compressed
// (secrets beside reflected input), these may be. Handlers serve them; nothing
// here knows about HTTP beyond media types.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"

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
	names  map[string]string // app.css → app.0123456789ab.css
	hashed map[string]*File
}

var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
}

// Load reads, hashes and compresses the embedded files.
func Load() (*Files, error) {
	entries, err := files.ReadDir("files")
	if err != nil {
		return nil, fmt.Errorf("static: %w", err)
	}
	f := &Files{names: map[string]string{}, hashed: map[string]*File{}}
	for _, e := range entries {
		body, err := files.ReadFile("files/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("static: %w", err)
		}
		ext := path.Ext(e.Name())
		file, err := NewFile(e.Name(), body)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(e.Name(), ext) + "." + file.Hash + ext
		f.names[e.Name()] = name
		f.hashed[name] = file
	}
	return f, nil
}

// NewFile hashes and compresses a file that is not embedded, of a type that its
// name's ending tells.
func NewFile(name string, body []byte) (*File, error) {
	sum := sha256.Sum256(body)
	file := &File{Hash: hex.EncodeToString(sum[:6]), Type: mediaTypes[path.Ext(name)], Plain: body}
	if file.Type == "" {
		return nil, fmt.Errorf("static: no media type for %s", name)
	}
	if err := file.compress(); err != nil {
		return nil, fmt.Errorf("static: %s: %w", name, err)
	}
	return file, nil
}

func (f *File) compress() error {
	var gz, br bytes.Buffer
	zw, err := gzip.NewWriterLevel(&gz, gzip.BestCompression)
	if err != nil {
		return err
	}
	// No window larger than the files: a large one costs tens of megabytes at start.
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
func (f *Files) Name(file string) string { return f.names[file] }

// Lookup finds a file by its hashed name.
func (f *Files) Lookup(name string) (*File, bool) {
	file, ok := f.hashed[name]
	return file, ok
}
