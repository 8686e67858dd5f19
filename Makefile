# make film PROMPT="…"   installs the base (no torch) into .venv and makes a film
# make test              installs everything into .venv and runs the tests
# make check             formatting, lint, types and tests
# make train             the whole training run of the embedded model
# make clean             removes .venv and what tools leave behind

PYTHON ?= python3.11
PROMPT ?= a red dog jumps in a snowy forest at night
OUTPUT ?= film.mp4
BIN := .venv/bin
export PROMPT OUTPUT

.PHONY: film test check train clean

film: .venv/base
	$(BIN)/kinema generate "$$PROMPT" -o "$$OUTPUT"

test: .venv/all
	$(BIN)/python -m pytest -n auto

check: .venv/all
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto

train: .venv/all
	PATH="$(CURDIR)/$(BIN):$$PATH" bash runs/nano_cpu.sh

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find kinema tests -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/base: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

# torch goes first and by itself: pinned, so that nothing after it can bring another build of it.
.venv/all: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[train,dev]"
	touch .venv/base $@
