#!/usr/bin/env bash
# Everything the browser tests need and Go modules do not bring: Chromium, nginx and Caddy (from apt), the
# npm packages of package-lock.json, the driver folder playwright-go looks for, and the official SDK and
# an OAuth client bundled for the browser. Running it again is cheap: each step looks first. `setup.sh fonts` adds
# Chinese fonts, for screenshots, and `setup.sh engines` Firefox and WebKit, for "make test-all".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

die() {
	printf 'e2e/setup.sh: %s\n' "$*" >&2
	exit 1
}

# apt_get runs apt-get as root. Another apt on this machine may hold the lock for a while; waiting beats
# failing.
apt_get() {
	command -v apt-get >/dev/null || die "there is no apt-get here: install Chromium by hand (CHROMIUM=/path/to/chromium names it)."
	local as=()
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "apt-get needs root or sudo."
		as=(sudo)
	fi
	"${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq "$@"
}
apt_install() { apt_get -y --no-install-recommends install "$@" >/dev/null; }

# The headless shell is Chromium without the windows that it draws for nobody, which makes the tests
# twice as fast. Distributions that do not have it have the whole of Chromium.
shell=/usr/bin/chromium-headless-shell whole=/usr/bin/chromium
in_apt() { apt-cache show chromium-headless-shell >/dev/null 2>&1; }
if [ -n "${CHROMIUM:-}" ]; then
	[ -x "$CHROMIUM" ] || die "CHROMIUM names $CHROMIUM, which is not there."
elif [ ! -x "$shell" ] && { [ ! -x "$whole" ] || in_apt; }; then
	apt_get update
	if in_apt; then
		echo "installing chromium-headless-shell"
		apt_install chromium-headless-shell
	else
		echo "installing chromium"
		apt_install chromium
	fi
	[ -x "$shell" ] || [ -x "$whole" ] || die "apt-get installed chromium, but not as $whole: name it with CHROMIUM."
fi
if [ "${1:-}" = fonts ] && ! fc-list :lang=zh-cn 2>/dev/null | grep -q .; then
	echo "installing Chinese fonts"
	apt_get update
	apt_install fontconfig fonts-noto-cjk
fi
if [ "${1:-}" = engines ] && ! { command -v firefox-esr && command -v WebKitWebDriver && command -v Xvfb; } >/dev/null; then
	echo "installing Firefox and WebKit"
	apt_get update
	apt_install firefox-esr webkit2gtk-driver xvfb
fi

# Proxies are unpacked alone: a package that is installed would start one on port 80. unpack NAME PATH
# leaves a program at build/NAME/PATH, unless there is one, or a variable names it.
unpack() {
	local variable=${1^^}
	if [ -n "${!variable:-}" ]; then
		[ -x "${!variable}" ] || die "$variable names ${!variable}, which is not there."
	elif ! command -v "$1" >/dev/null && [ ! -x "/$2" ] && [ ! -x "build/$1/$2" ]; then
		command -v apt-get >/dev/null || die "there is no apt-get here: install $1 by hand ($variable=/path/to/$1 names it)."
		echo "unpacking $1"
		apt-cache show "$1" >/dev/null 2>&1 || apt_get update
		mkdir -p "build/$1"
		(cd "build/$1" && apt-get -qq download "$1" && dpkg -x "$1"_*.deb . && rm "$1"_*.deb)
		[ -x "build/$1/$2" ] || die "the package $1 has no $2: name one with $variable."
	fi
}
unpack nginx usr/sbin/nginx
unpack caddy usr/bin/caddy

# Redis is what the tests of the shared store use too.
if [ -x ../limit/redistest/setup.sh ]; then ../limit/redistest/setup.sh; fi

command -v curl >/dev/null || { apt_get update; apt_install curl; } # for what docs/code-flow.md has people type

command -v node >/dev/null || die "node is needed (20.19 or newer): install it, for example with apt-get install nodejs npm."
command -v npm >/dev/null || die "npm is needed: install it, for example with apt-get install npm."

# The example apps, which a test runs as their reader does.
if [ -x ../scripts/examples.sh ]; then ../scripts/examples.sh install; fi

mkdir -p build/driver
want=$(cat package.json package-lock.json setup.sh | sha256sum | cut -d' ' -f1)-$(node --version)-$(uname -m)
if [ "$(cat build/stamp 2>/dev/null)" != "$want" ] || [ ! -d node_modules/playwright-core ]; then
	echo "installing npm packages"
	rm -f build/stamp
	npm ci --loglevel=error >/dev/null
fi

# playwright-go looks for DIR/package/cli.js and takes node from PLAYWRIGHT_NODEJS_PATH.
ln -sfn ../../node_modules/playwright-core build/driver/package

# bundle NAME LINE writes build/NAME.js of an entry that imports the package. The package's own code is
# not touched: this is what an app's bundler does with it.
bundle() {
	if [ "$(cat build/stamp 2>/dev/null)" != "$want" ] || [ ! -s "build/$1.js" ]; then
		echo "bundling $1"
		printf '%s\n' "$2" |
			node_modules/.bin/esbuild --bundle --format=iife --define:process.env.IS_MP_BUILD=false \
				--sourcefile=app.js --log-level=error --outfile="build/$1.js"
	fi
}
for sdk in sdk2 sdk3; do
	bundle "$sdk" "import cloudbase from \"$sdk\"; window.cloudbase = cloudbase;"
done
bundle oauth4webapi 'import * as oauth from "oauth4webapi"; window.oauth = oauth;'
printf '%s\n' "$want" >build/stamp
