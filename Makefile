# Everything runs in a venv of its own; a target depends on the console script, so a failed install is tried again.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
IMPEL  := $(BIN)/impel

.PHONY: run test check format bench-baskets simulation bench-crash bench-recovery bench-scan bench-steady clean help

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

simulation: $(IMPEL) ## faults of every kind, from many seeds: SEEDS=10000 STORE=sqlite
	$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),10000) --store $(or $(STORE),memory) --jobs 2 --stats

bench-crash: $(IMPEL) ## kill the sidecar again and again under load, and count what is lost or doubled: ROUNDS=5
	$(BIN)/python bench/crash.py --rounds $(or $(ROUNDS),5) --jobs 2

bench-recovery: $(IMPEL) ## how long a start after a kill takes with up to a million users
	$(BIN)/python bench/recovery.py

bench-scan: $(IMPEL) ## an event from each of a million users: how many are awake, in how much memory
	$(BIN)/python bench/scan.py

bench-steady: $(IMPEL) ## whether the database stops growing under a steady load
	$(BIN)/python bench/steady.py

clean:           ## remove the venv and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
