// Command generate writes what the program carries from what it is made of: static/files, what
// browsers get, from static/src, what people read; and package identifier's tables of telephone
// numbers, from libphonenumber's data, and of the names of countries, from CLDR's. It also mends what
// templ has generated of package views. `make generate` runs both.
//
// Each file of static is minified, and stands there three times: as it is, as NAME.gz and as
// NAME.br, so that a server need not compress anything when it starts. The same sources give the
// same bytes on every machine, as the compressors are those of go.mod and not that of the Go
// release.
//
// The style sheets name no colour of the default theme: they get them from package theme, the one place
// where they stand.
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
	"golang.org/x/text/language"

	"tcb-login/theme"
)

func main() {
	in, err := languages("i18n/locales")
	if err == nil {
		err = run("static/src", "static/files", in)
	}
	if err == nil {
		err = write("identifier/plans.go", phonePlans)
	}
	if err == nil {
		err = write("identifier/names.go", func() ([]byte, error) { return countryNames(in) })
	}
	if err == nil {
		err = write("docs/settings.md", func() ([]byte, error) { return settingsReference(settingsFolder) })
	}
	if err == nil {
		err = write(settingsFolder+"/settings.schema.json", func() ([]byte, error) { return settingsSchema(settingsFolder) })
	}
	if err == nil {
		err = lighten("views")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func write(name string, source func() ([]byte, error)) error {
	data, err := source()
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// run makes the files of a folder, which nothing else is left in, from the sources in another one, and
// the lists of countries.
func run(from, to string, in []language.Tag) error {
	sources, err := filepath.Glob(filepath.Join(from, "*.*"))
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return fmt.Errorf("there is nothing in %s: make generate runs this in the right folder", from)
	}
	made := map[string][]byte{}
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		name := filepath.Base(source)
		plain, err := sent(name, string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
		if err := encode(made, name, plain); err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
	}
	for name, parts := range bundles {
		plain, err := bundle(from, name, parts)
		if err == nil {
			err = encode(made, name, plain)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, tag := range in {
		name := "countries." + tag.String() + ".json"
		plain, err := countryFile(tag)
		if err == nil {
			err = encode(made, name, plain)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for name, body := range made {
		if err := os.WriteFile(filepath.Join(to, name), body, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bundles are files of several sources: one is fetched sooner. Public pages have app.css. Those of the
// portal have portal.css, but for the overview and the page before it, which have overview.css and so
// are seen sooner. The order is the cascade's, and the same in all.
var bundles = map[string][]string{
	"app.css":      {"base.css", "forms.css"},
	"overview.css": {"base.css", "account.css"},
	"portal.css":   {"base.css", "forms.css", "account.css", "account-forms.css"},
	"portal.js":    {"app.js", "account.js"},
}

// bundle puts sources into one file. Each script keeps its names to itself.
func bundle(from, name string, parts []string) ([]byte, error) {
	var all []byte
	for _, part := range parts {
		text, err := os.ReadFile(filepath.Join(from, part))
		if err != nil {
			return nil, err
		}
		source := string(text)
		if filepath.Ext(part) == ".js" {
			source = "{\n" + source + "}\n"
		}
		plain, err := sent(part, source)
		if err != nil {
			return nil, err
		}
		all = append(all, plain...)
	}
	return all, nil
}

// sent is a source as it is sent.
func sent(name, source string) ([]byte, error) {
	colors := string(theme.Default().Stylesheet(""))
	switch name {
	case "base.css":
		source = colors + source
	case "preview.css":
		light, _, _ := strings.Cut(colors, "@media")
		var err error
		if source, err = inline(light + source); err != nil {
			return nil, err
		}
	}
	minifier := minify.New()
	minifier.Add(".css", &css.Minifier{})
	minifier.Add(".js", &js.Minifier{Version: 2018})
	return minifier.Bytes(filepath.Ext(name), []byte(source))
}

var (
	customProperty = regexp.MustCompile(`--([a-z0-9-]+):\s*([^;{}]+)[;}]`)
	use            = regexp.MustCompile(`var\(--([a-z0-9-]+)\)`)
)

// inline writes the values of custom properties where they are used. It is for a sheet in which each
// has one value only, and saves the definitions.
func inline(sheet string) (string, error) {
	values := map[string]string{}
	for _, m := range customProperty.FindAllStringSubmatch(sheet, -1) {
		values[m[1]] = m[2]
	}
	var unknown error
	sheet = customProperty.ReplaceAllStringFunc(sheet, func(definition string) string {
		if strings.HasSuffix(definition, "}") { // the last one of a rule
			return "}"
		}
		return ""
	})
	sheet = use.ReplaceAllStringFunc(sheet, func(u string) string {
		value, ok := values[use.FindStringSubmatch(u)[1]]
		if !ok {
			unknown = cmp.Or(unknown, fmt.Errorf("%s is not defined", u))
		}
		return value
	})
	return sheet, unknown
}

// encode adds a file in all encodings that are smaller than it.
func encode(made map[string][]byte, name string, plain []byte) error {
	made[name] = plain
	encodings := map[string]func(io.Writer) (io.WriteCloser, error){
		".gz": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestCompression) },
		".br": func(w io.Writer) (io.WriteCloser, error) {
			return brotli.NewWriterLevel(w, brotli.BestCompression), nil
		},
	}
	for ending, open := range encodings {
		var out bytes.Buffer
		w, err := open(&out)
		if err != nil {
			return err
		}
		if _, err := w.Write(plain); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		if out.Len() < len(plain) {
			made[name+ending] = out.Bytes()
		}
	}
	return nil
}
