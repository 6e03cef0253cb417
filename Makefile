# Two commands: `make run` and `make test`. Both set up .venv first, from setup.cfg and constraints.txt.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: run test test-all browser bench lint types clean

run: $(VENV)/.run
	$(PY) -m backtests demo

test: $(VENV)/.test
	$(PY) -m pytest -n 2 --dist worksteal -q -m "not full and not browser"

# Every page in headless Chromium; skipped with a reason where it is absent.
browser: $(VENV)/.test
	$(PY) -m pytest -q -rs -m browser

test-all: $(VENV)/.test
	COUNTS=1 $(PY) -m pytest -n 2 -q

bench: $(VENV)/.test
	$(PY) -m tests.bench

lint: $(VENV)/.lint
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .

types: $(VENV)/.lint
	$(PY) -m mypy

clean:
	rm -rf $(VENV) .venv-peers build *.egg-info

# A half-made environment has no stamp and is made again.
$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: install Python 3.11 or newer (Debian: apt-get install python3 python3-venv)"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; found $$($(PYTHON) --version). Name another one: make PYTHON=python3.12 run"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "the venv or pip module is missing: install python3-venv and python3-pip (Debian: apt-get install python3-venv python3-pip)"; exit 2; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made setup.cfg constraints.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,lint]"
	@touch $@
