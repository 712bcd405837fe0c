# SPDX-License-Identifier: GPL-2.0-or-later
# Test programs that have more than one source file.
VHOST_BLK_SRCS := tests/tools/vhost-blk.c $(sort $(wildcard tests/tools/vhost/*.c))
VHOST_BLK_OBJS := $(VHOST_BLK_SRCS:%.c=$(O)/%.o)

$(O)/tests/vhost-blk: $(VHOST_BLK_OBJS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^

-include $(VHOST_BLK_OBJS:.o=.d)
