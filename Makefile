# Targets are thin: each is one command, and none swallows a failure.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
RUN_ARGS ?=
# How many tests run side by side, most of which wait; those that measure time run alone, after them.
WORKERS ?= 4
N ?= 300
EXAMPLES ?= 2000
LIMITS := --timeout 120 --timeout-method signal
SIDE_BY_SIDE := tests -m 'not quiet' -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(LIMITS)
ALONE := tests -m quiet $(LIMITS)

.DEFAULT_GOAL := help
.PHONY: help smoke gate nightly test test-unit coverage lint lint-code lint-format lint-types \
	lint-imports lint-docs lint-lock lock format fuzz bench soak drills demo docs sample images clean

help: ## show this list
	@grep -E '^[a-z][a-z -]*:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | expand -t 22

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

# What is not in the lock, with that very content, is not installed.
$(VENV)/.dev: pyproject.toml requirements.lock | $(BIN)/python
	$(PIP) --require-hashes --requirement requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.runtime $@

smoke gate nightly: $(VENV)/.runtime ## run the checks (RUN_ARGS="--target container …")
	@$(BIN)/redis-runbook $@ $(RUN_ARGS)

test: $(VENV)/.dev ## the product's own tests
	$(PYTEST) $(SIDE_BY_SIDE) $(TEST_ARGS)
	$(PYTEST) $(ALONE) $(TEST_ARGS)

test-unit: $(VENV)/.dev ## those that need no server and half a minute at most
	$(PYTEST) tests/unit $(LIMITS) $(TEST_ARGS)

coverage: $(VENV)/.dev ## the same, and which lines they reach
	$(BIN)/coverage run -m pytest $(SIDE_BY_SIDE) $(TEST_ARGS)
	$(BIN)/coverage run -m pytest $(ALONE) $(TEST_ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: lint-code lint-format lint-types lint-imports lint-docs lint-lock ## all six of these

lint-code: $(VENV)/.dev ## ruff's rules
	$(BIN)/ruff check .

lint-format: $(VENV)/.dev ## whether ruff would format anything
	$(BIN)/ruff format --check .

lint-types: $(VENV)/.dev ## mypy
	$(BIN)/mypy

lint-imports: $(VENV)/.dev ## whether the rooms import one way only
	$(BIN)/lint-imports --no-logo

lint-docs: $(VENV)/.dev ## whether docs/checks and README say what the docstrings say
	$(BIN)/python tools/docs.py --check

lint-lock: $(VENV)/.dev ## whether the locked versions are what pyproject.toml asks for
	$(BIN)/python tools/lock.py --check

lock: $(VENV)/.dev ## lock the versions that pyproject.toml asks for (LOCK_ARGS=--upgrade: the newest)
	$(BIN)/python tools/lock.py $(LOCK_ARGS)

format: $(VENV)/.dev ## let ruff format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: $(VENV)/.dev ## EXAMPLES=2000 of each kind of answer, changed at random: some 5 minutes
	FUZZ_EXAMPLES=$(EXAMPLES) $(PYTEST) tests/fuzz --timeout 900 --timeout-method signal

bench: $(VENV)/.dev ## measure speed and cost, into docs/benchmarks.md
	$(BIN)/python -m bench

soak: $(VENV)/.dev ## N=300 healthy runs under live load, into docs/benchmarks.md
	$(BIN)/python -m bench.soak $(N)

drills: $(VENV)/.dev ## every fault on each kind of server, and in containers, into docs/fault-matrix.md: some 10 minutes
	$(BIN)/python -m tools.drills

demo: $(VENV)/.runtime ## the runbook's stack in Docker: up, checked until healthy, down
	@scripts/demo.sh

docs: $(VENV)/.dev ## generate docs/checks and README's table from the checks' docstrings
	$(BIN)/python tools/docs.py

sample: $(VENV)/.dev ## a report of two broken servers, into reports/sample and docs/report.png
	$(BIN)/python tools/sample.py

images: ## build the container images that the tests use, from Debian packages
	scripts/build-test-images.sh

clean: ## remove what the targets above made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
