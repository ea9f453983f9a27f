# What a newcomer types. Everything happens in .venv; nothing else on the machine is touched.
# Another interpreter: make demo PYTHON=python3.13

NEEDS  := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
            $$p -c '$(NEEDS)' >/dev/null 2>&1 && echo $$p && break; done)
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq install

SUITE  := pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
            --doctest-modules --ignore=tests/benchmarks b24data tests

.DEFAULT_GOAL := help
.PHONY: help demo test coverage soak lint docs translations release

help:
	@echo "make demo   a whole portal on this machine, 100,000 deals, a DataFrame, a Parquet file and a chart in demo/"
	@echo "make test   style, types and tests, as the CI runs them"
	@echo "make coverage   the tests, and which lines and branches none of them reaches"
	@echo "make soak   the long runs"
	@echo "make docs   the pages, as docs/_build/html/index.html; 'make test' builds them too"
	@echo "make lint   style and types only; 'make test' includes it"
	@echo "make release   build the wheel, check it in an environment of its own, and tag this commit"

demo: .venv/demo.stamp
	@$(BIN)/b24data demo

test: lint
	@$(BIN)/python -m $(SUITE)

# A quarter more time: which lines and branches no test reaches.
coverage: .venv/dev.stamp
	@$(BIN)/python -m $(SUITE) --cov --cov-report term:skip-covered

soak: .venv/dev.stamp
	@$(BIN)/python -m pytest -m 'soak and not alone' -n auto --maxprocesses 4 --dist worksteal
	@$(BIN)/python -m pytest -m 'soak and alone'

# Pages only, a few seconds: make docs SPHINX='-D nb_execution_mode=off'
docs: .venv/dev.stamp
	@$(BIN)/python -m sphinx -q -E -a -W --keep-going $(SPHINX) docs docs/_build/html
	@$(BIN)/python -m sphinx -q -E -a -W --keep-going $(SPHINX) -D language=ru docs docs/_build/html/ru
	@echo "docs/_build/html/index.html, docs/_build/html/ru/index.html"

# Brings the Russian texts of the pages (docs/locale) up to date with the English ones: new texts come in empty.
translations: .venv/dev.stamp
	@$(BIN)/python -m sphinx -q -E -a -b gettext -D nb_execution_mode=off docs docs/_build/gettext
	@$(BIN)/python docs/make_translations.py

# The version is that of b24data/version.py; CHANGELOG.md has to have it, and nothing may be uncommitted.
VERSION = $(shell $(BIN)/python -c 'import runpy; print(runpy.run_path("b24data/version.py")["__version__"])')
release: .venv/dev.stamp
	@test -z "$$(git status --porcelain)" || { echo "commit everything first" >&2; exit 1; }
	@grep -q '^## \[$(VERSION)\]' CHANGELOG.md || { echo "CHANGELOG.md has no part for $(VERSION)" >&2; exit 1; }
	@! git rev-parse -q --verify 'refs/tags/v$(VERSION)' >/dev/null || { echo "v$(VERSION) is tagged" >&2; exit 1; }
	@rm -rf dist && $(BIN)/python -m build --outdir dist . >/dev/null
	@rm -rf dist/.check && $(BIN)/python -m venv dist/.check && dist/.check/bin/python -m pip -qq install dist/*.whl
	@test "$$(cd / && '$(CURDIR)/dist/.check/bin/b24data' --version)" = "b24data $(VERSION)"
	@rm -rf dist/.check
	@git tag -a 'v$(VERSION)' -m 'b24data $(VERSION)'
	@echo "dist/ has the files of $(VERSION), and this commit has its tag. 'git push origin v$(VERSION)' publishes them."

lint: .venv/dev.stamp
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

.venv/demo.stamp: pyproject.toml | .venv/made.stamp
	@echo "Installing b24data and what its demo needs into .venv (once, about a minute) ..."
	@$(PIP) --editable '.[demo]'
	@touch $@

.venv/dev.stamp: pyproject.toml | .venv/made.stamp
	@echo "Installing b24data and its tools for tests into .venv (once, about two minutes) ..."
	@$(PIP) --upgrade 'pip>=25.1'
	@$(PIP) --editable . --group dev
	@touch $@ .venv/demo.stamp

.venv/made.stamp:
	@test -n "$(PYTHON)" || { echo "b24data needs Python 3.11 or newer, and there is none here as python3." \
	  "Install it from python.org or your system, or name it: make demo PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c '$(NEEDS)' || { echo "b24data needs Python 3.11 or newer; $(PYTHON) is" \
	  "$$($(PYTHON) --version 2>&1). Name another one: make demo PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) can't make virtual environments" \
	  "here. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@
