# Two commands are enough: `make chat` and `make test`. Each makes .venv on its first run.

# The first Python that is new enough; `make chat PYTHON=/path/to/python3` picks another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Where an upgrade took the Python away that .venv stands on, it is made anew.
GONE := $(shell [ -e $(BIN)/python ] || echo gone)

chat: .venv/ready .venv/model ## talk to it, and watch it learn
	@$(BIN)/mlxdyn chat $(ARGS)

test: .venv/ready-dev ## the tests, without the slow ones
	$(BIN)/python -m pytest -n 2 $(ARGS)

slow: .venv/ready-dev ## the slow tests
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow --timeout 1800 $(ARGS)
	MLXDYN_FUZZ=1000 $(BIN)/python -m pytest -n 2 --dist worksteal -k test_any --timeout 1800 $(ARGS)

check: .venv/ready-dev ## format, lint, types, import contracts and tests: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 $(ARGS)

format: .venv/ready-dev ## format the code and repair what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

doctor: .venv/ready ## is this machine set up well?
	@$(BIN)/mlxdyn doctor $(ARGS)

recipe-test: .venv/ready-dev ## the tests of how the bundled model was made
	$(BIN)/python -m pytest models/recipe/tests $(ARGS)

results: .venv/ready ## run every experiment again and write results/ (make results DATA=FOLDER)
	DATA="$(or $(DATA),../shared/data)" BIN="$(BIN)" sh results/make.sh

agree: .venv/ready ## set our losses beside reference numbers (make agree DATA=FOLDER)
	$(BIN)/python results/agree.py "$(or $(DATA),../shared/data)"

wheel: .venv/ready-dev ## build a wheel into dist/
	rm -rf build/lib* build/temp.* build/bdist.*
	$(BIN)/python -m build --wheel --no-isolation

# One lock serves macOS and Linux, Python 3.11 and later. `make lock ARGS=--upgrade` takes new versions.
COMPILE = $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 \
	--no-header --no-annotate --group build pyproject.toml
lock: .venv/ready ## write the lock files again from pyproject.toml
	$(PIP) uv
	$(COMPILE) $(ARGS) -o requirements.lock
	$(COMPILE) $(ARGS) --extra dev -c requirements.lock -o requirements-dev.lock

clean: ## remove .venv and what was built; what was measured or trained stays in build/
	rm -rf .venv build/lib* build/temp.* build/bdist.* dist *.egg-info mlxdyn/model/*.so .*_cache .hypothesis snapshot_report.html
	find app mlxdyn models tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

.venv/ready: $(GONE) requirements.lock pyproject.toml setup.py mlxdyn/model/_blas.c
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "mlxdyn needs Python 3.11 or later. Install it, or name it:" \
		"make chat PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make a virtual environment." \
		"On Debian or Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@echo "Installing into .venv (70 MB to download, once) ..."
	@[ -e $(BIN)/python ] || rm -rf .venv
	@"$(PYTHON)" -m venv .venv
	@$(PIP) -r requirements.lock || { echo "If pip finds no mlx: it is made for macOS 14 or later on Apple silicon (and a" \
		"Python of its own kind, not x86) and for Linux with glibc 2.35 or later." >&2; exit 1; }
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# A real assistant to open with, by version and hash; where it cannot be had, the bundled one talks.
.venv/model: .venv/ready
	@$(BIN)/mlxdyn model download smollm2-135m >/dev/null && touch $@ \
		|| echo "The bundled model answers until then; make chat tries again." >&2

# mypy cannot follow setuptools' import hook, so it gets links by the import names.
.venv/ready-dev: .venv/ready requirements-dev.lock
	@$(PIP) -r requirements-dev.lock
	@mkdir -p .venv/rooms
	@ln -sfn ../../app .venv/rooms/mlxdyn_app
	@ln -sfn ../../models .venv/rooms/mlxdyn_models
	@touch $@

.PHONY: agree chat check clean doctor format gone help lock recipe-test results slow test wheel
