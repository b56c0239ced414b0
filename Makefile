# Each target is a line that one could type. `make` alone lists them.

GO      ?= go
# Without cgo the binaries need no C library, and building them no C compiler.
export CGO_ENABLED = 0
LDFLAGS  = -s -w -X github.com/elasticcode/flow/messages.Version=$(shell git describe --always --dirty 2>/dev/null || echo dev)

.PHONY: help build sim sim-worlds sim-planted sim-mutations install test unit race packages e2e chaos lint generate check-generated fuzz demo bench clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/node, bin/flowcli and bin/sim
	@mkdir -p bin
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/node ./cmd/flowcli ./cmd/sim

bin/node.wasm: $(shell git ls-files '*.go' go.mod go.sum) ## the node that bin/sim runs
	$(GO) run ./sim/build -o $@

bin/plants.wasm: $(shell git ls-files '*.go' go.mod go.sum) ## the same, with mistakes that can be planted
	$(GO) run ./sim/build -tags plant -o $@

# Its two halves go at the same time: what one builds or waits for leaves a processor to the other.
sim: ## the real nodes in a simulated world, with faults
	@$(MAKE) --no-print-directory -j 2 --output-sync=line sim-worlds sim-planted

sim-worlds: build bin/node.wasm
	$(GO) test -count=1 -timeout 20m -tags e2e -v ./sim/

sim-planted: build bin/node.wasm bin/plants.wasm
	$(GO) test -count=1 -tags e2e ./plant/
	$(GO) run -tags plant ./sim/mutations --rounds 1 --only cut-result,requeue-dropped,lifo-gate,late-result,tick-twice

sim-mutations: bin/plants.wasm ## each planted mistake, until a checker finds it
	$(GO) run -tags plant ./sim/mutations

PREFIX ?= $(HOME)/.local
install: build ## into PREFIX/bin, flowcli also as flow and pyfi
	install -D -t $(PREFIX)/bin bin/node bin/flowcli
	ln -sf flowcli $(PREFIX)/bin/flow
	ln -sf flowcli $(PREFIX)/bin/pyfi

test: lint unit race e2e sim ## all the tests

unit: ## unit tests of every package
	$(GO) test ./...

# A SIGSEGV within the race detector, in a bubble of synctest, is the toolchain's (golang/go issue 78156), and rare.
race: ## the packages with goroutines, under the race detector (which needs a C compiler)
	@command -v $$($(GO) env CC) >/dev/null || { echo 'race: SKIPPED, there is no C compiler'; exit 0; }; \
	set -x; CGO_ENABLED=1 $(GO) test -race -short ./actors/... ./api/... ./client/... ./cluster/... ./raftstore/... ./worker/...

packages: ## what faults of disks and networks need: strace, nft, ip (Debian, as root); what is missing is named as SKIPPED
	@for c in strace nft ip nsenter; do command -v $$c >/dev/null || missing="$$missing $$c"; done; \
	if [ -z "$$missing" ] || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then exit 0; fi; \
	echo "installing strace, nftables, iproute2 and util-linux, for:$$missing"; \
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends strace nftables iproute2 util-linux >/dev/null; } || \
		echo 'packages: they cannot be installed; what needs them is SKIPPED'

e2e: build packages ## end to end, on real processes
	$(GO) test -count=1 -timeout 20m -tags e2e ./sim/chaos/...

chaos: build packages ## the shipped binaries on real disks under faults for CHAOS_TIME (10m); CHAOS_SEED repeats the draws
	CHAOS_TIME=$${CHAOS_TIME:-10m} $(GO) test -count=1 -timeout 2h -tags e2e -v -run '^TestChaos' ./sim/chaos/

lint: check-generated ## gofmt, vet
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run gofmt -w on these files'; exit 1; }
	$(GO) vet ./...

generate: ## make the Go code of messages/*.proto again
	cd tools && $(GO) run ./genproto

check-generated: ## fail if generated code is not current
	cd tools && $(GO) run ./genproto -check

fuzz: ## each fuzz target for FUZZTIME (10s)
	@for target in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$target/*_test.go | cut -d' ' -f2); do \
	    $(GO) test $$target -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-10s} || exit 1; done; done

demo: build ## the main job on three nodes, one of them killed in the middle
	$(GO) run ./sim/chaos/demo

bench: build ## calls per second and latency beside the disk's own rate
	$(GO) run ./bench

clean: ## remove what build made
	rm -rf bin
