# SPDX-License-Identifier: GPL-2.0-or-later
# Our module as dkms packs it: sources, and what it built of them.
$(O)/dkms/vduse.dkms.tar.gz: tests/kmod/dkms-pack $(KMOD_SRCS) kmod/dkms.conf
	$(call say,DKMS,$@)
	@mkdir -p $(@D)
	$(Q)$< $@ $(filter kmod/%,$^)
