# Every command of the project; `make help` lists them.
# Paths are relative on purpose: a checkout below a directory with spaces works.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VENV := .venv
PY := $(VENV)/bin/python
LOCKS := requirements/build.txt requirements/runtime.txt requirements/dev.txt requirements/python313.txt

# The interpreter that makes the virtual environment; empty means: look for one.
PYTHON ?=
# Handed on to pytest: make test ARGS="tests/unit -k lifecycle"
ARGS ?=
TEST_WORKERS ?= 2
# Which runs make faults plays.
SEEDS ?= 20
FIRST ?= 1
SEED ?=
# How many make interleavings plays.
COUNT ?= 1000000
# How long make fuzz looks into each parser, into which, and a case to give it once more.
SECONDS ?= 60
TARGET ?=
CASE ?=
# How long make soak works.
MINUTES ?= 60

.PHONY: help setup demo serve test check fuzz faults interleavings bench soak lint format types proto proto-check settings diagram licences
.PHONY: lock audit sbom clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.installed ## Make .venv with every pinned part (nothing to do the second time)

demo: setup ## Make pictures once, end to end, with the built-in Discord simulator
	@exec $(VENV)/bin/midway demo

serve: setup ## Run simulator, server and Envoy until Ctrl-C
	@MIDWAY_SIMULATOR_SPEED="$${MIDWAY_SIMULATOR_SPEED:-10}" exec $(VENV)/bin/midway stack

test: setup ## Run the tests; ARGS="..." goes to pytest
	$(PY) -m pytest -n $(TEST_WORKERS) $(ARGS)

check: setup ## Run what CI runs, the tests of what changed first
	@$(MAKE) --no-print-directory lint types proto-check
	@tests="$$($(PY) -m tools.changed_tests)"; if [ -n "$$tests" ]; then $(PY) -m pytest -n $(TEST_WORKERS) -x $$tests; fi
	@$(MAKE) --no-print-directory test demo

fuzz: setup ## Look for bytes that break a parser, a minute each; TARGET=page-tokens for one, CASE=file for a case of it
	$(PY) -m tests.fuzz --jobs $(TEST_WORKERS) --seconds $(SECONDS) $(if $(TARGET),--target $(TARGET)) $(if $(CASE),--case "$(CASE)")

faults: setup ## Play seeded runs with faults and kills: SEEDS=20, or one again by SEED=n
	$(PY) -m tests.faults.seeded --jobs $(TEST_WORKERS) $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --first $(FIRST))

interleavings: setup ## Play COUNT=1000000 random interleavings of identical prompts on all cores, from seed FIRST=1, or one by SEED=n
	$(PY) -m tests.engine.interleavings $(if $(SEED),--seed $(SEED),--count $(COUNT) --first-seed $(FIRST))

bench: setup ## Measure everything against bare parts (some 45 minutes); ARGS="calls --rounds 3" for a part
	$(PY) -m benchmarks --save $(ARGS)

soak: setup ## Work for MINUTES=60 with watchers that come and go, and see what the memory does
	$(PY) -m benchmarks.soak --save --minutes $(MINUTES)

lint: setup ## Check style, import directions and the contract
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/lint-imports --no-cache
	$(PY) -m tools.engine_rules
	$(VENV)/bin/vulture
	$(VENV)/bin/buf lint
	$(PY) proto/tools/breaking.py

format: setup ## Put the code into the one accepted layout
	$(VENV)/bin/ruff check --fix-only
	$(VENV)/bin/ruff format

types: setup ## Check types, strictly
	$(VENV)/bin/mypy

proto: setup ## Generate generated/ from proto/
	$(PY) proto/tools/generate.py

proto-check: setup ## Fail when generated/ is not what proto/ gives
	$(PY) proto/tools/generate.py --check

settings: setup ## Write the settings table into README.md
	$(PY) tools/settings_table.py

diagram: setup ## Draw the Task life cycle into ARCHITECTURE.md
	$(PY) tools/diagram.py

licences: setup ## Write the licences of all parts into docs/licences.md
	$(PY) -m tools.licences

lock: setup ## Resolve requirements/*.in anew (needs a package index)
	@tools/lock

audit: ## Look up known vulnerabilities of every pinned package (asks the package index)
	@tools/audit "$(PYTHON)"

sbom: setup ## Write build/sbom.cdx.json: every part of the server, with version, hashes and licence
	$(PY) -m tools.sbom build/sbom.cdx.json

clean: ## Remove caches and build results; .venv, data/ and out/ stay
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf tests/clients/go/{build,midjourney} tests/clients/node/node_modules tests/clients/java/target
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.locked: $(LOCKS) tools/install
	@tools/install "$(PYTHON)" $(VENV)
	@touch $@
