# make run    install into .venv, then check, tabulate, compile and train: the tour of the README
# make test   install into .venv, then run the tests, the longest ones aside
# make ci     all that must hold before a change is taken: style, types, the wheel, and all tests but the slow ones
#
# Nothing needs to be installed before but Python 3.11 or later (another than `python3`: make run PYTHON=python3.12).

PYTHON ?= python3
PYTEST ?=
BIN := .venv/bin
PIP_OPTIONS ?=
INSTALL := $(BIN)/python -m pip install $(PIP_OPTIONS) --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: help run test lint types wheel ci

help:
	@sed -n 's/^# make/make/p' Makefile

run: .venv/installed-run
	$(BIN)/netspec check specs/*.net
	$(BIN)/netspec summary specs/alexnet.net
	mkdir -p runs
	$(BIN)/netspec compile specs/alexnet.net -o runs/alexnet.py
	$(BIN)/netspec train specs/alexnet-tiny.net --data synthetic --steps 20
	$(BIN)/netspec train specs/digits.net --data digits
	@echo "all of it worked; . $(BIN)/activate puts the command netspec on the path"

# Files of tests run side by side, each in one thread: threads of several tests on the same cores wait for each other.
# They start hundreds of processes, which find what Python has compiled where it may be kept.
test: .venv/installed-test
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 \
		--dist loadfile --no-loadscope-reorder $(PYTEST)

lint: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/installed-dev
	$(BIN)/mypy

wheel: .venv/installed-dev
	rm -rf build dist
	$(BIN)/python -m build --wheel --no-isolation

ci:
	.ci/run

# A stamp is as old as the installation; what decides about the installation is newer after a change. The extra dev has
# all that the extra test has.
.venv/installed-run: EXTRAS = digits,plots
.venv/installed-test: EXTRAS = test
.venv/installed-dev: EXTRAS = dev
.venv/installed-dev: ALSO = .venv/installed-test
.venv/installed-%: .venv/bin/python pyproject.toml setup.py constraints.txt
	$(INSTALL) '.[$(EXTRAS)]'
	touch $@ $(ALSO)

# Old installations stay: only a missing environment is made.
.venv/bin/python:
	$(PYTHON) -m venv .venv
