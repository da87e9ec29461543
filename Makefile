# Souffleur. `make run` sets everything up and starts; `make test` runs every test. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

ROOT    := $(CURDIR)
BIN     := build/souffleur
WHISPER := build/whisper/stamp
UI      := web/ui/dist/app/index.html
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# The speech engine is linked statically from build/whisper; the tag says that it is there.
export GOFLAGS     := -tags=whisper
export CGO_CFLAGS  := -O2 -g -I$(ROOT)/build/whisper/include
export CGO_LDFLAGS := -O2 -g -L$(ROOT)/build/whisper/lib

GO_SOURCES := $(shell find . -name '*.go' -not -path './build/*' -not -path './web/ui/node_modules/*' -not -name '*_test.go' 2>/dev/null) \
              $(shell find . \( -name '*.c' -o -name '*.h' -o -name 'manifest.json' -o -name 'openapi.json' \) -not -path './build/*' -not -path '*/node_modules/*' 2>/dev/null)
UI_SOURCES := $(shell find web/ui/src web/ui/public web/ui/scripts web/ui/index.html web/ui/package-lock.json web/ui/vite.config.ts web/ui/svelte.config.js -type f 2>/dev/null)

## run: set everything up (engine, web pages, speech models) and start on http://localhost:8080
.PHONY: run
run: build models
	@exec $(BIN) serve $(ARGS)

## build: build/souffleur, with the web pages inside
.PHONY: build
build: $(BIN)

## models: fetch and verify the default speech models (into the user's cache)
.PHONY: models
models: $(BIN)
	@$(BIN) models pull

$(BIN): $(WHISPER) $(UI) $(GO_SOURCES) go.mod go.sum
	@echo "building $(BIN)"
	@mkdir -p build
	@go build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BIN) .
	@touch $(BIN)

$(WHISPER): scripts/build-whisper.sh scripts/whisper-sources.sh | system
	@scripts/build-whisper.sh
	@touch $(WHISPER)

web/ui/node_modules/.package-lock.json: web/ui/package-lock.json web/ui/.npmrc | system
	@echo "installing the web client's build tools"
	@cd web/ui && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(UI): web/ui/node_modules/.package-lock.json $(UI_SOURCES)
	@echo "building the web client"
	@cd web/ui && npm run --silent build
	@touch $@

.PHONY: system
system:
	@scripts/system-packages.sh build

.PHONY: system-test
system-test:
	@scripts/system-packages.sh build test sound

## demo: a running server gets a room with two scripted speakers; open the printed link to read along
.PHONY: demo
demo: $(BIN)
	@scripts/demo.sh

## test: everything: Go tests with the race detector, web client, browser test
.PHONY: test
test: system-test build models test-go test-ui test-browser

## test-short: the quick Go tests, race detector on
.PHONY: test-short
test-short: $(WHISPER)
	go test -race -short ./...

# Whole meetings come last and alone: they recognise speech in real time.
.PHONY: test-go
test-go: $(WHISPER) $(BIN)
	go test -race -timeout 20m $$(go list ./... | grep -v /e2e)
	go test -race -timeout 20m ./e2e/...

## openapi: write web/openapi.json from the code, and the client's types from it
.PHONY: openapi
openapi: web/ui/node_modules/.package-lock.json
	SOUFFLEUR_UPDATE_OPENAPI=1 GOFLAGS= go test -count=1 ./web -run OpenAPIIsUpToDate
	cd web/ui && npm run --silent schema

.PHONY: test-ui
test-ui: web/ui/node_modules/.package-lock.json
	cd web/ui && npm run --silent check && npm run --silent test

## test-browser: meetings of two to four Chromium browsers, real speech recognition
.PHONY: test-browser
test-browser: system-test $(BIN) models e2e/node_modules/.package-lock.json
	cd e2e && npm run --silent test

e2e/node_modules/.package-lock.json: e2e/package-lock.json e2e/.npmrc
	@cd e2e && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

## test-real: the bus and storage tests, and one whole meeting, on a real Apache Kafka and a real S3 server; a real speech server, a real language model and real networks in ONNX Runtime
.PHONY: test-real
test-real: system-test $(BIN) models e2e/node_modules/.package-lock.json
	scripts/real-kafka.sh build/real/kafka
	scripts/real-minio.sh build/real/bin
	scripts/real-whisper-server.sh
	scripts/real-llama-server.sh
	scripts/real-onnx.sh
	SOUFFLEUR_TEST_REAL=1 go test -race -timeout 20m -count=1 ./asr/remote/... ./internal/bus/... ./storage/... ./e2e/...
	SOUFFLEUR_TEST_REAL=1 go test -timeout 30m -count=1 -run LlamaServer ./summarize/endpoint
	go test -race -timeout 10m -count=1 ./diarize/onnx
	go test -timeout 10m -count=1 -run OwnModels .
	cd e2e && SOUFFLEUR_TEST_REAL=1 npm run --silent test

## test-crash: a meeting in which recogniser, archiver and broker are killed with -9; CRASH='-runs 10 -seconds 60 -seed N -real -json FILE'
.PHONY: test-crash
test-crash: $(WHISPER)
	$(if $(findstring -real,$(CRASH)),scripts/system-packages.sh test && scripts/real-kafka.sh build/real/kafka && scripts/real-minio.sh build/real/bin)
	go test -count=1 -v -timeout 2h ./e2e/crash -args -runs 1 $(CRASH)

## test-api: what openapi.json allows, and what it does not, sent to a running server by schemathesis, in three roles; 100 s
.PHONY: test-api
test-api: $(BIN)
	scripts/system-packages.sh api
	scripts/test-api.sh

# Each test is a meeting of some ten or thirty seconds, alone on the machine: what it says of time would not hold beside others.
## test-net: meetings over networks that lose packets, shrink and move, in network namespaces (root, Linux)
.PHONY: test-net
test-net:
	scripts/system-packages.sh net
	SOUFFLEUR_TEST_NET=1 GOFLAGS= go test -count=1 -v -parallel 1 -timeout 10m -run '^TestNetwork' ./sfu

## bench-bus: delays, and what the broker uses, with 150 tracks; options in BENCH (BENCH='-minutes 20 -json FILE')
.PHONY: bench-bus
bench-bus:
	go run ./bench/bus $(BENCH)

# The signalling and the media of a meeting need neither the speech engine nor the web pages.
## bench-sfu: what forwarding costs, beside a bare pion fan-out; options in BENCH (BENCH='-sets beside -json FILE', BENCH='-soak 30m')
.PHONY: bench-sfu
bench-sfu:
	GOFLAGS= go run ./bench/sfu $(BENCH)

## bench-minutes: what minutes find without a language model, and what they cost; options in BENCH (BENCH='-json FILE', BENCH='-qmsum DIR')
.PHONY: bench-minutes
bench-minutes:
	GOFLAGS= go run ./bench/minutes $(BENCH)

## bench-asr: what readers get, and when; options for the bench in BENCH (BENCH='-speakers 1,2,4,8 -json FILE'), a model in MODEL
.PHONY: bench-asr
bench-asr: system-bench $(BIN) models
	@$(if $(MODEL),$(BIN) models pull $(MODEL))
	go run ./bench/captions $(if $(MODEL),-model $(MODEL)) $(BENCH)

## bench-diarize: how well voices on one microphone are told apart, and the cost; options in BENCH (BENCH='-sets rooms -rooms 2 -json FILE')
.PHONY: bench-diarize
bench-diarize: system-bench $(BIN) models
	go run ./bench/diarize $(BENCH)

.PHONY: system-bench
system-bench:
	@scripts/system-packages.sh build sound

# What C code keeps allocated over many rounds, to the byte, which needs malloc without its caches for each thread; then the
# tests of the shims under the address sanitizer, which looks for leaks when they end. Skipped there: a damaged model file, of
# which the library itself leaks a part.
## test-leaks: memory of the C shims: address and leak sanitizer, growth over many decodes
.PHONY: test-leaks
test-leaks: $(WHISPER) models
	GLIBC_TUNABLES=glibc.malloc.tcache_count=0 go test -count=1 -v -run LeaveNothingAllocated ./asr/whisper ./internal/vad
	go test -count=1 -asan -timeout 30m -skip 'FilesThatAreNoModel|WordErrors' ./asr/whisper ./internal/vad ./internal/whispercpp

## lint: formatting and static checks
.PHONY: lint
lint: $(WHISPER) web/ui/node_modules/.package-lock.json
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	GOFLAGS= CGO_ENABLED=0 go vet ./...
	cd web/ui && npm run --silent lint
	@for f in scripts/*.sh .ci/run; do bash -n $$f || exit 1; done

## fmt: format everything
.PHONY: fmt
fmt: web/ui/node_modules/.package-lock.json
	gofmt -w $$(git ls-files '*.go')
	cd web/ui && npm run --silent format

## clean: remove what was built; data and cached models stay
.PHONY: clean
clean:
	rm -rf build web/ui/dist/app web/ui/node_modules e2e/node_modules e2e/results

.PHONY: help
help:
	@grep -hE '^## ' Makefile | sed 's/^## /  make /'
