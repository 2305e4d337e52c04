# Unposed. `make` alone lists what there is.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
DEMO := $(CURDIR)/var/demo
DEMO_DAY ?= 2026-01-05
DEMO_NEXT_DAY ?= 2026-01-06
DEMO_PRODUCTS ?= 150

# Workers must run this environment's python, and the providers find spark-submit on the PATH only.
export PATH := $(BIN):$(PATH)
export PYSPARK_PYTHON := $(BIN)/python
export PYSPARK_DRIVER_PYTHON := $(BIN)/python
export SPARK_CONF_DIR ?= $(CURDIR)/spark/conf/local
# Dozens of processes import the same modules: without byte code each would compile them anew.
unexport PYTHONDONTWRITEBYTECODE
export SPARK_LOCAL_IP ?= 127.0.0.1

##@ Start here
.PHONY: help demo test
help: ## This list
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z_-]+:.*##/ {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup weights ## Render a catalogue, learn its poses, audit two nights, draw the gallery, say how to serve it
	@docker/demo.sh "$(DEMO)" "$(DEMO_DAY)" "$(DEMO_NEXT_DAY)" "$(DEMO_PRODUCTS)"

# Per cent of the product's lines that the tests are to run; what Spark's workers run is not counted.
LEAST_LINES := 90
# Not counted: PyTorch's compiler fails on code with SlipCover's probes.
COMPILED := unposed_jobs/networks/engines.py,unposed_jobs/networks/torch_graph.py
# Three files at a time, those with Spark by one of the processes (tests/conftest.py): many tests wait,
# and with two processes two cores were busy for six tenths of the time. Threads that wait must not spin.
test: export OMP_WAIT_POLICY := passive
test: setup ## Everything: lint, types, documentation and all tests
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target browser weights lint docs
	python -m slipcover --source unposed_jobs --omit 'unposed_jobs/lab/*,$(COMPILED)' --json --out var/lines.json \
	  -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder
	@python tests/counted_lines.py var/lines.json $(LEAST_LINES)

##@ Set up
.PHONY: setup system browser weights lock
setup: system $(READY) ## The environment in .venv, from requirements.lock

system: ## Java and shared libraries, by apt where this is root on Debian
	@docker/system-packages.sh $(PYTHON)

browser: ## Chromium for the tests of the pages, by apt where this is root; else they are skipped
	@docker/system-packages.sh $(PYTHON) chromium || true

# torch comes first and by pip: its CPU build may lie in pip's find-links, where uv does not look.
$(READY): requirements.lock setup.cfg setup.py
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --no-compile --disable-pip-version-check "$$(grep '^uv==' requirements.lock)" "$$(grep '^torch==' requirements.lock)"
	uv pip install --quiet --python $(BIN)/python -r requirements.lock
	uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

weights: $(READY) ## The networks' weights that the defaults need, verified by checksum
	@unposed models fetch

lock: $(READY) ## Resolve setup.cfg again into requirements.lock
	@{ echo "# Made by 'make lock' from setup.cfg. Install with 'make setup'."; \
	  uv pip compile setup.cfg --extra dev --find-links "$${PIP_FIND_LINKS:-.}" \
	    --python-version 3.11 --no-header --no-annotate --quiet \
	  | sed 's/^\(torch==[0-9.]*\)+cpu/\1/'; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock

##@ Work on it
.PHONY: lint format reference texts docs test-fast test-web test-layouts test-faults test-live test-airflow
lint: $(READY) ## ruff, the borders of rooms, mypy
	ruff check .
	ruff format --check .
	lint-imports --no-cache --no-logo setup.cfg
	mypy

format: $(READY) ## Format and sort imports
	ruff check --fix .
	ruff format .

reference: $(READY) ## Write the generated pages: settings and tables, from the code
	unposed config > unposed.example.toml
	python -m unposed_jobs.config.reference > docs/configuration.md
	python -m unposed_jobs.warehouse.dictionary > docs/tables.md

# What is new comes without a translation, which a test then asks for; what is gone goes.
texts: $(READY) ## The texts of the pages into the catalogues of their translations
	pybabel -q extract -F unposed_jobs/web/locale/babel.cfg --no-location --sort-output \
	  -o var/pages.pot unposed_jobs/web
	pybabel -q update --domain pages --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date \
	  --width 96 -i var/pages.pot -d unposed_jobs/web/locale

docs: $(READY) ## The documentation as a site in var/site; a broken link fails
	sphinx-build -q -n -W --keep-going -b html docs var/site

test-fast: $(READY) ## The tests but for the end-to-end ones
	pytest -m "not e2e"

# The short form, of some hundred pictures, is a part of make test.
test-web: setup weights ## Two nights of 2,000 pictures on a faulty https host, every status held
	UNPOSED_WEB_PRODUCTS=400 pytest -rP tests/jobs/test_web_nights.py

test-layouts: setup weights ## Exports of every shop layout: checked, trained on, audited, unedited
	UNPOSED_LAYOUTS=all pytest tests/jobs/test_layout_nights.py

# The short form, in which the run is that of `airflow dags test`, is a part of make test.
test-airflow: setup ## A candidate waits in a live Airflow, and is decided on the page in its interface
	UNPOSED_AIRFLOW=live pytest -rP tests/web/test_promotion_by_a_person.py

test-faults: setup weights ## Faults of process, store, disk and files; prints what was tried and lost
	UNPOSED_FAULTS=long pytest --numprocesses 2 --dist load -q tests/warehouse/test_faults.py \
	  tests/warehouse/test_faults_of_other_writers.py tests/warehouse/test_machine_faults.py \
	  tests/warehouse/test_faults_of_estimates.py tests/warehouse/test_faults_of_videos.py
	UNPOSED_FAULTS=long pytest -q tests/warehouse/test_hundred_nights.py \
	  tests/jobs/test_failing_store.py tests/jobs/test_hostile_night.py

test-live: setup ## Seven nights of a live Airflow on PostgreSQL (apt install postgresql): killed, failed, late
	UNPOSED_LIVE=1 pytest -rP tests/live

##@ Measure
.PHONY: evaluate evaluate-pictures evaluate-crops evaluate-keypoints evaluate-influence evaluate-videos segmentation-table bench bench-pages
EVALUATED := $(CURDIR)/var/evaluate
# Seeds from 100 on are for judging: nothing may be tuned on them, and what one of them has shown
# is judged next time on another.
EVALUATED_SEED ?= 116
EVALUATED_PRODUCTS ?= 150
evaluate: export UNPOSED_HOME := $(EVALUATED)
evaluate: setup weights ## The accuracy tables beside baselines, docs/model-card.md, the worst mistakes
	rm -rf "$(EVALUATED)"
	unposed sample-catalogue --out "$(EVALUATED)/catalogue" --products $(EVALUATED_PRODUCTS) \
	  --seed $(EVALUATED_SEED)
	unposed train --date $(DEMO_DAY)
	unposed audit --date $(DEMO_DAY)
	unposed evaluate --json "$(EVALUATED)/figures.json" --card docs/model-card.md \
	  --report "$(EVALUATED)/report"

# The seed is judged once: what it has shown is judged next time on another.
PICTURES := $(CURDIR)/var/evaluate-pictures
PICTURES_SEED ?= 126
PICTURES_PRODUCTS ?= 150
PICTURES_DATA ?= $(wildcard ../shared/data)
PICTURES_CARD := python -m unposed_jobs.lab.evaluation.pictures.card --card docs/pictures-card.md
evaluate-pictures: setup weights ## Masks, crops, colours, classes, marketplaces' rules against rendered truth
	rm -rf "$(PICTURES)"
	unposed sample-catalogue --out "$(PICTURES)/catalogue" --products $(PICTURES_PRODUCTS) \
	  --seed $(PICTURES_SEED) --parts
	python -m unposed_jobs.lab.evaluation.pictures "$(PICTURES)/catalogue" \
	  $(if $(PICTURES_DATA),--data "$(PICTURES_DATA)") --json "$(PICTURES)/figures.json" \
	  --sheet "$(PICTURES)/worst.png"
	$(PICTURES_CARD) facts "$(PICTURES)/figures.json"

VIDEOS_CARD := python -m unposed_jobs.lab.evaluation.videos.card --card docs/videos-card.md

# Seeds below 100 are for development; two hundred from 100 on are looked at once.
INFLUENCE := $(CURDIR)/var/evaluate-influence
INFLUENCE_SEED ?= 700
INFLUENCE_SHOPS ?= 200
INFLUENCE_DATA ?= $(wildcard ../shared/data/catalogue)
evaluate-influence: setup ## What pictures are worth: bias, intervals, false discoveries in simulated shops
	mkdir -p "$(INFLUENCE)"
	OMP_NUM_THREADS=1 python -m unposed_jobs.lab.evaluation.influence \
	  --seed $(INFLUENCE_SEED) --shops $(INFLUENCE_SHOPS) --json "$(INFLUENCE)/figures.json" \
	  $(if $(INFLUENCE_DATA),--data "$(INFLUENCE_DATA)")
	$(VIDEOS_CARD) influence "$(INFLUENCE)/figures.json"

# Three networks, three seeds each; the held-out fifth of the products is judged. The small size is for
# 40 minutes of two cores. A GPU is used where there is one: SEGMENTATION="--side 256 --epochs 60".
SEGMENTED := $(CURDIR)/var/segmentation
segmentation-table: setup weights ## Average precision of three segmentation networks on rendered truth
	test -f "$(SEGMENTED)/catalogue/truth/coco.json" || unposed sample-catalogue \
	  --out "$(SEGMENTED)/catalogue" --products 50 --seed 21 --size 320 --parts
	unposed segment compare "$(SEGMENTED)/catalogue/truth/coco.json" --out "$(SEGMENTED)/networks" \
	  --json "$(SEGMENTED)/figures.json" --epochs 12 $(SEGMENTATION)
	$(PICTURES_CARD) segmentation "$(SEGMENTED)/figures.json"

# The seed is judged once. Crops of 160 pixels in pictures of 640 are what the default's 500 are in
# pictures of 2,000.
CROPS := $(CURDIR)/var/evaluate-crops
CROPS_SEED ?= 151
evaluate-crops: setup weights ## Are the crops that close gaps right? With a sheet to look at
	rm -rf "$(CROPS)/catalogue"
	unposed sample-catalogue --out "$(CROPS)/catalogue" --products 120 --seed $(CROPS_SEED)
	python -m unposed_jobs.lab.evaluation.pictures.remedies "$(CROPS)/catalogue" --least 160 \
	  --sheet "$(CROPS)/crops.png" --json "$(CROPS)/crops.json"
	$(PICTURES_CARD) crops "$(CROPS)/crops.json"

evaluate-keypoints: setup weights ## Key points of real people by COCO's similarity, where they are at hand
	mkdir -p "$(CROPS)"
	python -m unposed_jobs.lab.evaluation.pictures.keypoints "$(PICTURES_DATA)" \
	  --json "$(CROPS)/keypoints.json"
	$(PICTURES_CARD) keypoints "$(CROPS)/keypoints.json"

# The seed is judged once. What the networks saw is kept: other heads are judged on the same videos.
VIDEOS := $(CURDIR)/var/evaluate-videos
VIDEOS_SEED ?= 134
evaluate-videos: setup weights ## Orientation, turntable videos and attributes against rendered truth
	python -m unposed_jobs.lab.evaluation.videos --seed $(VIDEOS_SEED) --work "$(VIDEOS)" \
	  $(if $(PICTURES_DATA),--data "$(PICTURES_DATA)") --json "$(VIDEOS)/figures.json"
	$(VIDEOS_CARD) videos "$(VIDEOS)/figures.json"

bench: setup weights ## The performance ratios and docs/performance.md; flags in BENCH="--only 5"
	python -m unposed_jobs.lab.bench --card docs/performance.md $(BENCH)

bench-pages: setup ## The pages of unposed serve over a million products; flags in BENCH="--products N"
	python -m unposed_jobs.lab.bench.pages --card docs/performance.md $(BENCH)

##@ Tidy
.PHONY: clean
clean: ## Remove the environment and all state below var/
	rm -rf $(VENV) var build *.egg-info
