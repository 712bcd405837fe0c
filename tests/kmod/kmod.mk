# SPDX-License-Identifier: GPL-2.0-or-later
# Test programs for the kernel module: $(O)/tests/kmod-probe, kmod-umem.
KMOD_PROBE_SRCS := $(sort $(wildcard tests/kmod/probe*.c))
KMOD_UMEM_SRCS := tests/kmod/umem.c tests/kmod/probe-lib.c
KMOD_TEST_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(KMOD_PROBE_SRCS) $(KMOD_UMEM_SRCS)))

$(O)/tests/kmod-probe: $(KMOD_PROBE_SRCS:%.c=$(O)/%.o)
$(O)/tests/kmod-umem: $(KMOD_UMEM_SRCS:%.c=$(O)/%.o)
$(O)/tests/kmod-probe $(O)/tests/kmod-umem:
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^

-include $(KMOD_TEST_OBJS:.o=.d)
