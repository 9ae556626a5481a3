.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# A tenth of the time that pip takes. It does not read pip.conf, so pip follows where uv fails.
UV := $(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python
PEOPLE ?= 10000
# How many people the load generator creates by SCIM; those of the pages are made by SQL.
LOADED ?= 10000
COMPANIES ?= 5000
PYTEST_WORKERS ?= auto
# Where this is set, every process would compile again what it imports, and pytest every test file.
unexport PYTHONDONTWRITEBYTECODE
# Enough of a production environment for `check --deploy` to look at; nothing is connected to.
PRODUCTION := DATABASE_URL=postgres://ramp@db.example.com/ramp REDIS_URL=redis://redis.example.com/0 \
	PUBLIC_BASE_URL=https://ramp.example.com BEHIND_PROXY=true EMAIL_URL=smtp://mail.example.com \
	SECRET_KEY=only-as-long-and-as-varied-as-a-real-one-0123456789-abcdefghijk

# A file's tests share what is slow to set up, so one process takes them all, in conftest's order.
SHARED_OUT := --numprocesses $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder

# What `make test-role` runs: the tests that store most rows by the ways of production.
AS_ROLE := tests/people/operations tests/scim/sync

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{sub(/:.*/, "", $$1); printf "%-8s %s\n", $$1, $$2}'

setup: packages .venv/installed .venv/directory  ## Install what is missing: Debian packages (as root or with sudo), .venv

packages:
	@.ci/packages

.venv/installed: requirements-dev.txt
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/packages python3-venv
	$(PYTHON) -m venv .venv
	@awk '/^uv==/ { found = 1 } found { print } found && !/\\$$/ { exit }' $< > .venv/uv.txt
	-$(PIP) install --require-hashes -r .venv/uv.txt
	$(UV) --compile-bytecode -r $< || $(PIP) install --require-hashes -r $<
	@touch $@

# Built here, for which a first look by `make demo` need not wait.
.venv/directory: .venv/installed requirements-directory.txt
	@if { $(UV) -r requirements-directory.txt || $(PIP) install --require-hashes \
		-r requirements-directory.txt; } > .venv/directory.log 2>&1; then touch $@; else \
		echo "LDAP and Windows sign-in were left out: what they need of .ci/apt.txt is not installed." \
			"The reason stands in .venv/directory.log."; fi

demo: .venv/installed  ## Run Ramp with example people on http://127.0.0.1:8000 (PORT=...)
	@$(BIN)/python manage.py demo

serve: .venv/installed .venv/directory  ## Run Ramp for real; DATABASE_URL and REDIS_URL say on what
	@$(BIN)/python manage.py serve

test: setup  ## Run the tests with real PostgreSQL, Redis and Chromium (T=... picks some)
	$(BIN)/python -m pytest $(or $(T),$(SHARED_OUT))

coverage: setup  ## Run the tests, and fail if they take fewer branches than pyproject.toml demands
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(or $(T),$(SHARED_OUT))
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Tests that connect as a superuser do not notice that the role of Ramp may not do something.
test-role: setup  ## Run tests of this process as a database role that row-level security limits (T=...)
	TESTS_ROLE=ramp_app $(BIN)/python -m pytest $(or $(T),$(AS_ROLE) $(SHARED_OUT))

# Side by side, because types, migrations and security take about as long as each other.
check: packages .venv/installed .venv/directory  ## Lint, format, templates, types, layers, migrations, deployment
	@$(MAKE) --no-print-directory --jobs=$$(nproc) --output-sync=target \
		check-types check-migrations check-security check-style check-templates check-layers check-deployment

check-types:
	$(BIN)/mypy .

check-migrations:
	DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.lint_migrations

check-security:
	$(BIN)/bandit --configfile pyproject.toml --quiet --recursive -ll ramp people scim provisioning

check-style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-templates:
	git ls-files '*.html' | xargs -r $(BIN)/djade --target-version 5.2 --check
	git ls-files '*.html' | xargs -r $(BIN)/djhtml --tabwidth 2 --check

check-layers:
	$(BIN)/lint-imports --no-logo

check-deployment:
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

fmt: .venv/installed  ## Put code and templates in shape
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	git ls-files '*.html' | xargs -r $(BIN)/djade --target-version 5.2
	git ls-files '*.html' | xargs -r $(BIN)/djhtml --tabwidth 2

bench: setup  ## Measure SCIM against a bare Django view, and the pages with PEOPLE=10000 people
	$(BIN)/python -m tests.bench --people $(LOADED)
	$(BIN)/python -m tests.bench.pages --people $(PEOPLE)

guides: setup  ## Write what docs/guides repeat of the pages, and take their pictures again
	$(BIN)/python -m tests.guides --pictures

requirements: .venv/installed  ## Write requirements*.txt, with hashes for every platform, from requirements*.in
	@for name in requirements requirements-dev requirements-directory requirements-release; do \
		$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
			--no-strip-extras --no-annotate --no-emit-index-url \
			--custom-compile-command "make requirements" $(UPGRADE) \
			-c requirements.in $$name.in -o $$name.txt || exit 1; done

release: .venv/installed  ## Build the wheel, the image and the bill of materials into dist/
	@.ci/release

audit: .venv/release  ## Look for known vulnerabilities in what production and development install
	@for name in requirements requirements-dev requirements-directory; do \
		.venv/release/bin/pip-audit --strict --disable-pip --require-hashes -r $$name.txt || exit 1; done

# Apart, because its tools need other versions than the tests.
.venv/release: .venv/installed requirements-release.txt
	@$(BIN)/uv venv --quiet --clear $@
	@$(BIN)/uv pip install --quiet --require-hashes --python $@/bin/python -r requirements-release.txt
	@touch $@

bench-jobs: setup  ## Measure one round of the periodic jobs with COMPANIES=5000 companies
	$(BIN)/python -m tests.bench.jobs --companies $(COMPANIES)

faults: setup  ## Break the running product in every way we know, at full size (T="kills zombies" picks some)
	$(BIN)/python -m tests.faults $(T)

.PHONY: help setup packages demo serve test test-role coverage check fmt bench bench-jobs guides faults requirements release \
	audit check-types check-migrations check-security check-style check-templates check-layers \
	check-deployment
