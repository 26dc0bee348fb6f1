.DEFAULT_GOAL := help
.PHONY: help setup swift build test lint demo bench clean
SHELL := /bin/bash

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

swift:
	@command -v swift >/dev/null || { echo "error: no swift on PATH; Sluice needs Swift 6.3 (https://www.swift.org/install)" >&2; exit 1; }

setup: swift ## install what is missing on this machine: Debian packages, Spark, the tests' clients
	@Sources/Setup/packages.sh
	@Sources/Setup/spark.sh
	@Sources/Setup/clients.sh

build: swift ## build the command and the functions (release)
	@Sources/Setup/packages.sh
	@swift build -c release

test: setup ## set up, build, and run every test
	@swift build --build-tests
	@SLUICE_CLIENTS="$$(Sources/Setup/clients.sh --path)" swift test --skip-build --no-parallel

lint: swift ## check the Swift sources' format, strictly
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests functions

demo: swift ## a year of real flights through the gate: set up, build, drop the files, watch
	@Sources/Setup/packages.sh
	@Sources/Setup/spark.sh
	@Sources/Setup/demo.sh

bench: setup ## measure, side by side with the floors and the peers (release build)
	@SLUICE_CLIENTS="$$(Sources/Setup/clients.sh --path)" Sources/Setup/bench.sh

clean: ## remove what was built here; the caches that all clones share stay
	@rm -rf .build .sluice lake
