# One environment, made once: `make setup` runs by itself before everything else.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# Airbyte's clients, which are many and large, stay among themselves.
CLIENTS        ?= .venv-clients
CLIENTS_PYTHON ?= $(PYTHON)
CLIENTS_READY  := $(CLIENTS)/.ready
SUITABLE        = $(CLIENTS_PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 13))'
# Whatever the environment says: tests start the program a thousand times, each a tenth of a second slower uncompiled.
export PYTHONDONTWRITEBYTECODE =
PIP_INSTALL    := -m pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: help setup demo test check lint types audit cover soak conformance example image fixtures bench figures bench-cdk lock clean

help:
	@echo "make demo    the whole main job, with no key and no network"
	@echo "make test    the tests, but for the long ones: below three minutes"
	@echo "make check   what CI runs: ruff, mypy --strict, the audit of what is pinned, all tests with branch coverage"
	@echo "make conformance  Airbyte's own clients and suites against the connector (installs some 700 MB)"
	@echo "make example   a chart of TSLA through its splits, read with PyAirbyte from the sandbox"
	@echo "make image   builds the image and runs it, where docker or podman is"
	@echo "make fixtures  the calendar and the files of the acceptance tests, made anew"
	@echo "make soak    syncs through faults, splits and kills for SECONDS=600: nothing may grow or be left"
	@echo "make bench   the benchmarks, ratios measured side by side"
	@echo "make figures  docs/figures.md and its picture, from all benchmarks"
	@echo "make bench-cdk  installs the Airbyte CDK, which bench then measures, too"
	@echo "make lock    pin the dependencies anew"

$(READY): requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

setup: $(READY)

demo: setup
	$(BIN)/python -m stockticker_async demo $(TICKERS)

# The long tests (soak, kills, benchmarks) are for `make check`.
test: setup
	$(BIN)/python -m pytest -q -n 2 -m "not long"

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup
	$(BIN)/mypy

# Says "skipped" where no database of vulnerabilities can be reached.
audit: setup
	$(BIN)/python .ci/audit.py -r requirements.lock -r requirements-dev.lock

cover: setup
	$(BIN)/python -m pytest -q -n 2 --cov --cov-report=term

check: lint types audit cover

soak: setup
	SOAK_SECONDS=$(or $(SECONDS),600) $(BIN)/python -m pytest -q -s -p no:cacheprovider tests/process/test_soak.py

$(CLIENTS_READY): conformance/requirements.lock
	$(CLIENTS_PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python $(PIP_INSTALL) --no-deps --no-compile --only-binary :all: -r conformance/requirements.lock
	@touch $@

conformance: setup
	@if $(SUITABLE); \
	then $(MAKE) --no-print-directory $(CLIENTS_READY) && CONNECTOR=$(BIN)/source-stockticker-async \
	  $(CLIENTS)/bin/python -m pytest -q -c conformance/pytest.ini -m "not image_tests" conformance; \
	else echo "Skipped: PyAirbyte wants a Python before 3.13. Name one: make conformance CLIENTS_PYTHON=python3.12"; fi

# Where PyAirbyte cannot be had, the chart is drawn without it.
example: setup
	@if $(SUITABLE); \
	then $(MAKE) --no-print-directory $(CLIENTS_READY) && chosen=$(CLIENTS); \
	else chosen=build/example && $(CLIENTS_PYTHON) -m venv $$chosen \
	  && $$chosen/bin/python $(PIP_INSTALL) -r examples/requirements.lock; fi \
	&& CONNECTOR=$(BIN)/source-stockticker-async $$chosen/bin/python examples/splits.py

image: setup
	MAKE_IMAGE=1 $(BIN)/python -m pytest -q -rs tests/repository/test_image.py

# The calendar; and catalogs, expected records and future states, after a stream was added or has changed.
fixtures: setup
	$(BIN)/python integration_tests/nyse_closures.py
	$(BIN)/python integration_tests/make.py
	$(BIN)/python docs/tables.py

bench: setup
	$(BIN)/python -m benchmarks

# docs/figures.md and its picture, measured anew.
figures: setup
	$(BIN)/python -m benchmarks --page docs/figures.md

# The peer that is measured, too, where it is there: the Airbyte CDK, in an environment of its own.
bench-cdk:
	$(PYTHON) -m venv build/cdk
	build/cdk/bin/pip install --quiet --disable-pip-version-check airbyte-cdk

# Hashes for every platform and every Python that we support; no host is named.
lock: setup
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links --upgrade pyproject.toml -o requirements.lock
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links --upgrade -c requirements.lock pyproject.toml --group dev -o requirements-dev.lock
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links --upgrade conformance/requirements.in \
	  -o conformance/requirements.lock
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links --upgrade -c conformance/requirements.lock \
	  examples/requirements.in -o examples/requirements.lock

clean:
	rm -rf build dist $(VENV) $(CLIENTS) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
