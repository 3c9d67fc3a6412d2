# `make demo`, `make test` and `make docs` do everything on a machine with Python, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Threads that spin while they wait slow each other down many times where cores are shared.
export GOMP_SPINCOUNT ?= 1000

.PHONY: demo test lint docs clean

demo: $(VENV)/installed
	$(BIN)/python tools/demo.py

test: $(VENV)/installed-all
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed-all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# NO_MKDOCS_2_WARNING leaves out a notice on the future of the theme.
docs: $(VENV)/installed-all
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(VENV)/installed: setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -e ".[onedl]"
	touch $@

$(VENV)/installed-all: $(VENV)/installed
	$(BIN)/pip install --quiet -e ".[all]"
	touch $@

clean:
	rm -rf $(VENV) build site *.egg-info work_dirs/demo data/synthetic
