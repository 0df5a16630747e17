package main

import "runtime/debug"

// version is set by the release build (-ldflags -X main.version=…).
var version = ""

// buildVersion is that of the release, or else what the go command knows of the commit.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
