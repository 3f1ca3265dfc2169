# Pavilion: everything a developer or operator types. `make run` needs python3 and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_MODULES := .tools/node_modules
TYPESCRIPT := typescript@5.9.3

# Servers start from compiled modules here too, as they do where a package is installed.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run setup test check format bench test-all wheel clean

help:
	@echo "make run       install what is needed and start a sample fair (Ctrl-C ends it)"
	@echo "make test      all checks and tests, under 8 minutes"
	@echo "make check     lint, types, import rules, scripts"
	@echo "make bench     speed and memory, next to their references"
	@echo "make test-all  the long runs too"
	@echo "make wheel     build dist/*.whl"

run: $(VENV)/.run
	$(BIN)/pavilion demo

setup: $(VENV)/.dev packages $(NODE_MODULES)/.done

# --- installing ---------------------------------------------------------------------------

# A virtual environment needs Python 3.11 and, on Debian, the package that carries ensurepip.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  sh .ci/packages.sh python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e . -c constraints.txt
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	@touch $@ $(VENV)/.run

.PHONY: packages
packages:
	@sh .ci/packages.sh chromium firefox-esr redis-server postgresql coturn nodejs npm fonts-noto-cjk fonts-noto-color-emoji

$(NODE_MODULES)/.done: Makefile | packages
	npm install --silent --no-audit --no-fund --prefix .tools $(TYPESCRIPT)
	@touch $@

# --- checking -----------------------------------------------------------------------------

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest tests/test_architecture.py
	$(NODE_MODULES)/.bin/tsc --project static/jsconfig.json
	node --test tests/js/

# Three processes, since much of a test is waiting; tests/conftest.py says which stay together.
test: check
	$(BIN)/pytest -m "not long" -n 3 --dist loadscope --no-loadscope-reorder

# Five times the random acts on the store; CONTRIBUTING.md says how to run a million. Two browsers
# that code and decode for five take all there is: they come last, by themselves.
FIREFOX := tests/journeys/test_firefox.py
test-all: check
	PAVILION_STORE_ACTS=100000 PAVILION_API_DEEP=1 $(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder --ignore=$(FIREFOX)
	$(BIN)/pytest $(FIREFOX)

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench.run

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/.dev
	$(BIN)/python -m build --wheel --outdir dist .

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
