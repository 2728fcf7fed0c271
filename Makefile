# OverCloud. `make up` runs everything on this machine; `make test` proves it; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

STATE  ?= .overcloud
BIN    := $(STATE)/bin
# Static binaries: they run in empty images and on any Linux.
STATIC := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w"

# The edge speaks HTTP/1 only: without HTTP/2 its binary is 0.5 MB smaller. Kafka's messages, half a megabyte of
# encoders for requests of which it sends a few a second, need no inlining: another 0.45 MB.
EDGE_FLAGS := -tags nethttpomithttp2 -gcflags=github.com/twmb/franz-go/pkg/kmsg=-l

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
	@$(STATIC) $(if $(filter edge,$*),$(EDGE_FLAGS)) -o $@ ./$*

$(addprefix $(BIN)/,$(OTHERS)): $(BIN)/%: $(GO_FILES) go.mod
	@echo "building $*"
	@$(STATIC) -o $@ ./functions/$*

test: build ## all hermetic tests, with the race detector
	@# Three packages at once on two cores: the longest tests mostly wait for real servers.
	OVERCLOUD_E2E=1 go test -race -p 3 -timeout 10m ./...

# Whoever adds a test with the tag is on the list; see docs/lab.md.
INTEGRATION = $(sort $(dir $(addprefix ./,$(shell grep -rlE '^//go:build .*\bintegration\b' --include='*_test.go' $(filter-out $(STATE) .%,$(wildcard *))))))

integration: needs-root build ## tests against real Docker engines in a lab and Apache Kafka; needs root
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

# What a Pi's SD card and memory are spared: a binary above this does not pass.
EDGE_BYTES := 15000000

edge-builds: ## the edge daemon for 64-bit and 32-bit Raspberry Pis, and whether it is small enough
	@$(MAKE) --no-print-directory $(call EDGE_FOR,arm64) $(call EDGE_FOR,armhf)
	@for f in $(call EDGE_FOR,arm64) $(call EDGE_FOR,armhf); do \
	  size=$$(stat -c %s $$f); echo "$$f: $$size bytes"; \
	  if [ $$size -gt $(EDGE_BYTES) ]; then echo "$$f is larger than $(EDGE_BYTES) bytes" >&2; exit 1; fi; done

# --- The edge daemon for Raspberry Pis ------------------------------------------------------------------------------

# Debian's names of the machines, and Go's. Every build has the same flags as those for this machine.
ARCH ?= arm64
DEB_ARCHES := amd64 arm64 armhf
GO_FOR_amd64 := GOARCH=amd64
GO_FOR_arm64 := GOARCH=arm64
GO_FOR_armhf := GOARCH=arm GOARM=7
IMAGE_FOLDER_amd64 := linux-amd64
IMAGE_FOLDER_arm64 := linux-arm64
IMAGE_FOLDER_armhf := linux-arm-v7

# Without a tag a version is the time and the name of the commit; ~ makes it older than any release.
VERSION ?= $(shell git describe --tags --exact-match 2>/dev/null || git log -1 --format='0.0.0~%cd.%h' --date=format:%Y%m%d%H%M)
DEB_VERSION = $(patsubst v%,%,$(VERSION))
DIST ?= dist

$(BIN)/nfpm: tools/package/go.mod
	@cd tools/package && $(STATIC) -o $(abspath $@) github.com/goreleaser/nfpm/v2/cmd/nfpm
	@touch $@

EDGE_FOR = $(STATE)/edge/$(1)/edge
define edge_binary
$(call EDGE_FOR,$(1)): $(GO_FILES) go.mod
	@echo "building edge for $(1)"
	@GOOS=linux $(GO_FOR_$(1)) $(STATIC) $(EDGE_FLAGS) -o $$@ ./edge
endef
$(foreach a,$(DEB_ARCHES),$(eval $(call edge_binary,$(a))))

.PHONY: deb debs edge-images
deb: $(BIN)/nfpm ## the edge daemon as a Debian package (ARCH=arm64, armhf or amd64; VERSION=1.2.3) in dist/
	@case " $(DEB_ARCHES) " in *" $(ARCH) "*) ;; *) echo "ARCH is $(ARCH), but it must be one of $(DEB_ARCHES)" >&2; exit 1;; esac
	@$(MAKE) --no-print-directory $(call EDGE_FOR,$(ARCH))
	@mkdir -p $(DIST)
	@DEB_ARCH=$(ARCH) DEB_VERSION='$(DEB_VERSION)' EDGE_BINARY=$(call EDGE_FOR,$(ARCH)) \
	  $(BIN)/nfpm package --packager deb --config packaging/nfpm.yaml --target '$(DIST)/overcloud-edge_$(DEB_VERSION)_$(ARCH).deb'

debs: ## the Debian packages for all three machines
	@for a in $(DEB_ARCHES); do $(MAKE) --no-print-directory deb ARCH=$$a || exit 1; done

# Where `starter images` looks for other machines' binaries.
edge-images: $(foreach a,$(DEB_ARCHES),$(call EDGE_FOR,$(a))) ## the edge daemon for three machines; `starter images --push` then makes one image of them
	@$(foreach a,$(DEB_ARCHES),install -D $(call EDGE_FOR,$(a)) $(BIN)/$(IMAGE_FOLDER_$(a))/edge &&) ls -l $(foreach a,$(DEB_ARCHES),$(BIN)/$(IMAGE_FOLDER_$(a))/edge)

clean: ## remove built binaries; keeps the data under .overcloud
	rm -rf $(BIN)
