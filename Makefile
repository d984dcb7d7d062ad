# Arsenal's commands. `make help` lists them; CI calls the same ones.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

PYTHON ?= python3
# Extra arguments for the commands that take some: make test-python ARGS='-k drift', make rivals-trees ARGS='--rows 20000'
ARGS ?=
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
CMAKE_BUILD := build/cpp
# Warnings are errors here, and nowhere that a user's compiler builds the package.
export ARSENAL_WERROR := 1
# bindings/rust takes the library that `make test-cpp` builds, instead of building its own.
export ARSENAL_LIB_DIR := $(CURDIR)/$(CMAKE_BUILD)/cpp
export PYO3_PYTHON := $(BIN)/python
export PATH := $(BIN):$(PATH)

.PHONY: all
all: format-check build lint test ## Format check, build, lint, test

.PHONY: help
help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

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

# What the two extensions are made of, folders included, so that a deleted file counts as a change.
NATIVE := Cargo.toml Cargo.lock CMakeLists.txt cpp/CMakeLists.txt pyproject.toml \
  $(shell find rust bindings/pyo3 bindings/pybind11 cpp/cmake cpp/include cpp/src 2>/dev/null)
PACKAGE := $(shell find python -not -name '*.so' -not -path '*__pycache__*' -type f) README.md LICENSE

.PHONY: build
build: $(VENV)/.built ## Build both extensions and install the package in .venv (editable)

$(VENV)/.built: $(NATIVE) | $(VENV)/.group-build
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --quiet
	touch $@

.PHONY: wheel
wheel: dist/.built ## Build one optimised wheel and the sdist in dist/
	@ls -l dist

dist/.built: $(NATIVE) $(PACKAGE) | $(VENV)/.group-build
	rm -rf dist
	$(BIN)/maturin build --quiet --release --strip --sdist --out dist
	touch $@

# --- use ---------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: build $(VENV)/.extra-demo ## Train, export, serve and watch a model on a year of real flights
	$(BIN)/arsenal demo $(ARGS)

# --- check -------------------------------------------------------------------------------------------------------

CPP_SOURCES := git ls-files '*.cpp' '*.hpp' '*.h' '*.c'

.PHONY: format
format: $(VENV)/.group-lint ## Rewrite all sources in the house format
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .
	$(CPP_SOURCES) | xargs -r $(BIN)/clang-format -i

.PHONY: format-check
format-check: $(VENV)/.group-lint ## Say which sources are not in the house format
	cargo fmt --all --check
	$(BIN)/ruff format --check .
	$(CPP_SOURCES) | xargs -r $(BIN)/clang-format --dry-run -Werror

.PHONY: lint
lint: format-check clippy $(VENV)/.group-test $(VENV)/.extra-cli ## Clippy, ruff, mypy, stubs, bandit, typos, CI files; warnings are errors
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/stubtest arsenal._rust arsenal._cpp --mypy-config-file pyproject.toml --allowlist tools/stubtest_allowlist
	$(BIN)/bandit -q -r python -c pyproject.toml
	$(BIN)/typos
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/pre-commit validate-config

# Clippy sees bindings/pyo3 as maturin builds it, environment included; otherwise the two would rebuild pyo3 in turn.
.PHONY: clippy
clippy: build
	PYO3_BUILD_EXTENSION_MODULE=1 \
	PYO3_ENVIRONMENT_SIGNATURE=$$($(BIN)/python -c 'import sys; print("cpython-%d.%d-%dbit" % (*sys.version_info[:2], sys.maxsize.bit_length() + 1))') \
	cargo clippy --workspace --all-targets --features arsenal-pyo3/extension-module --quiet -- -D warnings

.PHONY: test
test: test-rust test-cpp test-python ## All tests: Rust, C++, Python

.PHONY: test-rust
test-rust: $(VENV)/.created ## Tests of the learning core
	cargo test --quiet

.PHONY: test-cpp
test-cpp: $(VENV)/.group-build ## Tests of the runtime, of its Rust crate, and the example programs
	@tools/googletest
	cmake -S . -B $(CMAKE_BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release
	cmake --build $(CMAKE_BUILD)
	ctest --test-dir $(CMAKE_BUILD) --output-on-failure
	cargo test --quiet -p arsenal-runtime

.PHONY: test-sanitize
test-sanitize: $(VENV)/.group-build ## Tests of the runtime under the address and undefined behaviour sanitizers
	@tools/googletest
	cmake -S . -B $(CMAKE_BUILD)-sanitize -G Ninja -DCMAKE_BUILD_TYPE=Release -DARSENAL_SANITIZE=address,undefined
	cmake --build $(CMAKE_BUILD)-sanitize
	ctest --test-dir $(CMAKE_BUILD)-sanitize --output-on-failure

# Seconds for each target; what ends a target is written to cpp/fuzz/findings, where it stays as a test.
FUZZ_SECONDS ?= 60

.PHONY: fuzz
fuzz: $(VENV)/.group-build ## Fuzz the runtime's reader and its run, with clang's libFuzzer (FUZZ_SECONDS=1800)
	@tools/fuzzer
	cmake -S . -B $(CMAKE_BUILD)-fuzz -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=clang++ \
	  -DARSENAL_FUZZ=ON -DARSENAL_SANITIZE=address,undefined
	cmake --build $(CMAKE_BUILD)-fuzz
	$(CMAKE_BUILD)-fuzz/cpp/fuzz/arsenal_fuzz_corpus $(CMAKE_BUILD)-fuzz/corpus
	for target in load run; do \
	  $(CMAKE_BUILD)-fuzz/cpp/fuzz/arsenal_fuzz_$$target -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=20 \
	    -rss_limit_mb=4096 -artifact_prefix=cpp/fuzz/findings/$$target/ -print_final_stats=1 \
	    $(CMAKE_BUILD)-fuzz/corpus/$$target cpp/fuzz/findings/$$target; \
	done

.PHONY: test-python
test-python: build $(VENV)/.group-test $(VENV)/.extra-demo ## Tests of the Python package
	$(BIN)/python -m pytest $(ARGS)

.PHONY: test-all
test-all: test bench-quick $(VENV)/.group-converters ## All tests and the slow ones: every way to install gives the same package, the benchmarks run
	$(BIN)/python -m pytest -m slow

.PHONY: conformance
conformance: build $(VENV)/.group-test ## Pass rates beside onnxruntime and ONNX's reference evaluator, written to docs/conformance.md
	PYTHONPATH=tests $(BIN)/python -m conformance docs/conformance.md

# --- coverage ----------------------------------------------------------------------------------------------------

# The one on PATH if there is one, else our own.
TARPAULIN := $(or $(shell command -v cargo-tarpaulin),$(CURDIR)/build/tools/bin/cargo-tarpaulin)

$(CURDIR)/build/tools/bin/cargo-tarpaulin:
	cargo install --quiet --locked cargo-tarpaulin --root build/tools --target-dir build/tools/target
	rm -rf build/tools/target

.PHONY: coverage
coverage: coverage-python coverage-rust ## Line coverage, with its thresholds: python/arsenal 95 %, the Rust crates 90 %

.PHONY: coverage-python
coverage-python: build $(VENV)/.group-test $(VENV)/.extra-demo
	rm -rf coverage/python coverage/.coverage*
	mkdir -p coverage
	$(BIN)/python -m pytest --cov --cov-report=term --cov-report=html:coverage/python

.PHONY: coverage-rust
coverage-rust: $(TARPAULIN) $(VENV)/.created
	mkdir -p coverage/rust
	$(TARPAULIN) tarpaulin --engine llvm --target-dir build/tarpaulin --include-files 'rust/*' \
	  --out Stdout --out Html --output-dir coverage/rust --fail-under 90

# --- docs --------------------------------------------------------------------------------------------------------

.PHONY: docs
docs: build $(VENV)/.group-docs $(VENV)/.extra-cli ## The documentation site in docs/_build/html; warnings are errors
	RUSTDOCFLAGS='-D warnings' cargo doc --quiet --no-deps --workspace --exclude arsenal-pyo3 --target-dir target
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	rm -rf docs/_build/html/rust
	cp -r target/doc docs/_build/html/rust
	@echo docs/_build/html/index.html

# --- measure -----------------------------------------------------------------------------------------------------

# asv builds the release wheel of a commit in an environment of its own, once per commit; COMMITS=main..HEAD measures a range.
COMMITS ?= HEAD^!

.PHONY: bench
bench: $(VENV)/.group-bench ## Measure the current commit with asv (COMMITS=main..HEAD, ARGS='--bench fit')
	cd benchmarks && $(BIN)/asv machine --yes >/dev/null && $(BIN)/asv run --show-stderr $(ARGS) '$(COMMITS)'

.PHONY: bench-quick
bench-quick: build $(VENV)/.group-bench $(VENV)/.group-test ## Run every benchmark once against .venv: that they work, not how fast
	cd benchmarks && $(BIN)/asv machine --yes >/dev/null && ARSENAL_BENCH_SIZE=quick \
	  $(BIN)/asv run --python=same --quick --show-stderr --dry-run $(ARGS)

.PHONY: bench-html
bench-html: $(VENV)/.group-bench ## The dashboard of all measured commits in benchmarks/.asv/html
	cd benchmarks && $(BIN)/asv publish
	@echo benchmarks/.asv/html/index.html

RIVALS := .venv-rivals

$(RIVALS)/.ready: benchmarks/rivals/requirements.txt dist/.built
	$(PYTHON) -m venv $(RIVALS)
	$(RIVALS)/bin/python -m pip install --quiet --upgrade 'pip>=25.1,<27'
	$(RIVALS)/bin/python -m pip install --quiet -r benchmarks/rivals/requirements.txt
	$(RIVALS)/bin/python -m pip install --quiet --force-reinstall --no-deps dist/*.whl
	touch $@

.PHONY: rivals-trees
rivals-trees: $(RIVALS)/.ready ## Learning trees beside LightGBM, XGBoost, CatBoost, scikit-learn (ARGS='--rows 20000 --repeats 2')
	PYTHONPATH=benchmarks $(RIVALS)/bin/python -m rivals.trees $(ARGS)

.PHONY: rivals-inference
rivals-inference: $(RIVALS)/.ready ## Prediction beside onnxruntime, LightGBM, XGBoost, CatBoost, YDF
	PYTHONPATH=benchmarks $(RIVALS)/bin/python -m rivals.inference $(ARGS)

.PHONY: calibration
calibration: build ## How often a drift report is wrong without a change, and finds one (ARGS='--replicates 200')
	PYTHONPATH=benchmarks $(BIN)/python -m calibration.drift $(ARGS)

# Of its own: shap needs a newer llvmlite than the others bear.
EXPLAINERS := .venv-rivals-explanations

$(EXPLAINERS)/.ready: benchmarks/rivals/requirements-explanations.txt dist/.built
	$(PYTHON) -m venv $(EXPLAINERS)
	$(EXPLAINERS)/bin/python -m pip install --quiet --upgrade 'pip>=25.1,<27'
	$(EXPLAINERS)/bin/python -m pip install --quiet -r benchmarks/rivals/requirements-explanations.txt
	$(EXPLAINERS)/bin/python -m pip install --quiet --force-reinstall --no-deps dist/*.whl
	touch $@

.PHONY: rivals-explanations
rivals-explanations: $(EXPLAINERS)/.ready ## Shapley values beside shap, XGBoost, LightGBM
	PYTHONPATH=benchmarks $(EXPLAINERS)/bin/python -m rivals.explanations $(ARGS)

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf $(VENV) $(RIVALS) $(EXPLAINERS) target build dist demo-out coverage docs/_build docs/api benchmarks/.asv
	find python -name '*.so' -delete
