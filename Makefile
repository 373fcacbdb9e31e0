# make demo: install, draw a card, run the flow on it.  make test: everything CI runs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/pip install --quiet --disable-pip-version-check -c docker/constraints.txt

.PHONY: demo test lint reference clean

demo: $(VENV)/installed
	$(BIN)/camtriage demo

test: $(VENV)/installed-for-tests
	$(BIN)/python -m pytest

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

reference: $(VENV)/installed-for-tests
	$(BIN)/python -m flows.reference

$(VENV)/installed: pyproject.toml docker/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	$(PIP) -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV) demo build *.egg-info
