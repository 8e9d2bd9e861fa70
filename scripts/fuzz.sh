#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME (default 5s), one after the other.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rlE --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do
	grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | sed 's/^func //' | while read -r target; do
		echo "$target in $(dirname "$file")"
		go test -run '^$' -fuzz "^${target}\$" -fuzztime "${FUZZTIME:-5s}" -fuzzminimizetime 10x "$(dirname "$file")"
	done
done
