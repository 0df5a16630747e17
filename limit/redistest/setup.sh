#!/usr/bin/env bash
# A redis-server for the tests, where the machine has none: unpacked from apt into build/, not
# installed, since a package that is installed would start one on its port. Running it again is cheap.
# Where there is no apt, install Redis or Valkey by hand; REDIS_SERVER names one that is not on the PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

die() {
	printf 'limit/redistest/setup.sh: %s\n' "$*" >&2
	exit 1
}

if [ -n "${REDIS_SERVER:-}" ]; then
	[ -x "$REDIS_SERVER" ] || die "REDIS_SERVER names $REDIS_SERVER, which is not there."
	exit 0
fi
if command -v redis-server >/dev/null || command -v valkey-server >/dev/null || [ -x build/redis-server ]; then
	exit 0
fi

command -v apt-get >/dev/null || die "there is no apt-get here: install Redis or Valkey by hand (REDIS_SERVER=/path/to/redis-server names it)."
echo "unpacking redis-server"
if ! apt-cache show redis-server >/dev/null 2>&1; then
	as=()
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "apt-get update needs root or sudo."
		as=(sudo)
	fi
	"${as[@]}" apt-get -o DPkg::Lock::Timeout=600 -qq update
fi
rm -rf build
mkdir -p build
(
	cd build
	# The program is in redis-tools under another name; what it is linked with comes along, but for
	# the C library, which is the machine's.
	mapfile -t libraries < <(apt-cache depends redis-tools | awk '$1 == "Depends:" && $2 ~ /^lib/ && $2 != "libc6" { print $2 }')
	apt-get -qq download redis-server redis-tools "${libraries[@]}" 2>/dev/null
	for package in *.deb; do dpkg -x "$package" .; done
	rm -- *.deb
)
cat >build/redis-server <<'WRAPPER'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH=$(ls -d "$here"/usr/lib/*-linux-gnu*):${LD_LIBRARY_PATH:-} exec "$here/usr/bin/redis-server" "$@"
WRAPPER
chmod +x build/redis-server
build/redis-server --version || die "what was unpacked does not run: install Redis or Valkey by hand."
