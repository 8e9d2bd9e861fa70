# `make test` needs only Go. `make check` is what CI runs beside it.
GO ?= go

.PHONY: build test race lint tidy fuzz schema conformance browser soak memory alerts evidence faults test-cluster bench golden demo check deb package windows

build:
	$(GO) build -trimpath -o bin/linkspan ./cmd/linkspan

# The Debian package, into dist; VERSION, COMMIT and SOURCE_DATE_EPOCH may be set.
deb:
	$(GO) run ./scripts/package deb

# What is shipped: two builds that are one, the package, its unit and its manual
# page. Installs the tools it lacks.
package:
	scripts/package/check.sh

# linkspan.exe, vetted as the code it is there.
windows:
	GOOS=windows GOARCH=amd64 $(GO) vet ./...
	$(GO) run ./scripts/package build -os windows -arch amd64 bin/linkspan.exe

test:
	$(GO) test -timeout 30m ./...

race: # the scripts run one thing after the other
	$(GO) test -race -timeout 30m . ./bridge/... ./cmd/... ./mapping/... ./pairs/... ./record/... ./testdata/... ./xmlio/...

lint:
	scripts/lint.sh

tidy:
	$(GO) mod tidy -diff

fuzz:
	scripts/fuzz.sh

# Every EMIS message the tests and the demo write, against the site's own
# copies of the schemas, which the project may not ship.
schema:
	scripts/schema.sh

# The documents of the W3C XML conformance suite, which npm fetches, through the
# guarded reader.
conformance:
	scripts/conformance.sh

# The page of `linkspan translate --view` in headless Chromium. Needs node, npm
# and chromium.
browser:
	scripts/browser.sh

# The long forms of the tests that have one, with their figures: hours.
soak:
	scripts/soak.sh

# The exchange suite on the cluster of docs/deploy/cluster.md, while its nodes and
# replicas are killed: ROUNDS times, default 60.
test-cluster:
	LINKSPAN_SOAK=1 LINKSPAN_ROUNDS=$(ROUNDS) $(GO) test -timeout 60m -count=1 -run '^TestCluster' -v ./bridge

# The live heap over 20,000 exchanges.
memory:
	LINKSPAN_EXCHANGES=20000 $(GO) test -timeout 15m -count=1 -run '^TestMemoryIsFlat$$' -v ./bridge

# What a clinical safety officer is given with a release: the hazard log and the
# threat model checked against the tree, each row's fault planted and found by
# its test, and the bundle of dist/evidence.
evidence: faults
	$(GO) run ./scripts/evidence check
	$(GO) run ./scripts/evidence bundle

# A fault for each row of docs/safety, one at a time; ROWS="H-01 T-05" for some.
faults:
	$(GO) run ./scripts/evidence faults $(ROWS)

# The alert rules of docs/ops and their tests, with Debian's promtool.
alerts:
	scripts/promtool.sh

bench:
	$(GO) test -run '^$$' -bench . -benchtime 1s ./pairs ./xmlio ./mapping ./bridge ./bridge/console

# Rewrites the goldens; read the difference before committing it.
golden:
	$(GO) test ./pairs ./pairs/systmone ./pairs/view -update

demo:
	$(GO) run ./cmd/linkspan demo

check: lint tidy race fuzz schema browser conformance alerts windows
