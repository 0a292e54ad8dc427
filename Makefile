SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The Graph SDK takes minutes and 5 GB to compile, and any change of build flags (-race, -cover, -trimpath, -tags)
# compiles all of it again. So build, vet, test and staticcheck share one set of flags: none.
GO ?= go
STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 # 2026.2.2

# What is deployed. lambda.norpc leaves out the runtime that Amazon Linux 1 had, -s -w the tables for debuggers; -trimpath
# keeps paths of this machine out. Building for another processor compiles the Graph SDK for it, once.
FUNCTIONS  := ingest sync tick provision console
DIST       ?= dist
GOARCH_AWS ?= arm64
LAMBDA     := CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH_AWS) $(GO) build -p 1 -tags lambda.norpc -trimpath -ldflags '-s -w'

FIGURES   ?= ^TestFigures$$
HISTORIES ?= 200 # random histories a world in "make test"; there are five worlds or more
FUZZTIME  ?= 60s # a target in "make fuzz"

# Mail for "make demo MAIL=…": files or directories. Login shells set MAIL to the user's spool, which is not meant.
ifneq ($(origin MAIL),command line)
MAIL :=
endif

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: sdk ## see the main job done on real mail, without any account
	$(GO) run ./cmd/postroom demo --once $(addprefix --mail ,$(strip $(MAIL)))

.PHONY: test
test: sdk engine ## all tests, and the random histories from a new seed
	$(GO) test ./...
	@.ci/histories $(HISTORIES)
	@$(MAKE) --no-print-directory infra

.PHONY: check
check: sdk infra/cdk/node_modules/.package-lock.json ## format, vet, staticcheck, tidy, race detector, fuzz smoke
	@.ci/step format .ci/format
	@.ci/step paths .ci/paths
	@.ci/step tidy $(GO) mod tidy -diff
	@.ci/step vet $(GO) vet ./...
	@.ci/step staticcheck $(STATICCHECK) ./...
	@.ci/step types infra/cdk/node_modules/.bin/tsc -p infra/cdk --noEmit
	@.ci/step race $(GO) test -race -shuffle=on $$(.ci/packages light)
	@.ci/step fuzz .ci/fuzz 1000x

.PHONY: infra
infra: infra/cdk/node_modules/.package-lock.json ## test what is deployed to AWS: SAM and CDK templates (needs Node)
	@.ci/infra

.PHONY: engine
engine: ## install DynamoDB for the tests (linux/amd64 alone; elsewhere they are skipped)
	@case "$$(uname -sm)" in "Linux x86_64") $(MAKE) --no-print-directory infra/dynamo/engine/node_modules/.package-lock.json ;; \
		*) echo "no DynamoDB engine for $$(uname -sm): the tests that need it are skipped" ;; esac

# npm writes this file when it is done, so a directory is installed again exactly when its lock has changed.
%/node_modules/.package-lock.json: %/package-lock.json
	@.ci/npm $*
	@touch $@

.PHONY: functions
functions: $(addprefix function-,$(FUNCTIONS)) ## build the functions for AWS into dist/<name>/bootstrap

function-%:
	@$(MAKE) --no-print-directory function NAME=$* INTO=$(DIST)/$*

# One function: make function NAME=sync INTO=dist/sync
.PHONY: function
function:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or later is needed: https://go.dev/dl" >&2; exit 1; }
	@mkdir -p "$(INTO)"
	$(LAMBDA) -o "$(INTO)/bootstrap" ./functions/$(NAME)

.PHONY: sam-build
sam-build: ## "sam build" in infra/sam
	cd infra/sam && sam build

.PHONY: sam-deploy
sam-deploy: sam-build ## "sam deploy --guided" in infra/sam
	cd infra/sam && sam deploy --guided

.PHONY: cdk-deploy
cdk-deploy: functions infra/cdk/node_modules/.package-lock.json ## "cdk deploy" in infra/cdk
	cd infra/cdk && npx --no-install cdk deploy

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
bench: sdk engine ## the figures of docs/benchmarks.md, one line each: name value unit (compiles for arm64: minutes more at first)
	@{ $(GO) test ./cmd/postroom -count=1 -timeout 60m -run '$(FIGURES)' -figures -v && \
	   $(GO) test ./functions/local -count=1 -timeout 60m -run '$(FIGURES)' -figures -zips -v; } | \
		grep --line-buffered -E '^[a-z0-9_.]+ [0-9.]+ [A-Za-z]+$$|FAIL'

# Two packages of the SDK compiled at once need more memory than small machines have, hence -p 1. Silent when done before.
.PHONY: sdk
sdk:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or later is needed: https://go.dev/dl" >&2; exit 1; }
	@$(GO) mod download
	@.ci/sdk $(GO)
