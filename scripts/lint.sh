#!/usr/bin/env bash
# Formatting, vet, staticcheck.
set -euo pipefail
cd "$(dirname "$0")/.."
unformatted=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
	echo "not gofmt'd:" "$unformatted"
	exit 1
fi
go vet ./...
go tool staticcheck ./...
