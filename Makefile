# Needs Go and, for the C units, gcc. The targets below are all there is.

GO        ?= go
TAGS      ?=
FUZZTIME  ?= 20s
BENCHTIME ?= 1s
JOBS      ?= $(shell nproc 2>/dev/null || echo 2)

# Debian packages: of programs that tests look for, and that bench-peers runs.
TEST_DEPS    := curl nghttp2-client openssl strace wget wrk
PEER_DEPS    := caddy gcc h2o nghttp2-client nginx wrk
CONFORM_DEPS := chromium curl nghttp2-client nginx node-ws nodejs python3-autobahn python3-websockets wget
UML_DEPS     := user-mode-linux
DEPS         ?= $(TEST_DEPS)

# A test in a kernel of its own, which is one slow processor.
UML_TEST := HYPERION_REQUIRE_KTLS=1 $(GO) test -count=1 -exec "$(CURDIR)/bin/uml -limit 5m -modules tls,gcm,ctr,ghash-generic,chacha20poly1305,chacha_generic,poly1305_generic"

# The units in C, all of which make variants turns on.
UNITS := fileio,huffman,pagewrite,unmask,utf8

# What make conform does: h2spec, the tests with clients that people use, the crawl of a whole site.
CONFORM ?= h2spec clients mirror

# A busy machine takes its time; what hangs ends all the same.
GOTEST := $(GO) test -timeout 20m $(if $(TAGS),-tags $(TAGS))

.DEFAULT_GOAL := all
.PHONY: all test race variants fuzz lint bench bench-peers soak conform test-ktls deps clean help

all: ## Build ./bin/hyperion with exactly the modules that go.mod names
	GOWORK=off $(GO) build -trimpath -o bin/hyperion ./cmd/hyperion

test: ## Run the tests of all modules (TAGS=hyperionpoison: with recycled memory poisoned)
	@$(MAKE) --no-print-directory deps || echo "make test: tests that need these programs will skip"
	$(GOTEST) work

race: ## Run the product's tests under the race detector
	$(GOTEST) -race ./... ./hubnats/...

variants: ## Build and test without C of ours (purego), without a C compiler, and with checkers for memory and for pointers given to C
	$(GO) build -tags purego ./...
	$(GOTEST) -tags purego ./...
	CGO_ENABLED=0 $(GO) build ./...
	CGO_ENABLED=0 $(GOTEST) ./...
	HYPERION_NATIVE=$(UNITS) HYPERION_REQUIRE_NATIVE=$(UNITS) $(GO) test -count=1 -asan -skip _allocs ./native/... ./hpack ./wsframe ./goserver/internal/netio
	HYPERION_NATIVE=$(UNITS) HYPERION_REQUIRE_NATIVE=$(UNITS) GOEXPERIMENT=cgocheck2 $(GO) test -count=1 ./native/... ./hpack ./wsframe ./goserver/internal/netio

# A busy machine makes go test take the end of its own time for a failure, without an input: then again.
fuzz: ## Fuzz every target for FUZZTIME (20s), JOBS at a time
	@grep -rEo --include='*_test.go' '^func Fuzz\w+' . \
	| sed -E 's,(.*)/[^/]*:func (.*),\1 \2,' | sort -u \
	| xargs -P $(JOBS) -L 1 sh -c 'for try in 1 2 3 4 5; do \
	    out=$$($(GO) test -run "^$$" -fuzz "^$$1\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 50x -parallel 1 $$0 2>&1) && { echo "ok   $$0 $$1"; exit 0; }; \
	    case "$$out" in *"Failing input"*) break;; *"context deadline exceeded"*) ;; *) break;; esac; \
	  done; echo "FAIL $$0 $$1"; echo "$$out"; exit 1'

lint: ## Check gofmt, go vet, staticcheck and the architecture, and that go.mod alone builds the product
	@bad=$$(gofmt -l .); test -z "$$bad" || { echo "gofmt -w" $$bad; exit 1; }
	$(GO) vet work
	$(GO) tool staticcheck work
	GOWORK=off $(GO) build ./...
	cd hubnats && GOWORK=off $(GO) build ./...
	$(GO) test -count=1 ./tools/archtest
	@$(GO) test -v -run Budgets ./tools/archtest | sed -n 's/.*budget: /over budget: /p'

bench: ## Run the Go benchmarks for BENCHTIME (1s) each
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) work

bench-peers: ## Measure Hyperion beside nginx, h2o, Caddy, net/http and fasthttp (ARGS=-help lists options)
	@$(MAKE) --no-print-directory deps DEPS="$(PEER_DEPS)"
	$(GO) run ./tools/bench $(ARGS)

soak: all ## Load ./bin/hyperion, then a server with handlers, with connection churn, 5 minutes each; all must stay flat
	$(GO) run ./tools/bench/soak $(ARGS)

conform: all ## Hold the server against h2spec, real clients, and nginx' mirror of thousands of files (CONFORM="h2spec clients mirror")
	@$(MAKE) --no-print-directory deps DEPS="$(CONFORM_DEPS)"
	$(if $(filter h2spec,$(CONFORM)),$(GO) run ./tools/conform)
	$(if $(filter clients,$(CONFORM)),HYPERION_REQUIRE_CLIENTS=1 $(GO) test -count=1 ./tools/interop ./tools/acme)
	$(if $(filter mirror,$(CONFORM)),$(GO) run ./tools/mirror)

test-ktls: ## Test kernel TLS for real, in a Linux kernel that runs as a process
	@$(MAKE) --no-print-directory deps DEPS="$(UML_DEPS)"
	$(GO) build -o bin/uml ./tools/uml
	$(UML_TEST) ./goserver/internal/ktls
	$(UML_TEST) -skip '^TestWritePages|Churn' ./goserver/internal/netio
	$(UML_TEST) -run TLS ./goserver
	$(GO) test -count=1 ./tools/uml

deps: ## Install the Debian packages in DEPS that are missing (needs root)
	@missing=; for p in $(DEPS); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	test -z "$$missing" || { \
	  echo "missing:$$missing"; \
	  test "$$(id -u)" = 0 || { echo "run: sudo make deps DEPS=\"$$missing\""; exit 1; }; \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; }

clean: ## Remove what the targets made
	rm -rf bin

help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
