#!/usr/bin/env bash
# Everything the browser tests need and Go modules do not bring: Chromium (from apt), the npm packages of
# package-lock.json, the driver folder playwright-go looks for, and the official SDK bundled for the browser.
# Running it again is cheap: each step looks first. `setup.sh fonts` adds Chinese fonts, for screenshots.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

chromium=${CHROMIUM:-/usr/bin/chromium}

die() {
	printf 'e2e/setup.sh: %s\n' "$*" >&2
	exit 1
}

apt_install() {
	command -v apt-get >/dev/null || die "$* is needed and there is no apt-get here: install it by hand (CHROMIUM=/path/to/chromium names a browser elsewhere)."
	local as=()
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "installing $* needs root or sudo."
		as=(sudo)
	fi
	# Another apt on this machine may hold the lock for a while; waiting beats failing.
	"${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq update
	"${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq -y --no-install-recommends install "$@" >/dev/null
}

if [ ! -x "$chromium" ]; then
	[ -z "${CHROMIUM:-}" ] || die "CHROMIUM names $chromium, which is not there."
	echo "installing chromium"
	apt_install chromium
	[ -x "$chromium" ] || die "apt-get installed chromium, but not as $chromium: name it with CHROMIUM."
fi
if [ "${1:-}" = fonts ] && ! fc-list :lang=zh-cn 2>/dev/null | grep -q .; then
	echo "installing Chinese fonts"
	apt_install fontconfig fonts-noto-cjk
fi

command -v node >/dev/null || die "node is needed (18 or newer): install it, for example with apt-get install nodejs npm."
command -v npm >/dev/null || die "npm is needed: install it, for example with apt-get install npm."

mkdir -p build/driver
want=$(cat package.json package-lock.json setup.sh | sha256sum | cut -d' ' -f1)-$(node --version)-$(uname -m)
if [ "$(cat build/stamp 2>/dev/null)" != "$want" ] || [ ! -d node_modules/playwright-core ]; then
	echo "installing npm packages"
	rm -f build/stamp
	npm ci --loglevel=error >/dev/null
fi

# playwright-go looks for DIR/package/cli.js and takes node from PLAYWRIGHT_NODEJS_PATH.
ln -sfn ../../node_modules/playwright-core build/driver/package

for sdk in sdk2 sdk3; do
	if [ "$(cat build/stamp 2>/dev/null)" != "$want" ] || [ ! -s "build/$sdk.js" ]; then
		echo "bundling $sdk"
		# The SDK's own code is not touched: this is what an app's bundler does with it.
		printf 'import cloudbase from "%s";\nwindow.cloudbase = cloudbase;\n' "$sdk" |
			node_modules/.bin/esbuild --bundle --format=iife --define:process.env.IS_MP_BUILD=false \
				--sourcefile=app.js --log-level=error --outfile="build/$sdk.js"
	fi
done
printf '%s\n' "$want" >build/stamp
