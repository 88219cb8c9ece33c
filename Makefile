# Everything a developer types. Needs python3.11+ with venv, a JDK 17+, Maven, make, gcc (README.md).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := schemas cdc_runtime cdc_reader vespa_sink file_fetcher rowferry
TYPED := $(PACKAGES) devstack bench
COMPILED := $(shell find $(PACKAGES) -name '*.pyx')
INCLUDED := $(shell find $(PACKAGES) -name '*.pxi')
WORKERS ?= 2
# Arguments for pytest: make test ARGS="tests/unit -k lsn"
ARGS ?=
export NO_MKDOCS_2_WARNING := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Some machines forbid it; each of the suite's hundreds of processes would then compile every module again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down test test-outages test-matrix mutants guarantees types check check-style check-types check-rules check-docs format bench docs requirements clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(VENV)/installed ## virtual environment, pinned dependencies, compiled module, commands

$(VENV)/requirements: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "expected Python 3.11 or newer, got `$(PYTHON) -V`; set PYTHON=python3.12 or the like" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "python3 -m venv failed: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/installed: $(VENV)/requirements pyproject.toml setup.py $(COMPILED) $(INCLUDED)
	$(BIN)/python setup.py --quiet build_ext --inplace
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

demo: setup ## the whole pipeline on real servers; KEEP=1 leaves it running
	$(BIN)/python -m devstack.demo $(if $(filter-out 0,$(KEEP)),--keep) $(ARGS)

demo-down: setup ## end what `make demo KEEP=1` left running
	$(BIN)/python -m devstack.demo --down

test: setup ## the whole suite on servers of its own; ARGS="..." for pytest
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

test-outages: setup ## brokers that are killed, stopped, frozen, restarted one after the other, under load
	$(BIN)/python -m pytest -m long $(ARGS)

test-matrix: setup ## the suite with PostgreSQL 14 to 18, with and without compiled module, in Docker
	$(BIN)/python -m tests.matrix -n $(WORKERS) $(ARGS)

mutants: setup ## every rule taken out once, red tests expected; ARGS="V4" for one
	$(BIN)/python -m tests.mutants -n $(WORKERS) $(ARGS)

types: setup ## docs/reference/types.md: what becomes of each PostgreSQL type, from the tests
	$(BIN)/python -m tests.type_corpus

guarantees: setup ## docs/explanation/guarantees.md: where each rule is kept and proved, from the code
	$(BIN)/python -m tests.rules

check: check-style check-types check-rules check-docs ## lint, format, types, architecture, documentation

check-style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-types: setup
	$(BIN)/mypy $(TYPED) docs/hooks.py

check-rules: setup
	$(BIN)/python -m pytest -q -p no:randomly tests/unit/test_architecture.py tests/unit/test_settings_coverage.py tests/unit/test_guarantees.py tests/unit/test_type_corpus.py

check-docs: setup
	$(BIN)/python -m mkdocs build --strict --quiet

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## the benchmarks; ARGS="transcoder" for one
	$(BIN)/python -m bench $(ARGS)

docs: setup ## the documentation, into site/
	$(BIN)/python -m mkdocs build --strict

requirements: setup ## pin requirements/*.txt again, with hashes
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/tools.txt
	for name in runtime dev tools s3; do \
		$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal \
			--python-version 3.11 --output-file requirements/$$name.txt requirements/$$name.in || exit 1; \
	done

clean: ## remove what was built, the virtual environment too
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -f $(foreach source,$(COMPILED),$(source:.pyx=.c) $(wildcard $(source:.pyx=.*.so)))
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
