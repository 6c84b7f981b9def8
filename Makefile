# Targets are thin: each is one command, and none swallows a failure.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PYTEST := $(BIN)/python -m pytest
RUN_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help smoke gate nightly test coverage lint lint-code lint-format lint-types lint-docs format \
	bench docs sample images clean

help: ## show this list
	@grep -E '^[a-z][a-z -]*:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

$(VENV)/.runtime: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

smoke gate nightly: $(VENV)/.runtime ## run the checks (RUN_ARGS="--target container …")
	@$(BIN)/redis-runbook $@ $(RUN_ARGS)

test: $(VENV)/.dev ## the product's own tests
	$(PYTEST) tests --timeout 120 --timeout-method signal $(TEST_ARGS)

coverage: $(VENV)/.dev ## the same, and which lines they reach
	$(BIN)/coverage run -m pytest tests --timeout 120 --timeout-method signal $(TEST_ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: lint-code lint-format lint-types lint-docs ## all four of these

lint-code: $(VENV)/.dev ## ruff's rules
	$(BIN)/ruff check .

lint-format: $(VENV)/.dev ## whether ruff would format anything
	$(BIN)/ruff format --check .

lint-types: $(VENV)/.dev ## mypy
	$(BIN)/mypy

lint-docs: $(VENV)/.dev ## whether docs/checks and README say what the docstrings say
	$(BIN)/python tools/docs.py --check

format: $(VENV)/.dev ## let ruff format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure speed and cost, into docs/benchmarks.md
	$(BIN)/python -m bench

docs: $(VENV)/.dev ## generate docs/checks and README's table from the checks' docstrings
	$(BIN)/python tools/docs.py

sample: $(VENV)/.dev ## a report of two broken servers, into reports/sample and docs/report.png
	$(BIN)/python tools/sample.py

images: ## build the container images that the tests use, from Debian packages
	scripts/build-test-images.sh

clean: ## remove what the targets above made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
