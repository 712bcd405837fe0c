# SPDX-License-Identifier: GPL-2.0-or-later
# Test programs for the kernel module: $(O)/tests/kmod-probe, kmod-umem,
# kmod-rows, kmod-ext, kmod-groups, kmod-faults, kmod-fuzz, kmod-cycle.
KMOD_LIB_OBJS := $(O)/tests/kmod/probe-lib.o $(O)/tests/kmod/disk.o
KMOD_PROBE_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/kmod/probe*.c)))
KMOD_ROWS_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/kmod/rows*.c)))
KMOD_EXT_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/kmod/ext*.c)))
KMOD_FAULTS_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/kmod/faults*.c)))
KMOD_FUZZ_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/kmod/fuzz*.c)))
KMOD_CYCLE_OBJS := $(addprefix $(O)/tests/kmod/,cycle.o cycle-look.o meminfo.o)
KMOD_BUS_OBJS := $(O)/tests/kmod/bus.o $(O)/tests/kmod/ring.o
KMOD_TEST_OBJS := $(sort $(KMOD_FUZZ_OBJS) $(KMOD_BUS_OBJS) $(KMOD_CYCLE_OBJS) \
	$(KMOD_LIB_OBJS) $(KMOD_PROBE_OBJS) \
	$(KMOD_ROWS_OBJS) $(KMOD_EXT_OBJS) $(KMOD_FAULTS_OBJS) \
	$(addprefix $(O)/tests/kmod/,umem.o groups.o meminfo.o))
KMOD_TESTS := $(addprefix $(O)/tests/,kmod-probe kmod-umem kmod-rows kmod-ext \
	kmod-groups kmod-faults kmod-fuzz kmod-cycle)

$(O)/tests/kmod-probe: $(KMOD_PROBE_OBJS) $(O)/tests/kmod/disk.o
$(O)/tests/kmod-umem: $(O)/tests/kmod/umem.o $(KMOD_LIB_OBJS)
$(O)/tests/kmod-rows: $(KMOD_ROWS_OBJS) $(O)/tests/kmod/meminfo.o $(KMOD_LIB_OBJS)
$(O)/tests/kmod-ext: $(KMOD_EXT_OBJS) $(KMOD_LIB_OBJS) $(KMOD_BUS_OBJS)
$(O)/tests/kmod-groups: $(O)/tests/kmod/groups.o $(KMOD_LIB_OBJS)
$(O)/tests/kmod-faults: $(KMOD_FAULTS_OBJS) \
	$(addprefix $(O)/tests/kmod/,bus.o probe-lib.o ring.o)
$(O)/tests/kmod-fuzz: $(KMOD_FUZZ_OBJS) $(KMOD_BUS_OBJS)
$(O)/tests/kmod-cycle: $(KMOD_CYCLE_OBJS) $(KMOD_BUS_OBJS)
$(O)/tests/kmod-ext: KMOD_LIBS = $(shell $(PKG_CONFIG) --libs liburing)
$(KMOD_TESTS):
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(KMOD_LIBS)

-include $(KMOD_TEST_OBJS:.o=.d)
