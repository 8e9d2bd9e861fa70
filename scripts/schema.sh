#!/usr/bin/env bash
# Validates every EMIS message the tests and the demo write. The schemas are
# the supplier's and are not shipped: name their folder in LINKSPAN_SCHEMAS, or
# keep it at ../shared/schemas.
set -euo pipefail
cd "$(dirname "$0")/.."
schemas=${LINKSPAN_SCHEMAS:-../shared/schemas}
command -v xmllint >/dev/null || { echo "xmllint is missing (Debian: libxml2-utils)"; exit 1; }
[ -d "$schemas" ] || { echo "no schemas at $schemas"; exit 1; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
LINKSPAN_WRITE_MESSAGES="$out" go test -count=1 ./pairs/ -run 'TestGoldens|TestRealRecords|TestPatients'
count=0
for file in "$out"/*.openhr.xml; do
	xmllint --noout --schema "$schemas/openhr/OpenHR001.xsd" "$file" 2>"$out/err" || { cat "$out/err" | head -5; exit 1; }
	count=$((count + 1))
done
for file in "$out"/*.medicalrecord.xml; do
	xmllint --noout --schema "$schemas/medicalrecord/EomMedicalRecord38.xsd" "$file" 2>"$out/err" || { cat "$out/err" | head -5; exit 1; }
	count=$((count + 1))
done
echo "$count EMIS messages are valid"
