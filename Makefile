# The commands of this repository. `make help` lists them with the variables they read.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
# An empty TOOLS_DIR or LAB_DIR means the default: otherwise $(TOOLS_DIR)/x would be /x.
override TOOLS_DIR := $(or $(TOOLS_DIR),.tools)
LAB := $(or $(LAB_DIR),.lab)
ifneq ($(words $(TOOLS_DIR) $(LAB)),2)
  $(error TOOLS_DIR and LAB_DIR must be folders without spaces in their names)
endif
VENV := $(TOOLS_DIR)/venv
PY := $(VENV)/bin/python
READY := $(VENV)/.installed

# Variables that a caller may set: `make help` and the check below read this list.
#: PYTHON             the Python for the virtual environment, 3.11 or newer (python3)
#: TOOLS_DIR          the folder for tools and the virtual environment (.tools)
#: CACHE_DIR          the folder for downloads and build caches; share one between clones (TOOLS_DIR/cache)
#: LAB_DIR            the folder for the lab's logs, data and generated configuration (.lab)
#: VALUES             value files, separated by spaces, for the lab, `make doctor`, `make e2e`, `make diff` and `make deploy` (none)
#: NAMESPACE          the namespace of `make doctor`, `make diff`, `make deploy` and `make smoke` (observability)
#: RELEASE            the name of the release that `make doctor` checks (platform)
#: PORT               the storage API's port (5000)
#: METRICS_PORT       the port of its metrics, if the values set storage-api.metrics.port (9797)
#: PROMETHEUS_PORT    Prometheus' port (9090)
#: ALERTMANAGER_PORT  Alertmanager's port (9093)
#: GRAFANA_PORT       Grafana's port, if a Grafana is found (3000)
#: CHECKOUT_PORT      the port of the example service checkout (8000)
#: RECEIVER_PORT      the port of the webhook that receives alerts (9094)
#: GRAFANA_HOME       the folder of an unpacked Grafana (none)
#: NAME               names of drills for `make drill`, separated by spaces (none)
#: ALERT              alerts whose drills `make drill` runs, separated by spaces (none)
#: KUBECONFIG         the cluster of `make doctor`, `make e2e`, `make deploy` and so on (kubectl's default)
#: LOAD_IMAGE         a command that loads {archive}, which holds {image}, into that cluster (that of kind or k3d)
#: E2E_IMAGE          the image's name in that cluster (the chart's default)
#: E2E_MODE           bundled: install kube-prometheus-stack; byo: use the cluster's operator (bundled if the package is in charts/)
#: E2E_PROMETHEUS     namespace/name of the operator's Prometheus (the only one there)
#: E2E_MONITORING_LABELS  labels for the chart's objects, key=value,key=value (those that its selectors match)
#: VERSION            the version for `make version`, or of what is packaged and published (that of Chart.yaml)
#: REGISTRY           the OCI registry and folder to publish to, such as registry.example.com/team (none)
#: IMAGE              the storage API's image in the package, as name@sha256:digest (that of the values)
#: REFERENCES         what `make sign` signs and `make verify` verifies, as name@sha256:digest (none)
#: COSIGN_KEY         a key for cosign, instead of the identity of a CI job (none)
#: CHART              what `make diff` and `make deploy` install, such as oci://...@sha256:... (this folder)
#: TAG                the git tag of a release, for `make release-check` (none)
#: THOROUGH           1: run every test case, as CI does, instead of the everyday number
#: ARGS               more arguments for the command, such as make traffic ARGS="--rounds 100"
MAKEFILE := $(firstword $(MAKEFILE_LIST))
known := $(shell sed -n 's/^\#: \([A-Z0-9_]*\).*/\1/p' $(MAKEFILE))
given := $(foreach v,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $v))),$v))
unknown := $(filter-out $(known) MAKEFLAGS,$(given))
ifneq ($(unknown),)
  $(error unknown variable: $(unknown). Known are: $(known))
endif
# Export only variables that are set: an unset one would reach the programs as an empty string.
$(foreach v,$(known),$(if $(filter-out undefined,$(origin $v)),$(eval export $v)))

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE)
	@printf '\nVariables, such as make up PORT=5001:\n'
	@sed -n 's/^#: /  /p' $(MAKEFILE)

# --- the platform on this machine ---------------------------------------------------------------------

.PHONY: up status down traffic drill drills render tools preview pictures
up: $(READY) ## Start the platform: storage API, checkout, Prometheus, Alertmanager, sample traffic
	@$(PY) -m lab up $(ARGS)
status: $(READY) ## Show what runs, where, with live figures from Prometheus
	@$(PY) -m lab status $(ARGS)
down: $(READY) ## Stop what `make up` started; stored objects are kept
	@$(PY) -m lab down $(ARGS)
traffic: $(READY) ## Send sample traffic and report what was sent
	@$(PY) -m lab traffic $(ARGS)
# Only from the command line: some systems set NAME for every process.
only = $(if $(filter command,$(firstword $(origin $(1)))),$(addprefix $(2) ,$($(1))))
drill: $(READY) ## Inject the fault of the drill NAME, or of the drills of ALERT, and time the alert
	@$(PY) -m lab drills $(call only,NAME,--name) $(call only,ALERT,--alert) $(ARGS)
drills: $(READY) ## Run every drill, in three minutes; ARGS=--record notes the times for docs/drills.md
	@$(PY) -m lab drills --all $(ARGS)
render: $(READY) ## Print the chart's objects, rendered with the lab's values and VALUES
	@$(PY) -m lab render $(ARGS)
tools: $(READY) ## Only install helm, kubectl, Prometheus and Alertmanager into TOOLS_DIR
	@$(PY) -m lab tools $(ARGS)
preview: $(READY) ## Only build the preview page of the dashboards
	@$(PY) -m lab preview $(ARGS)
pictures: $(READY) ## Draw the start page and every dashboard, light and dark, as PNG into docs/pictures
	@$(PY) -m lab pictures $(ARGS)

# --- checks -------------------------------------------------------------------------------------------

DOCS := $(TOOLS_DIR)/docs
# Each file runs on one of two workers, in the order of tests/conftest.py rather than by number of tests.
PYTEST := $(PY) -m pytest --numprocesses 2 --dist loadfile

.PHONY: check test lint docs mutate detection prove-dashboards format doctor e2e
check: lint ## Lint, and every test without servers and browsers; about a minute
	@$(PYTEST) --quiet -m 'not live and not browser' $(ARGS)
test: lint ## Run every test that needs no cluster; THOROUGH=1 runs every case
	@$(PYTEST) $(ARGS)
lint: $(READY) ## Check style, imports between packages, and generated files
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m yamllint --strict .
	@PYTHONPATH=service:. $(VENV)/bin/lint-imports --no-cache >/dev/null || PYTHONPATH=service:. $(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/shellcheck .ci/run ci/run ci/e2e
	@$(PY) -m tools.workflows
	@$(PY) -m dashboards --check
	@$(PY) -m tools.dashboards_table --check
	@$(PY) -m tools.values_schema --check
	@$(PY) -m tools.service_settings --check
	@$(PY) -m tools.service_metrics --check
	@$(PY) -m tools.drills_table --check
	@$(PY) -m tools.compose --check
# -E: a warning of an earlier run is reported again.
docs: $(DOCS)/.installed ## Build the documentation site into dist/docs; warnings and broken links are errors
	@$(DOCS)/bin/python -m sphinx -b dirhtml -nWEq --keep-going -d $(DOCS)/doctrees $(ARGS) docs dist/docs
	@echo "documentation: dist/docs/index.html"
mutate: $(READY) ## Put small faults into the rules and the panels; write into README.md what share the tests notice
	@$(PY) -m tests.support.slo.mutate $(ARGS)
	@PYTHONPATH=service:. $(PY) -m tests.dashboards.mutation.mutate $(ARGS)
detection: $(READY) ## Measure how soon the service levels' alerts fire, and write docs/slo-detection.md
	@$(PY) -m tests.support.slo.detection $(ARGS)
prove-dashboards: $(READY) ## Compare every panel with what a client counted, and write docs/dashboards-proof.md; ARGS=--all prints each comparison
	@PYTHONPATH=service:. $(PY) -m tests.dashboards.truth.report $(ARGS)
format: $(READY) ## Format the Python code
	@$(PY) -m ruff check --fix --quiet . && $(PY) -m ruff format --quiet .
doctor: $(READY) ## Check the cluster of KUBECONFIG before an install with RELEASE, NAMESPACE and VALUES
	@$(PY) -m lab doctor $(ARGS)
e2e: $(READY) ## Install the chart into the cluster of KUBECONFIG and test it there
	@$(PY) -m pytest --verbose tests/e2e $(ARGS)

# --- the service --------------------------------------------------------------------------------------

BENCH := $(TOOLS_DIR)/bench
RELEASING := $(TOOLS_DIR)/releasing

.PHONY: service bench-service bench-slo bench-dashboards service-docs
service: $(READY) ## Run the storage API alone; ARGS=--help lists its settings
	@PYTHONPATH=service $(PY) -m storage_api $(ARGS)
bench-service: $(BENCH)/.installed ## Measure the cost of the service's instrumentation, compared with alternatives
	@PYTHONPATH=service $(BENCH)/bin/python -m bench $(ARGS)
bench-slo: $(READY) ## Compare the rules of service levels with Sloth's and Pyrra's, and write docs/bench-slo.md
	@$(PY) -m bench.slo $(ARGS)
bench-dashboards: $(READY) ## Count the samples that opening each dashboard costs Prometheus, and write docs/dashboards-cost.md
	@PYTHONPATH=service $(PY) -m bench.dashboards $(ARGS)
service-docs: $(READY) ## Write the tables of docs/service.md and docs/metrics.md from the service
	@$(PY) -m tools.service_settings
	@$(PY) -m tools.service_metrics

# --- the chart ----------------------------------------------------------------------------------------

.PHONY: generate dashboards schema compose manifests deps chart-install requirements clean
generate: dashboards schema service-docs compose manifests ## Write every file that is generated from others
dashboards: $(READY) ## Write dashboards/*.json and the list of panels from their Python code
	@$(PY) -m dashboards
	@$(PY) -m tools.dashboards_table
schema: $(READY) ## Write values.schema.json, files/known-names.yaml and docs/values.md from values.yaml
	@$(PY) -m tools.values_schema
compose: $(READY) ## Write deploy/compose, the platform for Docker Compose, from the rendered chart
	@$(PY) -m tools.compose
manifests: $(READY) ## Write deploy/manifests, the objects of each preset, from the rendered chart
	@$(PY) -m tools.manifests
deps: $(READY) ## Download the chart's dependencies into charts/
	@$(PY) -m lab deps
# Only the values for kind: those of the other environments need buckets, certificates and receivers.
chart-install: deps ## Install the chart into the kind cluster of KUBECONFIG with chart-testing (needs ct, kind, docker)
	@rm -rf dist/chart && mkdir -p dist/chart
	@git ls-files -z | tar --create --null --files-from - charts/*.tgz | tar --extract --directory dist/chart
	@find dist/chart/ci -name '*-values.yaml' ! -name kind-values.yaml -delete
	@$(PY) -m tests.support.image dist/image.tar && kind load image-archive dist/image.tar
	@cd dist/chart && ct install --config ci/ct.yaml --charts .
# In each file's folder: there Renovate looks for the files that `-r` and `-c` name.
requirements: $(RELEASING)/.installed ## Compile the pinned and hashed requirements*.txt; ARGS=--upgrade takes the newest versions
	@for f in service/requirements service/requirements-traces bench/requirements tests/presets/requirements \
	  tools/release/requirements examples/checkout/requirements ./requirements-docs ./requirements; do \
	  (cd "$${f%/*}" && $(abspath $(RELEASING))/bin/uv pip compile --quiet --generate-hashes --universal --python-version=3.11 $(ARGS) \
	    "$${f##*/}.in" --output-file="$${f##*/}.txt"); done
# A TOOLS_DIR is removed only if `make` created it, as its tag shows; in LAB_DIR only what the lab wrote.
clean: ## Stop the lab; remove TOOLS_DIR with its caches, and the lab's data with stored objects
	@if [ -e $(TOOLS_DIR) ] && [ $(TOOLS_DIR) != .tools ] && [ ! -e $(TOOLS_DIR)/CACHEDIR.TAG ]; then \
	  echo "clean: TOOLS_DIR $(TOOLS_DIR) held other files before make wrote into it; remove it yourself" >&2; exit 1; fi
	@if [ -x $(PY) ]; then $(PY) -m lab clean; \
	elif [ -e $(LAB)/state.json ] || [ -e $(LAB)/drills/state.json ]; then \
	  echo "clean: a lab may run in $(LAB), started with another TOOLS_DIR; stop it first: make down TOOLS_DIR=..." >&2; exit 1; fi
	@rm -rf $(TOOLS_DIR) dist .pytest_cache .ruff_cache .hypothesis preview/node_modules
	@rm -rf $(addprefix $(LAB)/,alertmanager checkout drills grafana logs prometheus receiver storage-api user lock settings.json state.json)
	@rmdir $(LAB) 2>/dev/null || true

# --- releases -----------------------------------------------------------------------------------------

# docs/releasing.md describes them. Only from the command line: some systems set VERSION or IMAGE for every process.
RELEASE := $(PY) -m tools.release
registry = $(or $(call only,REGISTRY,),$(error set REGISTRY, such as REGISTRY=registry.example.com/team))
references = $(or $(call only,REFERENCES,),$(error set REFERENCES to what was published, as name@sha256:digest))
needs_cosign = @command -v cosign >/dev/null || { echo "cosign is needed: https://docs.sigstore.dev" >&2; exit 1; }

.PHONY: version release-check release-notes package sbom publish-image publish-chart publish-metadata sign verify
version: $(READY) ## Write VERSION into charts, service and examples, and give the changelog a section for it
	@$(RELEASE) version $(or $(call only,VERSION,),$(error set VERSION, such as VERSION=0.2.0))
release-check: $(READY) ## Check that all versions agree with each other and with TAG, and that the changelog has a section
	@$(RELEASE) check $(call only,TAG,--tag)
release-notes: $(READY) ## Print the changelog's section of this version
	@$(RELEASE) notes
package: deps ## Package the chart into dist/, the same bytes for the same sources
	@$(RELEASE) package $(call only,VERSION,--version) $(call only,IMAGE,--image)
sbom: $(RELEASING)/.installed ## List the image's Python packages in dist/storage-api.cdx.json (CycloneDX)
	@mkdir -p dist
	@$(RELEASING)/bin/cyclonedx-py requirements service/requirements-traces.txt --pyproject service/pyproject.toml \
	  --mc-type application --output-reproducible --output-file dist/storage-api.cdx.json
publish-image: $(READY) ## Build the image for all processors, push it to REGISTRY and print its digest (needs docker)
	@$(RELEASE) publish-image --registry $(registry) $(call only,VERSION,--version)
publish-chart: deps ## Package the chart, push it to REGISTRY and print its digest
	@$(RELEASE) publish-chart --registry $(registry) $(call only,VERSION,--version) $(call only,IMAGE,--image)
publish-metadata: $(READY) ## Push artifacthub-repo.yml to REGISTRY, for Artifact Hub
	@$(RELEASE) publish-metadata --registry $(registry)
sign: ## Sign REFERENCES with cosign, by the identity of the CI job or COSIGN_KEY
	$(needs_cosign)
	@for reference in $(references); do cosign sign --yes $(call only,COSIGN_KEY,--key) $(ARGS) $$reference; done
verify: ## Verify the signatures of REFERENCES; ARGS name the identity, see docs/releasing.md
	$(needs_cosign)
	@for reference in $(references); do cosign verify $(call only,COSIGN_KEY,--key) $(ARGS) $$reference >/dev/null; \
	  echo "verified: $$reference"; done

# --- a release in a cluster ---------------------------------------------------------------------------

HELM = $$($(PY) -m lab tools --print helm)
chart = $(or $(call only,CHART,),.)
namespace = $(or $(call only,NAMESPACE,),observability)
values = $(addprefix --values ,$(VALUES))

.PHONY: diff deploy smoke
diff: $(READY) ## Show what `make deploy` would change in the cluster of KUBECONFIG (needs the plugin helm-diff)
	@$(HELM) diff upgrade --install platform $(chart) --namespace $(namespace) $(values) $(ARGS)
deploy: $(READY) ## Install CHART with VALUES or upgrade to it, and roll back if a pod does not become ready
	@$(HELM) upgrade --install platform $(chart) --namespace $(namespace) --create-namespace $(values) \
	  --rollback-on-failure --timeout 10m $(ARGS)
smoke: $(READY) ## Run the deployed release's own tests: `helm test`
	@$(HELM) test platform --namespace $(namespace) --logs --timeout 5m $(ARGS)

# --- the virtual environments -------------------------------------------------------------------------

# $(call venv,folder,requirements): a virtual environment with exactly the pinned packages.
define venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1 || true). Set PYTHON." >&2; exit 1; }
	@$(PYTHON) -m lab.venv $(1) $(2)
	@touch $@
endef

$(READY): requirements.txt
	$(call venv,$(VENV),requirements.txt)
$(BENCH)/.installed: bench/requirements.txt
	$(call venv,$(BENCH),bench/requirements.txt)
$(RELEASING)/.installed: tools/release/requirements.txt
	$(call venv,$(RELEASING),tools/release/requirements.txt)
$(DOCS)/.installed: requirements-docs.txt
	$(call venv,$(DOCS),requirements-docs.txt)
