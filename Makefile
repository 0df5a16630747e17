# Run "make" for the list of targets. CI calls the same ones (.ci/run).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO_FILES = find . -name '*.go' -not -path '*/node_modules/*' -not -path './data/*'
# Every build tag of ours, so that vet and staticcheck see the tests that a plain build leaves out.
TAGS := e2e,late,screenshots
FUZZ_SECONDS ?= 20
# Programs that a target fetches when it runs: they are not needed to build or test, and stay out of go.mod.
GOVULNCHECK := v1.9.0
export CYCLONEDX_GOMOD := v1.10.0

# Browser tests at a time. More than this only wait for each other on two cores.
PARALLEL ?= 3

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## the login page, the emulator and a demo app on this machine
	go run .

.PHONY: watch
watch: ## run, and start anew whenever a source changes; then reload the page
	@scripts/watch.sh

.PHONY: examples
examples: ## the example apps at http://localhost:5173 (React) and :5174 (plain), with the login page and the emulator
	@scripts/examples.sh

.PHONY: build
build: ## the program, as ./tcb-login; VERSION=1.2.3 names it
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w$(if $(VERSION), -X main.version=$(VERSION))' -o tcb-login .

.PHONY: release
release: ## signed binaries for all platforms, as dist/VERSION; VERSION=1.2.3 KEY=file of an SSH key
	@scripts/release.sh '$(VERSION)' '$(KEY)'

.PHONY: generate
generate: ## write the *_templ.go files, what browsers get of static/src, the tables of phone numbers and the reference of settings anew
	go tool templ generate
	go run ./generate

.PHONY: fmt
fmt: ## format Go and templ files
	$(GO_FILES) -print0 | xargs -0 gofmt -w
	go tool templ fmt views

.PHONY: lint
lint: ## gofmt, vet and staticcheck, over the tagged tests too
	@unformatted=$$($(GO_FILES) -print0 | xargs -0 gofmt -l); \
		if [ -n "$$unformatted" ]; then echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go vet -tags $(TAGS) ./e2e/
	go tool staticcheck ./...
	go tool staticcheck -tags $(TAGS) ./e2e/

.PHONY: generated
generated: ## check that the generated code is what the generator writes now
	@sums() { find . \( -name '*_templ.go' -o -path './static/files/*' -o -path ./identifier/plans.go -o -path ./docs/settings.md -o -path ./config/settings/settings.schema.json \) -not -path './e2e/*' -print0 | sort -z | xargs -0r sha256sum; }; \
		before=$$(sums); $(MAKE) generate; \
		if ! diff <(echo "$$before") <(sums); then echo "generated code was not current: commit what changed"; exit 1; fi

.PHONY: setup
setup: ## what the browser tests need: Chromium, npm packages, the SDK bundles
	e2e/setup.sh

.PHONY: promtool
promtool: ## what tries the alerts of deploy/monitoring, from apt
	@scripts/promtool.sh

.PHONY: redis
redis: ## a redis-server for the tests, unpacked where the machine has none
	@limit/redistest/setup.sh

.PHONY: unit
unit: promtool redis ## all tests that need no browser
	@# The longest first: beside it the others cost nothing. CI has a test fail that lacks what it needs.
	CI=1 go test -race -timeout 30m ./handlers/... ./...
	go test -count=1 -timeout 15m -parallel 8 -v -run 'Times$$|PerHour$$' ./handlers

.PHONY: golden
golden: ## write the golden files anew; read the difference before you commit it
	@packages=$$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n 1 dirname | grep -v '^\./e2e' | sort -u); \
		go test -count=1 -run Golden $$packages -update && \
		echo "once more: what differs now differs from run to run, and needs a mask" && go test -count=1 -run Golden $$packages
	@git diff --stat -- '*/testdata/*'
	@git ls-files --others --exclude-standard -- '*/testdata/*' | sed 's/^/ new: /'

.PHONY: cover
cover: redis ## what the tests without a browser reach, as coverage.html; PKG=./limit picks some
	go test -count=1 -coverpkg=./... -coverprofile=coverage.out $(if $(PKG),$(PKG),./...)
	@# What templ writes is covered by its views and only drowns the rest.
	@grep -v '_templ\.go:' coverage.out >coverage.out.ours; mv coverage.out.ours coverage.out
	go tool cover -html=coverage.out -o coverage.html
	@go tool cover -func=coverage.out | tail -1

.PHONY: scripts
scripts: ## the tests of what our scripts do in a page, in Node
	node --experimental-vm-modules --no-warnings --test-reporter=spec --test static/test/*.test.js

.PHONY: e2e
e2e: setup ## the browser tests alone; RUN=name picks some
	@mkdir -p e2e/build
	@code=0; go test -tags e2e -count=1 -parallel $(PARALLEL) -timeout 40m -v $(if $(RUN),-run '$(RUN)') ./e2e/ | tee e2e/build/e2e.log || code=$$?; \
		$(call summary,e2e/build/e2e.log) || code=1; exit $$code

.PHONY: conformance
conformance: setup ## write emulator/CONFORMANCE.md anew: what the official SDK gets from the emulator
	go test -tags e2e -count=1 -timeout 10m -v -run '^TestConformance$$' ./e2e/ -update | grep -v '^ *--- PASS\|^=== '

.PHONY: snapshots
snapshots: setup ## write e2e/testdata/snapshots anew: what assistive technology is told of the main pages; read the difference
	go test -tags e2e -count=1 -run '^TestSnapshots$$' ./e2e/ -update
	@git diff --stat -- e2e/testdata/snapshots

.PHONY: test
test: ## everything: the tests without a browser, then those with one
	$(MAKE) scripts
	$(MAKE) unit
	$(MAKE) e2e

.PHONY: test-all
test-all: test ## longer: also what times tell in every flow, every fuzz target, a backend that hangs, Firefox and WebKit, every page in every state, known vulnerabilities
	go test -count=1 -timeout 90m -parallel 3 -v -run 'Times$$' ./handlers -timing.all -timing.samples 500 -timing.most 0.6
	e2e/setup.sh engines
	go test -tags e2e,late -count=1 -timeout 60m -parallel $(PARALLEL) -v -run '^TestLate' ./e2e/
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_SECONDS)s "$$package"; \
		done; \
	done
	@if ! out=$$(go run golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK) ./... 2>&1); then \
		echo "$$out"; \
		case "$$out" in *"fetching vulnerabilities"*) echo "vulnerabilities NOT checked: their database cannot be reached from here" ;; *) exit 1 ;; esac; \
	fi

.PHONY: soak
soak: setup ## people come and go on two instances for FOR=10m, while those, Redis and TCB fail; "make e2e" has a minute of it
	go test -tags e2e -count=1 -timeout 2h -v -run '^TestSoak$$' ./e2e/ -soak.for $(or $(FOR),10m) -soak.people 12

.PHONY: bench
bench: ## what pages cost, against a bare program that sends the same bytes; ONLY=get-sms,start picks some
	go run ./bench $(if $(ONLY),-only $(ONLY))

.PHONY: screenshots
screenshots: ## photographs of every page into e2e/shots; RUN=name picks some
	e2e/setup.sh fonts
	go test -tags e2e,screenshots -count=1 -timeout 30m -run '^Test(Portal)?Screenshots$$$(if $(RUN),/$(RUN))' ./e2e/
	@echo "$$(find e2e/shots -name "*.png" | wc -l) pictures in e2e/shots"

.PHONY: gallery
gallery: setup ## one page with pictures of every page, empty and at its worst, as e2e/shots/gallery/index.html; and docs/sign-in.png
	e2e/setup.sh fonts
	go test -tags e2e,screenshots -count=1 -timeout 30m -parallel $(PARALLEL) -run '^TestGallery' ./e2e/
	@echo "$$(find e2e/shots/gallery -name "*.png" | wc -l) pictures in e2e/shots/gallery/index.html"

.PHONY: outdated
outdated: ## list dependencies that are behind: Go modules, programs that targets fetch, npm packages
	@echo "Go modules:"
	@go list -m -u -f '{{if .Update}}  {{.Path}} {{.Version}}, now {{.Update.Version}}{{if .Indirect}} (indirect){{end}}{{end}}' all | sed '/^$$/d'
	@echo "fetched by targets:"
	@latest() { now=$$(go list -m -f '{{.Version}}' "$$1@latest"); [ "$$now" = "$$2" ] || echo "  $$1 $$2, now $$now"; }; \
		latest golang.org/x/vuln $(GOVULNCHECK); latest github.com/CycloneDX/cyclonedx-gomod $(CYCLONEDX_GOMOD)
	@echo "npm packages of the browser tests:"
	@cd e2e && npm outdated | sed 's/^/  /' || true

.PHONY: clean
clean: ## remove what building and testing left behind
	rm -rf tcb-login dist coverage.out coverage.html e2e/build e2e/node_modules e2e/shots examples/*/node_modules examples/*/dist

# summary LOG: the tests that ran, at most two levels deep but for what failed, and their number. A run that skipped or ran nothing fails.
define summary
awk '/^(    )?--- (PASS|SKIP): / || /^ *--- FAIL: / { print } \
	/^ *--- PASS: / { passed++ } /^ *--- FAIL: / { failed++ } /^ *--- SKIP: / { skipped++ } \
	END { printf "e2e: %d passed, %d failed, %d skipped\n", passed, failed, skipped; exit passed == 0 || failed + skipped > 0 }' $(1)
endef
