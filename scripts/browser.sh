#!/usr/bin/env bash
# The page of `linkspan translate --view`, made from a synthetic patient, and the
# operations page of a demonstration, opened in the system's Chromium. Needs node,
# npm and chromium; CHROMIUM names another binary. Pictures stay in the folder LINKSPAN_PICTURES names.
set -euo pipefail
cd "$(dirname "$0")/.."

export CHROMIUM=${CHROMIUM:-$(command -v chromium || true)}
for needed in node npm "${CHROMIUM:-chromium}"; do
	command -v "$needed" >/dev/null || { echo "scripts/browser.sh: $needed is not installed" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${GO:-go}" build -trimpath -o "$work/linkspan" ./cmd/linkspan
(cd scripts/browser && npm ci --silent)
node scripts/browser/view.mjs "$work/linkspan" testdata "$work"
node scripts/browser/page.mjs "$work/linkspan" "$work"
