# SPDX-License-Identifier: GPL-2.0-or-later
# The soak: $(O)/tests/soak-kill, soak-reset, and make check-soak.
SOAK_OBJS := $(patsubst %.c,$(O)/%.o,$(wildcard tests/soak/*.c))
SOAK_TESTS := $(addprefix $(O)/tests/,soak-kill soak-reset)

$(O)/tests/soak-kill: $(addprefix $(O)/tests/soak/,kill.o soak.o)
$(O)/tests/soak-reset: $(addprefix $(O)/tests/soak/,reset.o reset-io.o \
	reset-vhost.o soak.o) $(filter-out %/vhost-blk.o,$(VHOST_BLK_OBJS))
$(SOAK_TESTS):
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^

-include $(SOAK_OBJS:.o=.d)

# How often a server is killed under virtio_vdpa and vhost_vdpa, how many resets
# and rebinds, and how often a server is replaced, on each module.
SOAK_KILLS ?= 1000
SOAK_VHOST_KILLS ?= 200
SOAK_RESETS ?= 1000
SOAK_RESTARTS ?= 100
SOAK_SEED ?= 1
# start: the soak starts the next server; wait: somebody else does.
SOAK_NEXT ?= start

.PHONY: check-soak
check-soak: all test-tools $(SOAK_TESTS) $(O)/kmod/vduse.ko ## kills, resets, rebinds and restarts by the thousand, on both modules
	@rm -f $(TAP)/soak-*.tap
	@export O=$(abspath $(O)); \
	for module in stock own; do \
		tests/soak/run $$module virtio $(SOAK_KILLS) $(SOAK_SEED) $(SOAK_NEXT); \
		tests/soak/run $$module vhost $(SOAK_VHOST_KILLS) $(SOAK_SEED) $(SOAK_NEXT); \
		tests/soak/run $$module reset $(SOAK_RESETS) $(SOAK_SEED) $(SOAK_NEXT); \
		tests/soak/run $$module restart $(SOAK_RESTARTS) $(SOAK_SEED); \
	done; \
	tests/tap-count $(TAP) soak
