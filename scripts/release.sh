#!/usr/bin/env bash
# Makes a release of what is committed, in dist/VERSION: the program for each platform, a CycloneDX list
# of the modules in each, SHA256SUMS over all of them, and its signature. Everything is built twice, in
# another folder and from an empty cache the second time, and must come out the same to the byte.
#
#   scripts/release.sh VERSION KEY     or: make release VERSION=1.2.3 KEY=~/.ssh/release
#
# KEY is a private key of ssh-keygen's; a public one works too when an agent holds the other half. How to
# verify a release is in SECURITY.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

platforms="linux/amd64 linux/arm64 darwin/amd64 darwin/arm64"
sbom=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@${CYCLONEDX_GOMOD:?is set by make}

die() {
	printf 'release: %s\n' "$*" >&2
	exit 1
}

version=${1:-} key=${2:-}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || die "VERSION: want a version like 1.2.3, found '$version'"
[ -f "$key" ] || die "KEY: want the file of a signing key (ssh-keygen -t ed25519 -f FILE makes one), found '$key'"
[ -z "$(git status --porcelain)" ] || die "there are changes that are not committed"
grep -q "^## \[$version\]" CHANGELOG.md || die "CHANGELOG.md has no section [$version]"

out=dist/$version
rm -rf "$out"
mkdir -p "$out"

# build FOLDER: the program for every platform. Nothing of the machine gets into it: no paths, no cgo, and
# the version by name rather than what git says here.
build() {
	local platform
	for platform in $platforms; do
		CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} go build -trimpath -buildvcs=false \
			-ldflags "-s -w -X main.version=$version" -o "$1/tcb-login-$version-${platform/\//-}" .
	done
}

echo "building $version"
build "$out"

echo "building it again elsewhere"
again=$(mktemp -d)
trap 'chmod -R u+w "$again"; rm -rf "$again"' EXIT
mkdir "$again/source" "$again/out"
git archive HEAD | tar -x -C "$again/source"
(cd "$again/source" && GOCACHE=$again/cache build "$again/out")
diff -r "$out" "$again/out" || die "the two builds differ"

echo "listing modules"
for program in "$out"/tcb-login-*; do
	go run "$sbom" bin -json -std -noserial -version "$version" -output "$program.cdx.json" "$program" 2>/dev/null ||
		die "no list of modules for $program"
done

(cd "$out" && sha256sum tcb-login-* >SHA256SUMS)
ssh-keygen -q -Y sign -n tcb-login -f "$key" "$out/SHA256SUMS"
ssh-keygen -Y check-novalidate -n tcb-login -s "$out/SHA256SUMS.sig" <"$out/SHA256SUMS"
echo "released in $out:"
ls "$out"
