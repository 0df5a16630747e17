#!/usr/bin/env bash
# Runs the program, and whenever a source changes generates, builds and starts it anew. Arguments go to
# the program. (templ has a watch mode of its own: what it generates is not to be committed, and pages of
# ours refuse the script that it adds to them.)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=$(mktemp -d)
server=

stop() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	[ -z "$server" ] || wait "$server" || true
	server=
}
trap 'stop; rm -rf "$dir"' EXIT
trap 'exit 0' INT TERM

# changed names a source that is newer than the last look, if there is one.
changed() {
	find . \( -path ./.git -o -path ./data -o -path ./dist -o -path ./e2e -o -name testdata \) -prune -o \
		-type f \( -name '*.go' -o -name '*.templ' -o -path './static/src/*' -o -path './i18n/*' -o -path './emulator/*' \) \
		! -name '*_test.go' ! -name '*_templ.go' -newer "$dir/looked" -print -quit
}

while true; do
	touch "$dir/looked"
	# Errors are shown and the program of before goes on, until the next change.
	if { go tool templ generate -lazy && go run ./generate; } >"$dir/log" 2>&1 || { cat "$dir/log"; false; } && go build -o "$dir/tcb-login" .; then
		stop
		"$dir/tcb-login" "$@" &
		server=$!
	fi
	until [ -n "$(changed)" ]; do sleep 0.5; done
	echo "changed: $(changed)"
done
