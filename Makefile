# sagastorm: `make help` says what there is.

MODE ?= debug
BUILD := build/$(MODE)

PACKAGES := libcurl libevent_core libevent_openssl jansson yaml-0.1 libpcre2-8 openssl zlib
WARNINGS := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wundef -Wvla -Wcast-qual -Wformat=2 \
	-Wnull-dereference -Wdouble-promotion -Wimplicit-fallthrough -Wduplicated-cond \
	-Wduplicated-branches -Wlogical-op
CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -g $(WARNINGS) $(shell pkg-config --cflags $(PACKAGES))
LDLIBS := $(shell pkg-config --libs $(PACKAGES)) -lm

debug_FLAGS := -O1
release_FLAGS := -O2 -fno-plt
asan_FLAGS := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
tsan_FLAGS := -O1 -fsanitize=thread
cov_FLAGS := -O0 --coverage
CFLAGS += $($(MODE)_FLAGS) $(if $(WERROR),-Werror)
LDFLAGS += $($(MODE)_FLAGS)

ROOMS := lib loadgen engine reports
OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(foreach room,$(ROOMS),$(wildcard $(room)/*.c)))
CLI_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard cli/*.c))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))

.PHONY: all
all: $(BUILD)/sagastorm

$(BUILD)/sagastorm: $(CLI_OBJECTS) $(BUILD)/libsagastorm.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libsagastorm.a: $(OBJECTS)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libsagastorm.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
