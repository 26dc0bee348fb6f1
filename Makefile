.DEFAULT_GOAL := help
.PHONY: help setup swift build test lint demo torture fuzz scale bench clean
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

torture: setup ## kill the host hundreds of times and compare with a model: KILLS=300 FILES=2000 SEED=n
	@swift build --build-tests
	@KILLS=$${KILLS:-300} FILES=$${FILES:-2000} swift test --skip-build --filter TortureTests

scale: setup ## many folders, files and events (release build): FOLDERS=10000 FILES=200000 EVENTS=1000000
	@swift build --build-tests
	@for product in sluice echo-function; do swift build -c release --product $$product || exit 1; done
	@FOLDERS=$${FOLDERS:-10000} FILES=$${FILES:-200000} EVENTS=$${EVENTS:-1000000} \
		SLUICE_PROGRAMS="$$(swift build -c release --show-bin-path)" swift test --skip-build --no-parallel --filter ScaleTests

fuzz: setup ## mutated input at every door, SECONDS_EACH=10 seconds each, SEED=n to repeat
	@swift build --build-tests
	@SLUICE_CLIENTS="$$(Sources/Setup/clients.sh --path)" SLUICE_FUZZ_SECONDS=$${SECONDS_EACH:-10} SLUICE_FUZZ_SEED=$(SEED) \
		swift test --skip-build --no-parallel --filter Fuzz

bench: setup ## measure, side by side with the floors and the peers (release build)
	@SLUICE_CLIENTS="$$(Sources/Setup/clients.sh --path)" Sources/Setup/bench.sh

clean: ## remove what was built here; the caches that all clones share stay
	@rm -rf .build .sluice lake
