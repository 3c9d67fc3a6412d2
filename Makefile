# `make demo` and `make test` do everything on a machine with Python, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Threads that spin while they wait slow each other down many times where cores are shared.
export GOMP_SPINCOUNT ?= 1000

.PHONY: demo test lint clean

demo: $(VENV)/installed
	$(BIN)/python tools/demo.py

test: $(VENV)/installed-all
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/installed-all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/installed: setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -e ".[onedl]"
	touch $@

$(VENV)/installed-all: $(VENV)/installed
	$(BIN)/pip install --quiet -e ".[all]"
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info work_dirs/demo data/synthetic
