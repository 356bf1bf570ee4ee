# The habits of this project; `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { command -v $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
MINUTES ?= 10
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup system demo serve test test-clients fuzz lint format bench lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready node_modules/.package-lock.json system ## Make .venv with all packages, fetch the pages' assets, install what else the tests need

$(VENV)/.ready: requirements.lock requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "hven needs Python 3.11, 3.12 or 3.13; install one, or say make PYTHON=/path/to/python"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json
	@command -v npm >/dev/null || bin/system-packages npm
	npm ci --silent --ignore-scripts
	@touch $@

system: ## Install the system packages that tests and narrow fields need (as root on Debian), or say which
	@bin/system-packages chromium astrometry-data-tycho2 astrometry.net

demo: $(VENV)/.ready node_modules/.package-lock.json ## Solve a simulated frame over HTTP and keep serving (ONCE=1 stops, IMAGE=path takes yours)
	@$(BIN)/hven demo $(if $(ONCE),--once) $(if $(IMAGE),--image "$(IMAGE)") $(if $(PORT),--port $(PORT))

serve: $(VENV)/.ready node_modules/.package-lock.json ## Start hven on http://127.0.0.1:8000
	$(BIN)/hven serve

test: setup ## Run all tests but those of real clients
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not clients"

test-clients: setup $(patsubst tests/clients/%.lock,.venvs/%/.ready,$(wildcard tests/clients/*.lock)) ## Run the real clients, each in a venv of its own
	$(BIN)/python -m pytest -m clients tests/clients

.venvs/%/.ready: tests/clients/%.lock
	test -x .venvs/$*/bin/python || $(PYTHON) -m venv .venvs/$*
	.venvs/$*/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

fuzz: $(VENV)/.ready ## Fuzz every reader of files (MINUTES=10, SEED=number)
	bin/fuzz --minutes $(MINUTES) --jobs $(JOBS) $(if $(SEED),--seed $(SEED))

lint: $(VENV)/.ready ## Check style, types and who imports whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup .venvs/yardsticks/.ready ## Measure everything that has a number, beside its yardstick (about two hours)
	@bin/system-packages astrometry.net
	bench/run

.venvs/yardsticks/.ready: bench/yardsticks.lock
	test -x .venvs/yardsticks/bin/python || $(PYTHON) -m venv .venvs/yardsticks
	.venvs/yardsticks/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

lock: ## Write the lock files anew from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	for f in tests/clients/*.in bench/yardsticks.in; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header $$f -o $${f%.in}.lock; done

clean: ## Remove what make made, but no data
	rm -rf $(VENV) .venvs node_modules build src/*.egg-info
