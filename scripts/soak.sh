#!/usr/bin/env bash
# The long forms of the tests that have one (those that read LINKSPAN_SOAK),
# package by package, with the figures they print. The packages that talk over
# sockets run under the race detector. Each package has its own bound of time.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${SOAKMINUTES:-60}
grep -rlE --include='*_test.go' 'LINKSPAN_SOAK' . | xargs -n1 dirname | sort -u | while read -r folder; do
	tests=$(grep -lE 'LINKSPAN_SOAK|\b(soak|sized)\(' "$folder"/*_test.go | xargs grep -hoE '^func Test[A-Za-z0-9_]*' | sed 's/^func //' | paste -sd'|')
	race=()
	case $folder in ./bridge*) race=(-race) ;; esac
	echo "== $folder"
	LINKSPAN_SOAK=1 "${GO:-go}" test "${race[@]}" -count=1 -timeout "${minutes}m" -v -run "^($tests)\$" "$folder" |
		grep -E '^(---|===? FAIL|\s+\S+_test\.go:|ok|FAIL|panic)' || { echo "failed: $folder"; exit 1; }
done
