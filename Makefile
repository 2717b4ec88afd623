# Every task of the project; `make` alone lists them. CI calls nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILD := build

CORE_SOURCES := $(shell find core -type f \( -name '*.cpp' -o -name '*.h' -o -name 'CMakeLists.txt' -o -name '*.pyi' -o -name 'pyproject.toml' -o -name '*.py' \) 2>/dev/null)
CPP_SOURCES := $(shell find core -type f \( -name '*.cpp' -o -name '*.h' \) 2>/dev/null)
PYTHON_SOURCES := clients/python/src services tests scripts benchmarks

.PHONY: help install proto proto-check format lint lint-python lint-proto lint-core test test-core test-python \
	test-core-arm sanitize fuzz test-unit test-integration test-e2e test-gpu demo up bench clean

help: ## List the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

# --- set-up ---------------------------------------------------------------------------------------------------------

$(VENV)/tools.stamp: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("framecast needs Python 3.11 or newer; set PYTHON=…" if sys.version_info < (3, 11) else 0)'
	@command -v g++ >/dev/null || { echo "framecast needs g++ (Debian: apt-get install g++)"; exit 1; }
	@echo "setting up $(VENV); PyTorch alone is some gigabytes, so the first time takes minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --group dev
	@touch $@

$(VENV)/core.stamp: $(VENV)/tools.stamp $(CORE_SOURCES)
	$(BIN)/pip install --quiet --constraint constraints.txt --no-build-isolation --force-reinstall --no-deps ./core
	@touch $@

# Editable: Python sources are read in place, so a change of the core needs nothing here.
$(VENV)/services.stamp: $(VENV)/tools.stamp clients/python/pyproject.toml services/pyproject.toml | $(VENV)/core.stamp
	$(BIN)/pip install --quiet --constraint constraints.txt --editable 'clients/python[video]' \
		--editable 'services[registry,trainer,inference,cpu,postgres,observability]'
	@touch $@

install: $(VENV)/core.stamp $(VENV)/services.stamp ## Set everything up in .venv

# --- contract -------------------------------------------------------------------------------------------------------

proto: install ## Generate the stubs from proto/
	$(BIN)/python scripts/generate_stubs.py

proto-check: install ## Fail where the committed stubs differ from proto/
	@rm -rf $(BUILD)/stubs
	$(BIN)/python scripts/generate_stubs.py $(BUILD)/stubs
	@for package in clients/python/src/framecast/v1 services/inference/framecast_inference/open_inference/v2; do \
		diff -r -x __pycache__ $(BUILD)/stubs/$$package $$package || exit 1; done

# --- style ----------------------------------------------------------------------------------------------------------

format: install ## Format Python, C++ and protos
	$(BIN)/ruff check --quiet --fix $(PYTHON_SOURCES) || true
	$(BIN)/ruff format --quiet $(PYTHON_SOURCES)
	$(BIN)/clang-format -i --style=file:core/.clang-format $(CPP_SOURCES)
	$(BIN)/buf format -w proto

lint: lint-python lint-proto lint-core ## ruff, mypy --strict, buf, clang-format

lint-python: install
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/mypy clients/python/src services/*/framecast_* scripts tests benchmarks

lint-proto: proto-check
	@rm -rf $(BUILD)/googleapis && mkdir -p $(BUILD)/googleapis
	@$(BIN)/python scripts/copy_google_protos.py $(BUILD)/googleapis
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code proto

lint-core: install
	$(BIN)/clang-format --dry-run --Werror --style=file:core/.clang-format $(CPP_SOURCES)

# --- tests ----------------------------------------------------------------------------------------------------------

test: test-core test-python ## Run every test

test-core: install ## The C++ tests
	$(CORE_CMAKE) -B $(BUILD)/core -DFRAMECAST_BUILD_TESTS=ON >/dev/null
	$(BIN)/cmake --build $(BUILD)/core
	$(BIN)/ctest --test-dir $(BUILD)/core --output-on-failure

CORE_CMAKE = $(BIN)/cmake -S core -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja
# libFuzzer comes with Clang (Debian: apt-get install clang); without it the targets get random inputs.
FUZZ_CXX := $(shell command -v clang++ || command -v g++)
FUZZ_SECONDS ?= 600

# Debian: apt-get install g++-aarch64-linux-gnu qemu-user
test-core-arm: install ## The C++ tests for Arm64, cross-compiled and under an emulator
	$(CORE_CMAKE) -B $(BUILD)/arm -DFRAMECAST_BUILD_TESTS=ON -DCMAKE_SYSTEM_NAME=Linux \
		-DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
		"-DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64;-L;/usr/aarch64-linux-gnu" >/dev/null
	$(BIN)/cmake --build $(BUILD)/arm
	$(BIN)/ctest --test-dir $(BUILD)/arm --output-on-failure

# Some kernels place memory where GCC 12's sanitizers cannot have it, unless told not to randomize.
FIXED_ADDRESSES := $(shell setarch -R true 2>/dev/null && echo setarch -R)

sanitize: install ## The C++ tests under AddressSanitizer + UndefinedBehaviorSanitizer and ThreadSanitizer
	$(CORE_CMAKE) -B $(BUILD)/asan -DFRAMECAST_BUILD_TESTS=ON -DFRAMECAST_SANITIZE=address,undefined >/dev/null
	$(BIN)/cmake --build $(BUILD)/asan
	$(FIXED_ADDRESSES) $(BIN)/ctest --test-dir $(BUILD)/asan --output-on-failure
	$(CORE_CMAKE) -B $(BUILD)/tsan -DFRAMECAST_BUILD_TESTS=ON -DFRAMECAST_SANITIZE=thread >/dev/null
	$(BIN)/cmake --build $(BUILD)/tsan
	$(FIXED_ADDRESSES) $(BIN)/ctest --test-dir $(BUILD)/tsan --output-on-failure

fuzz: install ## Hunt for inputs that break a kernel, FUZZ_SECONDS (600) for each target
	$(CORE_CMAKE) -B $(BUILD)/fuzz -DCMAKE_CXX_COMPILER=$(FUZZ_CXX) -DFRAMECAST_BUILD_FUZZERS=ON \
		-DFRAMECAST_SANITIZE=address,undefined >/dev/null
	$(BIN)/cmake --build $(BUILD)/fuzz
	$(BIN)/python scripts/fuzz.py $(BUILD)/fuzz --seconds $(FUZZ_SECONDS)

# Files side by side: much of the time is spent waiting for services. PyTorch in each takes memory, so not too many.
PYTEST_WORKERS ?= $(shell n=$$(nproc); echo $$((n < 4 ? n : 4)))

test-python: install
	$(BIN)/pytest tests --numprocesses $(PYTEST_WORKERS) --dist loadfile

test-unit: install ## The Python unit and contract tests
	$(BIN)/pytest tests/unit tests/contract

test-integration: install ## Real servers, one or two at a time
	$(BIN)/pytest tests/integration

test-e2e: install ## The whole system
	$(BIN)/pytest tests/e2e

test-gpu: install ## The tests that need an NVIDIA GPU
	$(BIN)/pytest tests -m gpu

# --- use ------------------------------------------------------------------------------------------------------------

demo: install ## The main job on generated data: import, train, export, stream
	$(BIN)/framecast demo

up: install ## Start all services on loopback
	$(BIN)/framecast up

bench: install ## The kernels against other libraries; see benchmarks/README.md
	@for script in benchmarks/core_*.py; do $(BIN)/python -m benchmarks.$$(basename $$script .py) || exit 1; done

clean: ## Remove what was built, keep the virtual environment
	rm -rf $(BUILD) demo-output .pytest_cache .mypy_cache .ruff_cache
