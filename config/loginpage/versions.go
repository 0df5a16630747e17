package loginpage

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"tcb-login/config/input"
	"tcb-login/theme"
)

// What package publish needs to know of pages: how an operator names one, and what a file of it
// holds, be it published or not.

// A Version is a file of a page as it was read.
type Version struct {
	Page     *Page // nil when there are errors among the problems
	Problems input.Problems
	Data     []byte        // of the file
	Colors   [2]theme.Wish // that it names, for the light and the dark scheme
}

// ReadVersion reads a file of a page in a tree.
func ReadVersion(root *os.Root, source Source, cat Catalogue, key Key, r Role) Version {
	p := parseFile(newTreeReader(root), FileOf(key, r), key, source, cat)
	return Version{Page: p.page, Problems: p.problems, Data: p.data, Colors: p.wishes}
}

// InTree lists the pages that are published in a tree, broken ones too, and those that are retired.
func InTree(root *os.Root, env string) (live, retired []Key, err error) {
	scan, err := scanTree(root, env, maxTreeEntries)
	if err != nil {
		return nil, nil, err
	}
	for key := range scan.configs {
		if !key.Draft {
			live = append(live, key)
		}
	}
	for key := range scan.retired {
		retired = append(retired, key)
	}
	return live, retired, nil
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
	if _, r := splitName(version); r != RoleLive {
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
