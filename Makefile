# Everything runs in a venv of its own; a target depends on the console script, so a failed install is tried again.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
IMPEL  := $(BIN)/impel

.PHONY: run test test-browser fuzz-api screenshots outage opinions check format bench bench-baskets bench-core bench-growth bench-peers bench-flink simulation \
        bench-latency bench-saturation bench-timers bench-crash bench-recovery bench-scan bench-steady clean help

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

# Chromium is the system's own: Playwright's download of one needs a host that not everybody reaches.
test-browser: $(IMPEL) ## what runs in a headless Chromium or in Node.js: the libraries that pages and shops have, and our own pages
	command -v chromium >/dev/null || { apt-get update --quiet && apt-get install --quiet --yes chromium; }
	$(BIN)/python -m pip install --quiet --group browser
	npm --prefix tests/browser ci --ignore-scripts --no-audit --no-fund
	$(BIN)/python -m pytest tests/browser

screenshots: $(IMPEL) ## the pictures in docs/images, from the running demo
	$(BIN)/python -m pip install --quiet --group browser
	$(BIN)/python -m tests.browser.screenshots

fuzz-api: $(IMPEL) ## requests of every kind that follow from the API's description, right and wrong: SEED=7 EXAMPLES=30
	$(BIN)/python -m pip install --quiet --group fuzz
	$(BIN)/python -m tests.adapters.api.fuzz $(if $(SEED),--seed $(SEED)) --examples $(or $(EXAMPLES),30)

outage: $(IMPEL) ## ten minutes without an answer from a service, with ten thousand messages waiting, for each of them
	IMPEL_OUTAGE_MESSAGES=10000 $(BIN)/python -m pytest -q tests/adapters/services/test_outage.py

opinions: $(IMPEL) ## what the vendors' own libraries think of what we write and check
	$(BIN)/python -m pip install --quiet --group opinions
	$(BIN)/python -m pytest -q tests/adapters/test_opinions.py

check: $(IMPEL)  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(IMPEL) ## let ruff rewrite what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Sizes are such that all of it takes less than ten minutes on two cores that have nothing else to do. A run that is void
# does not keep the others from being made; make's own exit status says that there was one.
bench: $(IMPEL)  ## the standard set of benches, in under ten minutes on a quiet machine
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python bench/core.py --fill 60000 --rounds 5 --json bench/out/core.json
	$(BIN)/python bench/growth.py --max-users 30000 --rounds 5 --json bench/out/growth.json --plot bench/out/growth
	$(BIN)/python bench/peers.py --events 500000 --json bench/out/peers.json
	$(BIN)/python bench/saturation.py --json bench/out/saturation.json
	void=0; \
	$(BIN)/python bench/latency.py --seconds 5 --json bench/out/latency.json --plot bench/out/latency || void=1; \
	$(BIN)/python bench/timers.py --deadlines 10000 100000 --seconds 5 --json bench/out/timers.json || void=1; \
	exit $$void

bench-latency: $(IMPEL) ## from an event's intended instant to its ack, its decision, and from a deadline to its delivery, by rate
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python bench/latency.py --json bench/out/latency.json --plot bench/out/latency

bench-saturation: $(IMPEL) ## events a second that the sidecar takes at most, by connections and size of frames
	$(BIN)/python bench/saturation.py --json bench/out/saturation.json

bench-timers: $(IMPEL) ## how late deadlines are with up to a million of them armed, under load
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python bench/timers.py --json bench/out/timers.json

bench-baskets: $(IMPEL) ## four triggers over a year of real shopping, checked against a plain computation
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python bench/baskets.py --verify

simulation: $(IMPEL) ## faults of every kind, from many seeds: SEEDS=10000 STORE=sqlite
	$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),10000) --store $(or $(STORE),memory) --jobs 2 --stats

bench-core: $(IMPEL) ## events a second of the core alone, beside what nothing could do without
	$(BIN)/python bench/core.py --json bench/out/core.json

bench-growth: $(IMPEL) ## how the cost of an event grows with users, history and triggers: MAX_USERS=300000
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python bench/growth.py --max-users $(or $(MAX_USERS),300000) --json bench/out/growth.json --plot bench/out/growth

bench-peers: $(IMPEL) ## two rules through the core, by hand, bytewax and, where it is installed (bench-flink), Flink SQL
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python bench/peers.py --json bench/out/peers.json

bench-flink: bench/.venv-flink/installed ## a venv with Flink for bench-peers, 850 MB; it needs a Java 17 besides
bench/.venv-flink/installed:
	$(PYTHON) -m venv --clear bench/.venv-flink
	bench/.venv-flink/bin/pip install --quiet "setuptools<81" wheel
	bench/.venv-flink/bin/pip install --quiet apache-flink==2.3.0
	@touch $@

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
