#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME, one after the other. The default is a
# number of inputs: `go test` may take its own deadline for a failure when a
# target is busy as the time runs out.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rlE --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do
	grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | sed 's/^func //' | while read -r target; do
		echo "$target in $(dirname "$file")"
		go test -run '^$' -fuzz "^${target}\$" -fuzztime "${FUZZTIME:-10000x}" -fuzzminimizetime 10x "$(dirname "$file")"
	done
done
