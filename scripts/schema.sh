#!/usr/bin/env bash
# Validates every EMIS and GP2GP message the tests write. The schemas are the
# suppliers' and the NHS's and are not shipped: name their folder in
# LINKSPAN_SCHEMAS, or keep it at ../shared/schemas.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/.."
schemas=${LINKSPAN_SCHEMAS:-../shared/schemas}
command -v xmllint >/dev/null || { echo "xmllint is missing (Debian: libxml2-utils)"; exit 1; }
[ -d "$schemas" ] || { echo "no schemas at $schemas"; exit 1; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
LINKSPAN_WRITE_MESSAGES="$out" go test -count=1 ./pairs/ -run 'TestGoldens|TestReal|TestPatients'
LINKSPAN_WRITE_MESSAGES="$out" go test -count=1 ./pairs/guru/internal/ehrextract/
# check ROOT SCHEMA validates the documents of one root element; there must be some.
check() {
	local count=0 file
	[ -f "$schemas/$2" ] || { echo "$1: no schema $schemas/$2, not checked"; return; }
	for file in "$out"/*."$1".xml; do
		xmllint --noout --nonet --schema "$schemas/$2" "$file" 2>"$out/err" || { head -5 "$out/err"; exit 1; }
		count=$((count + 1))
	done
	[ "$count" -gt 0 ] || { echo "$1: no message was written"; exit 1; }
	echo "$count messages $1 are valid"
}
check openHealthRecord openhr/OpenHR001.xsd
check MedicalRecord medicalrecord/EomMedicalRecord38.xsd
check RCMR_IN030000UK06 gp2gp/schema/RCMR_IN030000UK06.xsd
