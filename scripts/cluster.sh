#!/usr/bin/env bash
# The profile of docs/deploy/cluster.md on this machine's loopback address: see
# scripts/cluster/main.go.
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./scripts/cluster "$@"
