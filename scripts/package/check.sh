#!/usr/bin/env bash
# The package's tests with every tool they use, and two builds of which the
# second starts from nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
missing=()
command -v dpkg-deb >/dev/null || missing+=(dpkg)
command -v systemd-analyze >/dev/null || missing+=(systemd)
command -v mandoc >/dev/null || missing+=(mandoc)
command -v groff >/dev/null || missing+=(groff-base)
if [ ${#missing[@]} -gt 0 ]; then
	apt-get update -qq
	apt-get install -y -qq "${missing[@]}" >/dev/null
fi
go test -timeout 30m ./scripts/package

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go run ./scripts/package build "$work/here"
mkdir "$work/elsewhere" "$work/cache"
git ls-files -co --exclude-standard -z | xargs -0 cp --parents -t "$work/elsewhere"
commit=$("$work/here" version | sed -n 's/^commit *//p')
(cd "$work/elsewhere" && COMMIT=$commit GOCACHE="$work/cache" go run ./scripts/package build "$work/there")
cmp "$work/here" "$work/there"
sha256sum "$work/here" | cut -d' ' -f1
