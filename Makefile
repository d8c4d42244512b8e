# sagastorm: `make help` says what there is.

MODE ?= debug
BUILD := build/$(MODE)
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 20
BENCH_SECONDS ?= 2

PACKAGES := libcurl libevent_core libevent_openssl jansson yaml-0.1 libpcre2-8 openssl sqlite3 zlib
WARNINGS := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wundef -Wvla -Wcast-qual -Wformat=2 \
	-Wnull-dereference -Wdouble-promotion -Wimplicit-fallthrough
# clang wants literal formats also where a va_list follows, and does not read "fall through".
CLANG_WARNINGS := -Wno-format-nonliteral -Wno-implicit-fallthrough
GCC_WARNINGS := -Wduplicated-cond -Wduplicated-branches -Wlogical-op

debug_FLAGS := -O1
release_FLAGS := -O2 -fno-plt
# The checks of UBSan make the compiler believe in null pointers that are not there.
asan_FLAGS := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer -Wno-format-truncation -Wno-format-overflow -Wno-null-dereference
tsan_FLAGS := -O1 -fsanitize=thread
cov_FLAGS := -O0 --coverage
ifeq ($(filter $(MODE),debug release asan tsan cov),)
$(error MODE is one of debug release asan tsan cov, not '$(MODE)')
endif

# Expanded when used: pkg-config may be installed by a goal of this very run.
CFLAGS = -std=gnu11 -D_GNU_SOURCE -I. -g $(WARNINGS) \
	$(if $(findstring clang,$(CC)),$(CLANG_WARNINGS),$(GCC_WARNINGS)) $(PACKAGE_CFLAGS) $($(MODE)_FLAGS) \
	$(if $(WERROR),-Werror) $(EXTRA_CFLAGS)
PACKAGE_CFLAGS = $(eval PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES)))$(PACKAGE_CFLAGS)
LDLIBS = $(eval LDLIBS := $(shell pkg-config --libs $(PACKAGES)) -lm)$(LDLIBS)
cov_LDFLAGS := -Wl,--wrap=_exit
LDFLAGS = $($(MODE)_FLAGS) $($(MODE)_LDFLAGS)

ROOMS := lib loadgen chaos engine reports sagas shop
objects_of = $(patsubst %.c,$(BUILD)/%.o,$(1))
OBJECTS := $(call objects_of,$(foreach room,$(ROOMS),$(wildcard $(room)/*.c)))
ifeq ($(MODE),cov)
OBJECTS += $(BUILD)/tests/cover/flush.o
endif
CLI_OBJECTS := $(call objects_of,$(wildcard cli/*.c))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
UNIT_HELPERS := $(call objects_of,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
TOOLS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/tools/*.c))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS := $(patsubst %,$(BUILD)/tests/fuzz/%,$(FUZZERS))
MAN_PAGES := $(BUILD)/man/sagastorm.1 $(BUILD)/man/sagastorm-scenario.5

# `make V=1` shows the commands.
Q := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-4s %s\n' $(1) $(2))

.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:

.PHONY: all
all: $(BUILD)/sagastorm                    ## build sagastorm (MODE=debug|release|asan|tsan|cov)

.PHONY: tests
tests: $(UNIT_TESTS) $(TOOLS) $(REPLAYS)   ## build the test programs

$(BUILD)/sagastorm: $(CLI_OBJECTS) $(BUILD)/libsagastorm.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libsagastorm.a: $(OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(UNIT_HELPERS) $(BUILD)/libsagastorm.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(BUILD)/libsagastorm.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lpthread

$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/libsagastorm.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(BUILD)/libsagastorm.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# The page's style and script are read by the assembler.
$(BUILD)/reports/html_assets.o: reports/page.css reports/page.js

$(BUILD)/man/sagastorm.1: $(BUILD)/sagastorm
	@mkdir -p $(@D)
	$(call say,MAN,$@)
	$(Q)$< help --man > $@

$(BUILD)/man/sagastorm-scenario.5: $(BUILD)/sagastorm
	@mkdir -p $(@D)
	$(call say,MAN,$@)
	$(Q)$< help --man scenario > $@

.PHONY: man
man: $(MAN_PAGES)                          ## the manual pages, in build/MODE/man

.PHONY: demo
demo:                                      ## a game day at the reference shop: installs, builds, shows
	@ci/install-deps build
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=release
	@ci/demo

# Everything is tested with AddressSanitizer and UBSan but what counts instructions or microseconds.
.PHONY: test
test:                                      ## everything that can fail, with sanitizers
	@ci/install-deps test
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=release all man tests
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=asan all tests
	@MODE=asan JOBS=$(JOBS) ci/run-tests

.PHONY: quick
quick: all tests                           ## unit tests and command line tests of this MODE
	@MODE=$(MODE) JOBS=$(JOBS) ci/run-tests

.PHONY: asan tsan
asan:                                      ## the test suite with AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=asan quick
tsan:                                      ## the engine's tests with ThreadSanitizer
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=tsan all tests
	@MODE=tsan JOBS=$(JOBS) ci/run-tests engine

.PHONY: check
check:                                     ## style, format, static analysis, -Werror with gcc and clang
	@ci/install-deps check
	@JOBS=$(JOBS) ci/static-checks

.PHONY: fuzz
fuzz:                                      ## libFuzzer on every parser, FUZZ_SECONDS each
	@ci/install-deps check
	@FUZZ_SECONDS=$(FUZZ_SECONDS) ci/fuzz $(FUZZERS)

.PHONY: cover
cover:                                     ## line coverage of the test suite, as text
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=cov all tests
	@ci/cover

.PHONY: benches
benches: $(BENCHES)

.PHONY: kill-matrix
kill-matrix:                               ## every bug of the shop against the invariants (6 minutes)
	@ci/install-deps test
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=release all
	@SAGASTORM=$(CURDIR)/build/release/sagastorm /usr/bin/python3 tests/sagas/matrix.py

GRID_SEEDS ?= 10
GRID_JOBS ?= 4
.PHONY: clean-grid
clean-grid:                                ## the shop without a bug under every fault: GRID_SEEDS=10, 20 minutes
	@ci/install-deps test
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=release all
	@SAGASTORM=$(CURDIR)/build/release/sagastorm /usr/bin/python3 tests/sagas/grid.py \
		--seeds $(GRID_SEEDS) --jobs $(GRID_JOBS) --keep build/clean-grid

.PHONY: bench
bench:                                     ## against wrk, h2load, hey, locust and toxiproxy (BENCH_SECONDS per run)
	@ci/install-deps bench
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=release all benches
	@BENCH_SECONDS=$(BENCH_SECONDS) tests/bench/bench.sh
	@BENCH_SECONDS=$(BENCH_SECONDS) tests/bench/proxy.sh

.PHONY: install
install:                                   ## into DESTDIR and PREFIX (/usr/local)
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=release all man
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/sagastorm/docs
	install -m 755 build/release/sagastorm $(DESTDIR)$(PREFIX)/bin/
	install -m 644 build/release/man/sagastorm.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 build/release/man/sagastorm-scenario.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	cp -R scenarios $(DESTDIR)$(PREFIX)/share/sagastorm/
	build/release/sagastorm schema > $(DESTDIR)$(PREFIX)/share/sagastorm/docs/scenario.schema.json

.PHONY: docs
docs: $(BUILD)/sagastorm                   ## write again what docs/ has from the tables
	$< schema > docs/scenario.schema.json
	{ head -n 5 docs/scenario-reference.md; $< help scenario; } > $(BUILD)/reference.md
	mv $(BUILD)/reference.md docs/scenario-reference.md

.PHONY: clean
clean:                                     ## remove build/
	rm -rf build

.PHONY: print-cflags print-ldlibs
print-cflags:                              ## flags to compile one file by hand
	@echo $(CFLAGS)
print-ldlibs:
	@echo $(LDLIBS)

.PHONY: help
help:                                      ## this
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
