#!/usr/bin/env bash
# Checks the alert rules of docs/ops and runs their tests, with Debian's promtool:
# the installed one, or one unpacked beside the build without installing a server.
set -euo pipefail
cd "$(dirname "$0")/.."

promtool=$(command -v promtool || true)
if [ -z "$promtool" ]; then
	promtool=$PWD/build/promtool/usr/bin/promtool
	if [ ! -x "$promtool" ]; then
		mkdir -p build/promtool
		(cd build/promtool && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; } && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb)
	fi
fi
"$promtool" check rules docs/ops/linkspan.rules.yaml
cd docs/ops && "$promtool" test rules linkspan.rules.test.yaml
