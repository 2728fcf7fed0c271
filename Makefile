# OverCloud. `make up` runs everything on this machine; `make test` proves it; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

STATE  ?= .overcloud
BIN    := $(STATE)/bin
# Static binaries: they run in empty images and on any Linux.
STATIC := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w"

OURS   := starter worker edge ui
OTHERS := kafka influxdb room probe
GO_FILES := $(shell find . -name '*.go' -not -path './$(STATE)/*' -not -path './tools/*') \
            $(shell find ui specs -type f 2>/dev/null)

.PHONY: help up down build tools test integration lab lab-down check lint fmt edge-builds bench clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: build ## bring OverCloud up here with embedded servers and the Smart Energy service
	@$(BIN)/starter up --state-dir $(STATE) $(UP)

down: build ## take the Smart Energy service down in the running OverCloud
	@$(BIN)/starter down smart-energy

build: tools $(addprefix $(BIN)/,$(OURS) $(OTHERS)) ## build every binary into .overcloud/bin

tools: $(BIN)/temporal $(BIN)/influxd ## build the Temporal CLI and InfluxDB from the Go module proxy

$(BIN)/temporal: tools/temporal/go.mod
	@echo "building Temporal (server, Web UI and CLI): the first time this takes about 4 minutes on 2 cores"
	@cd tools/temporal && $(STATIC) -o $(abspath $@) github.com/temporalio/cli/cmd/temporal
	@touch $@

$(BIN)/influxd: tools/influxd/go.mod
	@echo "building InfluxDB: about 20 seconds the first time"
	@cd tools/influxd && $(STATIC) -o $(abspath $@) github.com/influxdata/influxdb/cmd/influxd
	@touch $@

$(addprefix $(BIN)/,$(OURS)): $(BIN)/%: $(GO_FILES) go.mod
	@echo "building $*"
	@$(STATIC) -o $@ ./$*

$(addprefix $(BIN)/,$(OTHERS)): $(BIN)/%: $(GO_FILES) go.mod
	@echo "building $*"
	@$(STATIC) -o $@ ./functions/$*

test: build ## all hermetic tests, with the race detector
	@# Three packages at once on two cores: the longest tests mostly wait for real servers.
	OVERCLOUD_E2E=1 go test -race -p 3 -timeout 10m ./...

# Whoever adds a test with the tag is on the list; see docs/lab.md.
INTEGRATION = $(sort $(dir $(addprefix ./,$(shell grep -rlE '^//go:build .*\bintegration\b' --include='*_test.go' $(filter-out $(STATE) .%,$(wildcard *))))))

integration: needs-root build ## tests against real Docker engines in a lab; needs root
	@# Two packages at once: they mostly wait for engines. What needs no engine make test has run already.
	OVERCLOUD_E2E=1 go test -tags integration -p 2 -timeout 40m -skip '^TestFromOneCommand' $(INTEGRATION)

.PHONY: needs-root
needs-root:
	@if [ "$$(id -u)" != 0 ]; then echo "make integration needs root: it runs Docker engines in network namespaces" >&2; exit 1; fi

LAB   ?= lab
BOXES ?= 2
lab: ## start a lab of real Docker engines here (BOXES=2, LAB=name); needs root
	@go run ./e2e/lab up --name $(LAB) --boxes $(BOXES)

lab-down: ## take that lab down without a trace (LAB=name)
	@go run ./e2e/lab down $(LAB)

check: lint edge-builds ## formatting, vet, linters, determinism of workflows, builds for the Pi
	@echo "check: ok"

LINTERS := $(BIN)/golangci-lint $(BIN)/gofumpt $(BIN)/workflowcheck
$(BIN)/golangci-lint: tools/lint/go.mod
	@echo "building golangci-lint: the first time this takes some minutes"
	@cd tools/lint && $(STATIC) -o $(abspath $@) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@
$(BIN)/gofumpt: tools/lint/go.mod
	@cd tools/lint && $(STATIC) -o $(abspath $@) mvdan.cc/gofumpt
	@touch $@
$(BIN)/workflowcheck: tools/lint/go.mod
	@cd tools/lint && $(STATIC) -o $(abspath $@) go.temporal.io/sdk/contrib/tools/workflowcheck
	@touch $@

lint: $(LINTERS)
	@out="$$($(BIN)/gofumpt -l $$(git ls-files -co --exclude-standard '*.go'))"; \
	  if [ -n "$$out" ]; then echo "not formatted (make fmt):"; echo "$$out"; exit 1; fi
	go vet ./...
	$(BIN)/golangci-lint run ./...
	$(BIN)/workflowcheck -config workflows/workflowcheck.config.yaml ./workflows/...

fmt: $(BIN)/gofumpt ## format every Go file
	$(BIN)/gofumpt -w $$(git ls-files -co --exclude-standard '*.go')

edge-builds: ## the edge daemon for 64-bit and 32-bit Raspberry Pis
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -o /dev/null ./edge
	CGO_ENABLED=0 GOOS=linux GOARCH=arm GOARM=7 go build -trimpath -o /dev/null ./edge

clean: ## remove built binaries; keeps the data under .overcloud
	rm -rf $(BIN)
