# Everything runs in a venv of its own; a target depends on the console script, so a failed install is tried again.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
IMPEL  := $(BIN)/impel

.PHONY: run test check format bench-baskets clean help

help:            ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

# A venv whose Python is broken, as after an upgrade of the system's, counts as none and is made anew.
$(IMPEL): pyproject.toml $(BIN)/python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $(IMPEL)

$(BIN)/python:

run: $(IMPEL)    ## start the sidecar with the demo shop and a stream of shoppers
	$(IMPEL) demo

test: $(IMPEL)   ## all tests
	$(BIN)/python -m pytest

check: $(IMPEL)  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(IMPEL) ## let ruff rewrite what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-baskets: $(IMPEL) ## four triggers over a year of real shopping, checked against a plain computation
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python bench/baskets.py --verify

clean:           ## remove the venv and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
