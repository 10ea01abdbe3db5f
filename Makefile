# One command per job; CI runs the same ones. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Tests and the demo start hundreds of processes: each would compile every module again, for seconds.
unexport PYTHONDONTWRITEBYTECODE

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.paywarden-setup
# Overridable: make test PYTEST_ARGS="-k locks -x". Tests run in so many processes, each with an embedded broker.
PYTEST_ARGS ?=
TEST_PROCESSES ?= 2
DEMO_ARGS ?=
# The oldest supported interpreter is 3.11; the first of these that runs is used. Set PYTHON to choose another.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	"$$name" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; break; }; done; true)
UV_VERSION := 0.13.9

.PHONY: help setup check test stress connected browser postgresql floods soak explore bench demo model texts alerts contracts docs dashboards lock format clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## create .venv from requirements.lock (nothing to do when it is current)

# requirements.lock holds every dependency with its hash, the build backend included; --no-deps and
# --no-build-isolation keep the last step from fetching anything that is not in the lock. Modules are compiled when they
# are first imported: most of what packages bring never is, and compiling all of it took half of the time.
$(STAMP): requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer is needed and none was found (tried python3.11, python3.12, python3.13, python3)."; \
		echo "Install it (Debian: apt-get install python3 python3-venv) or name it: make setup PYTHON=/path/to/python3"; \
		exit 78; \
	fi
	@if ! "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$(PYTHON) lacks the venv module (Debian: apt-get install python3-venv)."; exit 78; \
	fi
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

check: setup  ## style, types, import contracts, packaging guard
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -P -m streams.adapters.packaging

test: check  ## everything that needs no outside server
	$(BIN)/pytest -m "not connected and not bench and not stress and not browser" -n $(TEST_PROCESSES) \
		--dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

stress: setup  ## detectors under worse conditions: attacks 60 times slower, 20 times the honest traffic, other seeds
	$(BIN)/pytest tests/e2e tests/properties -m stress -n $(TEST_PROCESSES) --dist loadgroup $(PYTEST_ARGS)

connected: setup  ## against real Apache Kafka and a real Prometheus; fails, never skips, without one
	PAYWARDEN_REQUIRE_BROKER=1 PAYWARDEN_REQUIRE_PROMETHEUS=1 $(BIN)/pytest tests/connected \
		tests/unit/console/test_api.py -m connected -n $(TEST_PROCESSES) --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

browser: setup  ## people at the console in a real Chromium; fails, never skips, without one
	PAYWARDEN_REQUIRE_BROWSER=1 $(BIN)/pytest tests/browser -m browser -p no:randomly $(PYTEST_ARGS)

postgresql: setup  ## the case store on PostgreSQL; fails, never skips, without one
	PAYWARDEN_REQUIRE_POSTGRESQL=1 $(BIN)/pytest tests/unit/adapters/case_store -k postgresql $(PYTEST_ARGS)

floods: setup  ## a million hostile events of one account beside a million new addresses and 100,000 messages
	export PAYWARDEN_SOAK=1; \
	$(BIN)/pytest tests/properties/test_product.py -k hostile & account=$$!; \
	{ $(BIN)/pytest tests/properties/test_message_privacy.py && $(BIN)/pytest tests/properties/test_product.py -k flood; } \
		|| { wait $$account; exit 1; }; \
	wait $$account

soak: floods  ## the floods, then 100,000 payments under workers that die: some minutes of CPU time
	PAYWARDEN_SOAK=1 $(BIN)/pytest tests/properties/test_money_engine.py

EXPLORE_MINUTES ?= 30
explore: setup  ## property tests on examples that nobody has tried yet, for EXPLORE_MINUTES or until one fails
	end=$$((SECONDS + 60 * $(EXPLORE_MINUTES))); \
	while [ $$SECONDS -lt $$end ]; do \
		PAYWARDEN_EXPLORE=1 $(BIN)/pytest -q -n $(TEST_PROCESSES) -m "not connected and not bench" tests/properties $(PYTEST_ARGS); \
	done

bench: setup  ## did it get slower
	$(BIN)/pytest -m bench $(PYTEST_ARGS)
	$(BIN)/paywarden bench

demo: setup  ## the whole thing on an embedded broker, with a live view; DEMO_ARGS="--seconds 60 --plain"
	$(BIN)/paywarden demo $(DEMO_ARGS)

# A population without the rule "above 220 is fraud", which only a simulator has. The same seed gives the same model.
POPULATION := --set customers=1200 --set terminals=2400 --set radius=10.2 --set days=63 --set large_amounts=0 \
	--set terminals_per_day=1 --set cards_per_day=1
model: setup  ## train the shipped model again, on the project's own generated population
	mkdir -p .cache/model
	$(BIN)/paywarden simulate population --seed 1 $(POPULATION) --out .cache/model/population.csv --format fdh
	$(BIN)/paywarden features .cache/model/population.csv --format fdh --out .cache/model/population.npz
	rm -rf models/registry
	$(BIN)/paywarden train --history .cache/model/population.npz --name payments --currency EUR \
		--family logistic --family extra_trees --out models/registry

texts: setup  ## train the shipped text model again, on the messages that the project writes itself
	$(BIN)/paywarden train-text --out streams/core/intake/model

alerts:  ## check the Prometheus configuration and run the rule tests (needs promtool)
	promtool check config dashboards/prometheus/prometheus.yml
	promtool test rules dashboards/prometheus/alerts_test.yml dashboards/prometheus/alerts_days_test.yml

contracts: setup  ## regenerate schemas, AsyncAPI document and docs/contracts.md
	$(BIN)/paywarden contracts write

docs: setup  ## regenerate every generated page
	$(BIN)/python -m pytest -p no:randomly tests/architecture/test_generated.py --update-generated -q

dashboards: setup  ## regenerate dashboards/ and docs/metrics.md; DASHBOARDS_ARGS=--check only says whether they are current
	$(BIN)/python -m dashboards.build $(DASHBOARDS_ARGS)

# Runs in an environment of its own, so that a resolver never becomes a dependency. The locks name no registry. The
# second one is what the image needs: the same versions without extras and development tools.
COMPILE = .cache/lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock:  ## resolve pyproject.toml into the two lock files, with hashes; LOCK_ARGS=--upgrade for newer versions
	"$(PYTHON)" -m venv .cache/lock
	.cache/lock/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(COMPILE) --all-extras --group dev $(LOCK_ARGS) --output-file requirements.lock
	$(COMPILE) --group build --extra serve --extra console --constraints requirements.lock --output-file requirements.worker.lock

format:  ## rewrite the tree in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what the commands above made
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
