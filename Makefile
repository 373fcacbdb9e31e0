# make demo: install, draw a card, run the flow on it.  make test: everything CI runs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/pip install --quiet --disable-pip-version-check -c docker/constraints.txt

.PHONY: demo test lint reference hashes clean

demo: $(VENV)/installed
	$(BIN)/camtriage demo

test: $(VENV)/installed-for-tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

reference: $(VENV)/installed-for-tests
	$(BIN)/python -m tests.reference

# The image's files by their hashes, from the constraints; those that only CUDA needs apart.
hashes: $(VENV)/installed
	$(PIP) uv
	$(BIN)/uv pip compile pyproject.toml --extra postgres --extra dask --extra video -c docker/constraints.txt \
	  --generate-hashes --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
	  --no-header --no-annotate --no-emit-index-url --quiet -o $(VENV)/hashes.txt
	for cuda in 0 1; do awk -v cuda=$$cuda \
	  '/^[a-z]/ {of_cuda = /^(torch|torchvision|triton|nvidia-|cuda-)/} of_cuda == cuda' \
	  $(VENV)/hashes.txt > docker/hashes$$([ $$cuda = 1 ] && echo -cuda).txt; done

$(VENV)/installed: pyproject.toml docker/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	$(PIP) -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV) demo build *.egg-info
