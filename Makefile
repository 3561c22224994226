# Everything a person types. `make` prints this list. The targets stand in the order in which data flows.

SETUP := .venv/.synced .jars/manifest.json
UV := .venv/bin/uv
UV_VERSION := 0.13.9
COURANT := .venv/bin/courant
# of `courant contract list`; empty means all
DATASET ?=
# of bench/README.md; empty means all
BENCH ?=
# where Spark's jobs run: spark://host:port of a cluster; empty means conf/courant.toml's, this machine
MASTER ?=
# of the cluster in Docker: how many, and which parts of docker/compose.yaml
WORKERS ?=
PROFILES ?= core,ui
COMPOSE = COMPOSE_PROFILES=$(PROFILES) sh docker/compose.sh
ifeq ($(MASTER),spark://spark-master:7077)
# the cluster in Docker: its network is its own, so a job starts in there
COURANT = $(COMPOSE) exec -T jobs courant
SETUP =
else ifneq ($(MASTER),)
export COURANT_SPARK_MASTER = $(MASTER)
endif
CHOSEN = $(if $(DATASET),--dataset $(DATASET))
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup doctor lock up status ps logs down demo live calendar nifi-deploy nifi-export ingest silver gold publish export reconcile alerts schedule dashboard lab screenshots powerbi ml drift mlflow \
        ml-report maintain replay-rejects rebuild check test test-faults test-cluster bench

help: ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	      /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

##@ Set-up
setup: $(SETUP) ## environment and JVM artifacts; a second run touches nothing
	@echo "Set up. Next: make demo"

doctor: $(SETUP) ## check Java, ports, memory, disk and versions
	@$(COURANT) doctor

lock: .venv/.synced ## make requirements.lock anew from pyproject.toml
	@$(UV) pip compile -q pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 \
	    --no-emit-index-url --no-emit-find-links -o requirements.lock

##@ Servers
# With WORKERS it is the cluster in Docker, which has workers; the embedded stack has none.
up: $(if $(WORKERS),,$(SETUP)) ## start the servers under COURANT_HOME (.courant); WORKERS=2: the cluster in Docker
	@$(if $(WORKERS),$(COMPOSE) build -q && $(COMPOSE) up -d --scale spark-worker=$(WORKERS),$(COURANT) up)

status: $(SETUP) ## which servers run, and where
	@$(COURANT) status

ps: ## which containers run, and whether they are well
	@$(COMPOSE) ps

logs: ## what the containers say (SERVICE=ingest)
	@$(COMPOSE) logs --tail 200 $(SERVICE)

down: ## stop them, here and in Docker; their data stays
	@if [ -x $(firstword $(COURANT)) ]; then $(COURANT) down; fi
	@if docker info >/dev/null 2>&1; then $(COMPOSE) down; fi

##@ Data
demo: $(SETUP) ## the main job on the embedded stack, proved and summed up (FILE=a published file)
	@$(COURANT) demo $(if $(FILE),"$(FILE)")

live: $(SETUP) ## replay and ingest at a human pace until Ctrl-C
	@$(COURANT) live

calendar: $(SETUP) ## the calendar's facts as CSV, for NiFi to look up
	@$(COURANT) calendar

nifi-deploy: $(SETUP) ## the flow into NiFi, a group per data set (DATASET=balance ARGS="--like file.csv")
	@$(COURANT) nifi deploy $(CHOSEN) $(ARGS)

nifi-export: $(SETUP) ## nifi/source.json anew, from the group of DATASET in the canvas
	@$(COURANT) nifi export $(or $(DATASET),balance)

ingest: $(SETUP) ## Kafka to MySQL and bronze, exactly once, until Ctrl-C (DATASET=balance; all without)
	@$(COURANT) ingest $(CHOSEN)

silver: $(SETUP) ## what is new in bronze: typed, one row per key; and the rejects
	@$(COURANT) silver $(CHOSEN)

gold: $(SETUP) ## half hours, days, months, load curves, peaks from silver
	@$(COURANT) gold $(CHOSEN)

publish: $(SETUP) ## aggregates as documents in MongoDB (SOURCE=lake; from MySQL without)
	@$(COURANT) publish $(CHOSEN) $(if $(SOURCE),--source $(SOURCE))

export: $(SETUP) ## silver as plain Parquet, for people without Delta (OUT=exports)
	@$(COURANT) export $(CHOSEN) $(if $(OUT),--out "$(OUT)")

reconcile: $(SETUP) ## prove that all layers agree, from Kafka to MongoDB
	@$(COURANT) reconcile $(CHOSEN)

alerts: $(SETUP) ## tell people by the rules of conf/alerts.toml, until Ctrl-C
	@$(COURANT) alerts

schedule: $(SETUP) ## all of this every 10 minutes and daily, by Dagster on 127.0.0.1:3000
	@$(COURANT) schedule

##@ People
dashboard: $(SETUP) ## what happens now, curves, forecasts, health, on 127.0.0.1:8501
	@$(COURANT) dashboard

lab: $(SETUP) ## the notebooks in JupyterLab, with Spark ready, on 127.0.0.1:8888
	@$(COURANT) lab

screenshots: $(SETUP) ## docs/screenshots anew, from a dashboard that runs (ARGS="--address http://127.0.0.1:8501")
	.venv/bin/python scripts/take_screenshots.py $(ARGS)

powerbi: $(SETUP) ## powerbi/ anew from the contracts: a Power BI project on MySQL's views, as text
	@$(COURANT) powerbi

##@ Models
ml: $(SETUP) ## compare the engines, train, forecast the next day (DATASET=balance ARGS="--scales 1,4,16 --cores 1,2")
	@$(COURANT) ml $(CHOSEN) $(ARGS)

drift: $(SETUP) ## judge whether the last days' features are those of the season before
	@$(COURANT) drift $(CHOSEN)

mlflow: $(SETUP) ## the runs of the models and their plots, on 127.0.0.1:5000
	@$(COURANT) mlflow

ml-report: $(SETUP) ## write docs/ml-comparison.md from the newest runs (ARGS="--about 'what the data are'")
	@$(COURANT) ml-report $(CHOSEN) $(ARGS)

##@ Upkeep
maintain: $(SETUP) ## merge small files of the lake, delete what no version needs
	@$(COURANT) maintain

replay-rejects: $(SETUP) ## take in what a mended contract accepts
	@$(COURANT) replay-rejects $(CHOSEN)

rebuild: $(SETUP) ## make a layer anew from bronze (LAYER=silver|gold|mysql|mongo FROM=day TO=day)
	@$(COURANT) rebuild $(LAYER) $(CHOSEN) $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO))

##@ Quality
check: $(SETUP) ## format, lint, types, import rules, spelling; changes nothing
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/typos
	.venv/bin/hadolint --config docker/hadolint.yaml docker/*/*Dockerfile
	@if docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null; then \
	    for over in "" docker/offline/compose.yaml; do OVERRIDE=$$over sh docker/compose.sh config -q || exit; done; \
	else echo "No docker compose here: docker/compose.yaml is not checked"; fi

test: $(SETUP) ## the complete test suite, two files at a time (ARGS="-k name")
	.venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-faults: $(SETUP) ## the fault matrix, round after round (ROUNDS=20 SEED=1 ARGS="--records 5000"); ARGS=--help lists its cells
	@PYTHONPATH=tests:bench .venv/bin/python tests/faults/fault_rounds.py $(if $(ROUNDS),--rounds $(ROUNDS)) \
	    $(if $(SEED),--seed $(SEED)) $(ARGS)

test-cluster: $(SETUP) ## the cluster of docker/compose.yaml in real containers, with a worker killed
	.venv/bin/pytest -o addopts="-ra --strict-markers" tests/containers $(ARGS)

bench: $(SETUP) ## every bench, into docs/benchmarks.md (BENCH=latency ARGS="--runs 1": one, on the screen; written with --write)
	@.venv/bin/python bench/$(if $(BENCH),$(BENCH).py,run_all.py --write) $(ARGS)

# The stamps: each is newer than what it was made from, so `make setup` does nothing when nothing changed.
.venv/.synced: requirements.lock pyproject.toml scripts/prepare.sh
	@sh scripts/prepare.sh python
	@echo "Installing the Python packages of requirements.lock"
	@.venv/bin/pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@# compiled here, once: else each process compiles anew wherever PYTHONDONTWRITEBYTECODE is set
	@$(UV) pip sync --compile-bytecode --python .venv/bin/python requirements.lock
	@$(UV) pip install -q --python .venv/bin/python --no-deps -e .
	@touch $@

.jars/manifest.json: conf/ivy.xml | .venv/.synced
	@sh scripts/prepare.sh java
	@echo "Retrieving the JVM artifacts of conf/ivy.xml into .jars"
	@$(COURANT) jars
