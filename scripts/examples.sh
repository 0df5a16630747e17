#!/usr/bin/env bash
# The example apps, each at a port of its own, with the login page and the emulator behind them. It ends
# all of them when one ends, or at Ctrl-C. `examples.sh install` only installs what the apps need, which
# is cheap when it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

react=http://localhost:${REACT_PORT:-5173} plain=http://localhost:${PLAIN_PORT:-5174}
login=127.0.0.1:${LOGIN_PORT:-8080} emulator=127.0.0.1:${EMULATOR_PORT:-8081} admin=127.0.0.1:${ADMIN_PORT:-8082}

command -v npm >/dev/null || {
	echo "scripts/examples.sh: node and npm are needed." >&2
	exit 1
}
# install FOLDER installs anew where packages or node have changed.
install() (
	cd "$1"
	want=$(cat package.json package-lock.json | sha256sum)-$(node --version)
	[ "$(cat node_modules/.installed 2>/dev/null)" != "$want" ] || return 0
	echo "installing what $1 needs"
	npm ci --loglevel=error >/dev/null
	npm run --silent --if-present sdk
	printf '%s\n' "$want" >node_modules/.installed
)
install examples/react &
first=$!
install examples/plain
wait "$first"
[ "${1:-}" != install ] || exit 0

for place in REACT_PORT="$react" PLAIN_PORT="$plain" LOGIN_PORT="$login" EMULATOR_PORT="$emulator" ADMIN_PORT="$admin"; do
	port=${place##*:}
	if (: <"/dev/tcp/localhost/$port") 2>/dev/null; then
		echo "scripts/examples.sh: something listens at port $port already: end it, or name another port with ${place%%=*}=…" >&2
		exit 1
	fi
done

dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
trap 'exit 0' INT TERM

program=${PROGRAM:-$dir/tcb-login}
[ -n "${PROGRAM:-}" ] || go build -o "$program" .
"$program" -listen "$login" -emulator-listen "$emulator" -admin-listen "$admin" -data "${DATA:-data}" -origin "$react,$plain" &
(cd examples/react && LOGIN_PAGE=http://$login VITE_CLOUDBASE_EMULATOR=$emulator exec node_modules/.bin/vite --port "${react##*:}") &
(cd examples/plain && LOGIN_PAGE=http://$login EMULATOR=$emulator PORT=${plain##*:} exec node serve.mjs) &
wait -n
