# Arsenal's commands. `make help` lists them; CI calls the same ones.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
CMAKE_BUILD := build/cpp
export PYO3_PYTHON := $(BIN)/python
export PATH := $(BIN):$(PATH)

.PHONY: all
all: format-check build lint test ## Format check, build, lint, test

.PHONY: help
help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# --- prerequisites -----------------------------------------------------------------------------------------------

.PHONY: prerequisites
prerequisites:
	@tools/prerequisites $(PYTHON)

$(VENV)/.created: | prerequisites
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1,<27'
	touch $@

# One stamp per dependency group: a second run installs nothing.
$(VENV)/.group-%: pyproject.toml $(VENV)/.created
	$(BIN)/python -m pip install --quiet --group $*
	touch $@

$(VENV)/.extra-%: pyproject.toml $(VENV)/.created
	$(BIN)/python tools/extra_requirements.py $* | xargs -d '\n' $(BIN)/python -m pip install --quiet
	touch $@

# --- build -------------------------------------------------------------------------------------------------------

.PHONY: build
build: $(VENV)/.group-build ## Build both extensions and install the package in .venv (editable)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --quiet

.PHONY: wheel
wheel: $(VENV)/.group-build ## Build one optimised wheel and the sdist in dist/
	rm -rf dist
	$(BIN)/maturin build --release --strip --sdist --out dist
	@ls -l dist

# --- use ---------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: build $(VENV)/.extra-demo ## Train, export, serve and watch a model on a year of real flights
	$(BIN)/arsenal demo

# --- check -------------------------------------------------------------------------------------------------------

.PHONY: format
format: $(VENV)/.group-lint ## Rewrite all sources in the house format
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .
	git ls-files '*.cpp' '*.hpp' '*.h' '*.c' | xargs -r $(BIN)/clang-format -i

.PHONY: format-check
format-check: $(VENV)/.group-lint ## Say which sources are not in the house format
	cargo fmt --all --check
	$(BIN)/ruff format --check .
	git ls-files '*.cpp' '*.hpp' '*.h' '*.c' | xargs -r $(BIN)/clang-format --dry-run -Werror

.PHONY: lint
lint: format-check build $(VENV)/.group-lint $(VENV)/.group-test ## Clippy, ruff, mypy, stubs, bandit, typos; warnings are errors
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/stubtest arsenal._rust arsenal._cpp --mypy-config-file pyproject.toml
	$(BIN)/bandit -q -r python -c pyproject.toml
	$(BIN)/typos

.PHONY: test
test: test-rust test-cpp test-python ## All tests: Rust, C++, Python

.PHONY: test-rust
test-rust: $(VENV)/.created ## Tests of the learning core
	cargo test --quiet

.PHONY: test-cpp
test-cpp: $(VENV)/.group-build ## Tests of the runtime, and its example programs
	@tools/googletest
	cmake -S . -B $(CMAKE_BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release
	cmake --build $(CMAKE_BUILD)
	ctest --test-dir $(CMAKE_BUILD) --output-on-failure

.PHONY: test-python
test-python: build $(VENV)/.group-test ## Tests of the Python package
	$(BIN)/python -m pytest

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf $(VENV) target build dist demo-out coverage docs/_build
	find python -name '*.so' -delete
