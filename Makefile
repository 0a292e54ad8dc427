SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The Graph SDK takes minutes and 5 GB to compile, and any change of build flags (-race, -cover, -trimpath, -tags)
# compiles all of it again. So build, vet, test and staticcheck share one set of flags: none.
GO ?= go
STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 # 2026.2.2

FIGURES   ?= ^TestFigures$$
HISTORIES ?= 200 # random histories a world in "make test"; there are five worlds or more
FUZZTIME  ?= 60s # a target in "make fuzz"

# Mail for "make demo MAIL=…": files or directories. Login shells set MAIL to the user's spool, which is not meant.
ifneq ($(origin MAIL),command line)
MAIL :=
endif

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: sdk ## see the main job done on real mail, without any account
	$(GO) run ./cmd/postroom demo --once $(addprefix --mail ,$(strip $(MAIL)))

.PHONY: test
test: sdk ## all tests, and the random histories from a new seed
	$(GO) test ./...
	@.ci/histories $(HISTORIES)

.PHONY: check
check: sdk ## format, vet, staticcheck, tidy, race detector, fuzz smoke
	@.ci/step format .ci/format
	@.ci/step paths .ci/paths
	@.ci/step tidy $(GO) mod tidy -diff
	@.ci/step vet $(GO) vet ./...
	@.ci/step staticcheck $(STATICCHECK) ./...
	@.ci/step race $(GO) test -race -shuffle=on $$(.ci/packages light)
	@.ci/step fuzz .ci/fuzz 1000x

.PHONY: race
race: ## the race detector on every package (compiles the Graph SDK anew: ten minutes more)
	$(GO) test -race -shuffle=on -p 1 ./...

.PHONY: soak
soak: sdk ## random histories until stopped or until one fails
	@.ci/histories 1000 soak

.PHONY: mutants
mutants: ## break the spine on purpose and show that the tests notice
	@.ci/mutants/run

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (60s)
	@.ci/fuzz $(strip $(FUZZTIME))

.PHONY: bench
bench: sdk ## the figures of docs/benchmarks.md, one line each: name value unit
	@$(GO) test ./cmd/postroom -count=1 -timeout 60m -run '$(FIGURES)' -figures -v | grep --line-buffered -E '^[a-z0-9_.]+ [0-9.]+ [A-Za-z]+$$|FAIL'

# Two packages of the SDK compiled at once need more memory than small machines have, hence -p 1. Silent when done before.
.PHONY: sdk
sdk:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or later is needed: https://go.dev/dl" >&2; exit 1; }
	@$(GO) mod download
	@.ci/sdk $(GO)
