# Everything is installed into .venv (and, what only the distribution has, by apt-get: see .ci/setup).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo test compat guests golden findings lint bench soak picture sample-comparison clean

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SETUP_INPUTS := pyproject.toml .ci/setup
# Tracing needs root: through sudo where that asks for no password.
AS_ROOT = $(shell [ "$$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && echo sudo; })

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: .venv/.run ## Install what tracing needs
setup-test: .venv/.test ## Install what the tests need too

$(BIN)/python:
	.ci/setup run
	"$$(.ci/setup python)" -m venv .venv

.venv/.run: $(SETUP_INPUTS) | $(BIN)/python
	.ci/setup run
	$(PIP) install --editable .
	@touch $@

.venv/.test: .venv/.run
	.ci/setup test
	$(PIP) install --editable '.[dev]'
	@touch $@

demo: setup ## Trace this machine for ten seconds: out/demo.rtrace, out/demo.html
	@.ci/setup tracefs
	@mkdir -p out
	@$(AS_ROOT) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/reclaim-tracer demo $(DEMO_OPTIONS)

# Tests on every CPU; last, one by one, those that need the machine to themselves (tests/conftest.py).
test: setup-test ## Run the tests; says what was skipped and why
	@.ci/setup tracefs
	$(BIN)/python -m pytest --numprocesses logical $(PYTEST_OPTIONS)

compat: setup-test ## Test with other releases' bcc and Python on this kernel (fetches some 260 MB once, needs root)
	@.ci/setup tracefs
	REQUIRE=compat $(BIN)/python -m pytest tests/compat

guests: setup-test ## Every scenario on every kernel of the guest lab, in QEMU (up to an hour without KVM): out/guests
	$(BIN)/python -m tests.guest.matrix -o out/guests $(GUESTS_OPTIONS)
	$(BIN)/python -m tests.guest.prove -o out/guests
	GUESTS=all REQUIRE=guest $(BIN)/python -m pytest tests/guest -k "not test_what_is_found_is_what_was_done"

golden: setup-test ## Accept what the analysis says now as expected (tests/golden); read the diff
	$(BIN)/python -m tests.golden.regenerate

findings: setup-test ## Write docs/findings.md from the kinds of findings
	$(BIN)/python -m tests.findings_page

lint: setup-test ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict tracer

bench: setup-test ## Measure beside every peer (10 minutes, an idle machine): docs/performance.md and .json
	@.ci/setup bench
	@.ci/setup tracefs
	@$(AS_ROOT) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m tests.bench --write $(BENCH_OPTIONS)

soak: setup-test ## Full rate for ten minutes and twenty short storms, by each transport (25 minutes); needs root, two CPUs
	@.ci/setup tracefs
	@status=0; for transport in ring perf; do for storms in "--seconds 600" "--runs 20 --seconds 5"; do \
		$(BIN)/python -m tests.bench.soak --transport $$transport $$storms $(SOAK_OPTIONS) || status=1; \
	done; done; exit $$status

picture: setup-test ## Make reports/sample.html and its picture anew from a labelled trace
	@mkdir -p out
	$(BIN)/reclaim-tracer import tests/golden/data/run-shrinker.txt.zst -o out/sample.rtrace --force \
		--samples tests/golden/data/run-shrinker.samples.jsonl.gz \
		--host-log tests/golden/data/run-shrinker.host.jsonl.gz
	$(BIN)/reclaim-tracer report out/sample.rtrace -o reports/sample.html --force
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,1900 \
		--virtual-time-budget=10000 --user-data-dir=out/chromium --screenshot=reports/sample.png \
		"file://$(CURDIR)/reports/sample.html" 2>/dev/null
	@rm -rf out/chromium

sample-comparison: setup-test ## Make reports/sample-comparison.html anew from three labelled traces
	@mkdir -p out
	@for name in run-stock run-shrinker run-stock-oom; do \
		$(BIN)/reclaim-tracer import tests/golden/data/$$name.txt.* -o out/$$name.rtrace --force \
			--samples tests/golden/data/$$name.samples.jsonl.gz --host-log tests/golden/data/$$name.host.jsonl.gz || exit; \
	done
	cd out && $(CURDIR)/$(BIN)/reclaim-tracer compare --arm none run-stock.rtrace --arm shrinker run-shrinker.rtrace \
		--arm oom_notifier run-stock-oom.rtrace -o ../reports/sample-comparison.html --force >/dev/null

clean: ## Remove everything that make made
	rm -rf .venv out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find tracer tests -name __pycache__ -type d -prune -exec rm -rf {} +
