# Covey: build it, test it, see it work. Needs Go; `make` alone lists the targets.

GO       ?= go
FUZZTIME ?= 30s
STEP     := scripts/step

# What the binary says of itself; without git, or without a tag, it says less.
VERSION  := $(shell git describe --tags --dirty 2>/dev/null)
COMMIT   := $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null)
DATE     := $(shell git show -s --format=%cI HEAD 2>/dev/null)
LDFLAGS  := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)

# The race detector needs a C compiler on some systems; without one the tests run all
# the same, and say so.
RACE := $(shell test "$$($(GO) env CGO_ENABLED)" = 1 && command -v $$($(GO) env CC) >/dev/null 2>&1 && echo -race)

# The end-to-end tests drive the real binary, so they are run each time anew, after
# the others; those may come from go test's cache.
E2E   := ./e2e
UNITS  = $(shell $(GO) list ./... | grep -v '^covey/e2e')

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build test check format vet lint cross unit race e2e fmt demo bench sim fuzz clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/covey, static, for this machine
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/covey ./cmd/covey

test: check unit e2e ## everything CI runs: check, then all tests with the race detector

check: format vet lint cross ## gofmt, vet, staticcheck, and building for other systems

format:
	@$(STEP) gofmt scripts/check-format

vet:
	@$(STEP) 'go vet' $(GO) vet ./...

lint: ## staticcheck, the version that tools/go.mod pins
	@$(STEP) staticcheck $(GO) tool -modfile=tools/go.mod staticcheck ./...

cross:
	@GOOS=darwin GOARCH=arm64 $(STEP) 'build for darwin/arm64' $(GO) build ./...
	@GOOS=windows GOARCH=amd64 $(STEP) 'build for windows/amd64' $(GO) build ./...
	@GOOS=linux GOARCH=arm64 $(STEP) 'build for linux/arm64' $(GO) build ./...

unit: ## unit and property tests, fuzz seeds, house rules
	@test -n '$(RACE)' || echo 'note  no C compiler, so no race detector'
	@$(GO) test $(RACE) -timeout=5m $(UNITS)
	@$(GO) test -timeout=5m -run 'Merging|Million' ./gossip/replica ./lb ./dnsserver # so many cases: without the race detector

race: ## the same, each test twice and never from the cache
	@$(GO) test -race -count=2 -timeout=15m $(UNITS)

e2e: ## the real binary, several agents on loopback
	@$(GO) test $(RACE) -count=1 -parallel=6 -timeout=6m $(E2E)

fmt: ## let gofmt rewrite what it would
	@gofmt -w .

demo: ## three agents, one service, one of them killed: what Covey is for, in a minute
	@scripts/demo

bench: ## the figures of docs, measured here (BENCH_ARGS are passed on)
	@for b in scripts/bench*; do $(GO) run "./$$b" $(BENCH_ARGS) || exit; done

sim: ## 10,000 simulated cores, trials of every fault (SIM_ARGS are passed on), 50 whole agents in virtual time
	@$(GO) run ./scripts/sim $(SIM_ARGS)
	@$(GO) test ./agent -count=1 -run TestSimulated -sim.nodes=50 -v -timeout 15m

.PHONY: soak bench-gossip bench-dns bench-http bench-health sim-lb
soak: ## a cluster that is treated unkindly for an hour, and judged (SOAK_ARGS are passed on)
	@$(GO) run ./scripts/soak $(SOAK_ARGS)

bench-http: ## reads over HTTP by wrk, and clients that wait (BENCH_ARGS are passed on)
	@$(GO) run ./scripts/bench-http $(BENCH_ARGS)

bench-health: ## what checks cost, and whether they run on time (BENCH_ARGS are passed on)
	@$(GO) run ./scripts/bench-health $(BENCH_ARGS)

sim-lb: ## balancing simulated: every policy beside random (SIM_ARGS are passed on; -svg DIR draws)
	@$(GO) run ./scripts/sim-lb $(SIM_ARGS)

bench-dns: ## what an answer costs, beside NSD and Knot DNS, which it installs (BENCH_ARGS are passed on)
	@$(GO) run ./scripts/bench-dns $(BENCH_ARGS)

bench-gossip: ## how fast a change is everywhere, beside serf's events (BENCH_ARGS are passed on)
	@$(GO) run ./scripts/bench-gossip $(BENCH_ARGS)

fuzz: ## every fuzz target for FUZZTIME (30s)
	@scripts/fuzz $(FUZZTIME)

clean: ## remove what was built
	@rm -rf bin
