# All targets share one environment. `make setup` creates the environment, and runs before every target.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# Airbyte's clients are many and large, and have an environment of their own.
CLIENTS        ?= .venv-clients
CLIENTS_PYTHON ?= $(PYTHON)
CLIENTS_READY  := $(CLIENTS)/.ready
SUITABLE        = $(CLIENTS_PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 13))'
# The tests that run beside each other. A process that is done takes over tests of the other one.
WORKERS        ?= 2
SPREAD          = -n $(WORKERS) --dist worksteal
# Spark is large, needs Java, and has an environment of its own.
SPARK       ?= .venv-spark
SPARK_READY := $(SPARK)/.ready
HAS_JAVA     = java -version 2>&1 | grep -Eq 'version "(1[7-9]|[2-9][0-9])'
NO_JAVA      = echo "Skipped: Spark needs Java 17 or newer, and there is none (Debian: apt install openjdk-17-jre-headless)"
# Overrides the environment: the tests start the program a thousand times, and each start without compiled files takes
# a tenth of a second longer.
export PYTHONDONTWRITEBYTECODE =
PIP_INSTALL    := -m pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: help setup demo test check lint types audit cover soak conformance example image spark spark-bench fixtures bench figures bench-cdk lock clean

help:
	@echo "make demo    the demo, without an API key and without a network"
	@echo "make test    the tests except the long tests"
	@echo "make check   ruff, mypy --strict, the audit of the pins, branch coverage, all tests with the long tests"
	@echo "make conformance  Airbyte's own clients and suites against the connector (installs some 700 MB)"
	@echo "make example   a chart of TSLA through its splits, read with PyAirbyte from the sandbox"
	@echo "make spark   the data source for Spark: tests with Spark (installs some 660 MB; needs Java 17)"
	@echo "make spark-bench  the data source's rows a second beside one process, and flat files on two cores beside one"
	@echo "make image   builds and runs the image, if docker or podman is installed"
	@echo "make fixtures  generates the calendar, the files of the acceptance tests and the tables of the documents"
	@echo "make soak    syncs through faults, splits and kills for SECONDS=600: no growth, no leaks"
	@echo "make bench   the benchmarks, as ratios measured side by side"
	@echo "make figures  writes docs/figures.md and its picture from all benchmarks"
	@echo "make bench-cdk  installs the Airbyte CDK, so that make bench includes the CDK"
	@echo "make lock    updates the pins of the dependencies"

$(READY): requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

setup: $(READY)

demo: setup
	$(BIN)/python -m stockticker_async demo $(TICKERS)

# `make check` also runs the long tests (soak, kills, benchmarks).
test: setup
	$(BIN)/python -m pytest -q $(SPREAD) -m "not long"

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup
	$(BIN)/mypy

# Prints "skipped" if no vulnerability database is reachable.
audit: setup
	$(BIN)/python .ci/audit.py -r requirements.lock -r requirements-dev.lock

# The coverage is that of the tests' own processes. Counting in each of the thousand programs that they start takes as
# long again, as it does in the long tests.
cover: setup
	$(BIN)/python -m pytest -q $(SPREAD) -m "not long" --cov --cov-report=term
	$(BIN)/python -m pytest -q $(SPREAD) -m long

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
	else echo "Skipped: PyAirbyte needs Python 3.12 or older. Choose a Python: make conformance CLIENTS_PYTHON=python3.12"; fi

# Draws the chart without PyAirbyte if this Python does not support PyAirbyte.
example: setup
	@if $(SUITABLE); \
	then $(MAKE) --no-print-directory $(CLIENTS_READY) && chosen=$(CLIENTS); \
	else chosen=build/example && $(CLIENTS_PYTHON) -m venv $$chosen \
	  && $$chosen/bin/python $(PIP_INSTALL) -r examples/requirements.lock; fi \
	&& CONNECTOR=$(BIN)/source-stockticker-async $$chosen/bin/python examples/splits.py

image: setup
	MAKE_IMAGE=1 $(BIN)/python -m pytest -q -rs tests/repository/test_image.py

$(SPARK_READY): tests/spark/requirements.lock pyproject.toml
	$(PYTHON) -m venv $(SPARK)
	$(SPARK)/bin/python $(PIP_INSTALL) --no-deps -r tests/spark/requirements.lock
	$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# SPARK_TESTS="-m quick" chooses the tests that CI has time for.
spark:
	@if $(HAS_JAVA); \
	then $(MAKE) --no-print-directory $(SPARK_READY) \
	  && $(SPARK)/bin/python -m pytest -q -c tests/spark/spark.ini tests/spark/whole $(SPARK_TESTS); \
	else $(NO_JAVA); fi

spark-bench:
	@if $(HAS_JAVA); \
	then $(MAKE) --no-print-directory $(SPARK_READY) && $(SPARK)/bin/python -m benchmarks.spark && $(SPARK)/bin/python -m benchmarks.spark_files; \
	else $(NO_JAVA); fi

# Run this after a change of a stream: generates the calendar, catalogs, expected records, future states and the tables
# of the documents.
fixtures: setup
	$(BIN)/python integration_tests/nyse_closures.py
	$(BIN)/python integration_tests/make.py
	$(BIN)/python docs/tables.py

bench: setup
	$(BIN)/python -m benchmarks

# Measures, and writes docs/figures.md and its picture.
figures: setup
	$(BIN)/python -m benchmarks --page docs/figures.md

# The Airbyte CDK in an environment of its own; the benchmarks include the CDK if it is installed.
bench-cdk:
	$(PYTHON) -m venv build/cdk
	build/cdk/bin/pip install --quiet --disable-pip-version-check airbyte-cdk

# Hashes for every supported platform and Python version; no host names.
lock: setup
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links --upgrade --extra flatfiles pyproject.toml -o requirements.lock
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links --upgrade -c requirements.lock pyproject.toml --group dev -o requirements-dev.lock
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links --upgrade conformance/requirements.in \
	  -o conformance/requirements.lock
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links --upgrade -c conformance/requirements.lock \
	  examples/requirements.in -o examples/requirements.lock
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links --upgrade -c requirements-dev.lock \
	  tests/spark/requirements.in -o tests/spark/requirements.lock

clean:
	rm -rf build dist $(VENV) $(CLIENTS) $(SPARK) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
