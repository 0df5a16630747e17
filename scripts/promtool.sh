#!/usr/bin/env bash
# Unpacks promtool, which judges the alerts, into e2e/build: 19 MB to fetch by apt, and nothing is installed.
# Without apt it says so; the tests then look at the alerts' structure alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -n "${PROMTOOL:-}" ] || command -v promtool >/dev/null || [ -x e2e/build/promtool ]; then exit 0; fi
if ! command -v apt-get >/dev/null; then
	echo "there is no promtool and no apt-get here: the alerts will not be tried (PROMTOOL=/path/to/promtool names one)" >&2
	exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
apt-cache show prometheus >/dev/null 2>&1 || apt-get -qq update || true
if ! (cd "$folder" && apt-get -qq download prometheus 2>/dev/null && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool >promtool); then
	echo "apt has no prometheus here: the alerts will not be tried" >&2
	exit 0
fi
chmod +x "$folder/promtool"
mkdir -p e2e/build
mv "$folder/promtool" e2e/build/promtool
