# Run "make" for the list of targets. CI calls the same ones (.ci/run).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO_FILES = find . -name '*.go' -not -path './e2e/node_modules/*' -not -path './data/*'
# Every build tag of ours, so that vet and staticcheck see the tests that a plain build leaves out.
TAGS := e2e,late,screenshots
FUZZ_SECONDS ?= 20
# Browser tests at a time. More than this only wait for each other on two cores.
PARALLEL ?= 3

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## the login page, the emulator and a demo app on this machine
	go run .

.PHONY: build
build: ## the program, as ./tcb-login
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o tcb-login .

.PHONY: generate
generate: ## write the *_templ.go files anew
	go tool templ generate

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
	@sums() { find . -name '*_templ.go' -not -path './e2e/*' -print0 | sort -z | xargs -0r sha256sum; }; \
		before=$$(sums); go tool templ generate; \
		if ! diff <(echo "$$before") <(sums); then echo "generated code was not current: commit what changed"; exit 1; fi

.PHONY: setup
setup: ## what the browser tests need: Chromium, npm packages, the SDK bundles
	e2e/setup.sh

.PHONY: unit
unit: ## all tests that need no browser
	@# The longest first: beside it the others cost nothing.
	go test -race -timeout 30m ./handlers/... ./...
	go test -count=1 -timeout 15m -v -run 'Times$$' ./handlers

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

.PHONY: test
test: ## everything: the tests without a browser, then those with one
	$(MAKE) scripts
	$(MAKE) unit
	$(MAKE) e2e

.PHONY: test-all
test-all: test ## longer: also every fuzz target, a backend that hangs, known vulnerabilities
	go test -count=1 -timeout 30m -v -run 'Times$$' ./handlers -timing.samples 500 -timing.most 0.6
	go test -tags e2e,late -count=1 -timeout 10m -v -run '^TestLate' ./e2e/
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_SECONDS)s "$$package"; \
		done; \
	done
	@if ! out=$$(go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./... 2>&1); then \
		echo "$$out"; \
		case "$$out" in *"fetching vulnerabilities"*) echo "vulnerabilities NOT checked: their database cannot be reached from here" ;; *) exit 1 ;; esac; \
	fi

.PHONY: screenshots
screenshots: ## photographs of every page into e2e/shots; RUN=name picks some
	e2e/setup.sh fonts
	go test -tags e2e,screenshots -count=1 -timeout 30m -run '^TestScreenshots$$$(if $(RUN),/$(RUN))' ./e2e/
	@echo "$$(ls e2e/shots | wc -l) pictures in e2e/shots"

.PHONY: clean
clean: ## remove what building and testing left behind
	rm -rf tcb-login dist e2e/build e2e/node_modules e2e/shots

# summary LOG: the tests that ran, at most two levels deep, and their number. A run that skipped or ran nothing fails.
define summary
awk '/^(    )?--- (PASS|FAIL|SKIP): / { print } \
	/^ *--- PASS: / { passed++ } /^ *--- FAIL: / { failed++ } /^ *--- SKIP: / { skipped++ } \
	END { printf "e2e: %d passed, %d failed, %d skipped\n", passed, failed, skipped; exit passed == 0 || failed + skipped > 0 }' $(1)
endef
