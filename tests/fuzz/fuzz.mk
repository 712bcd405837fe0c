# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzz targets: with libFuzzer for `make fuzz`, in a build of their own
# (FUZZ=1), and with a plain main for `make check-unit`, which runs each over
# its corpus once. Included by tests.mk.
FUZZ_DEPS := clang jq llvm

FUZZ_TARGETS := ring request inflight messages rescue control client spec
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(O)/fuzz/%)

# What a target shares with others; which functions it stands before.
fuzz_uses_ring := guest
fuzz_uses_request := guest worker
fuzz_uses_inflight := guest worker
fuzz_uses_messages := kernel server
fuzz_uses_rescue := kernel server
fuzz_uses_control := server
fuzz_wraps_request := vdu__blk_parse vdu__blk_finish
fuzz_wraps_inflight := vdu__inflight_take vdu__split_retake
fuzz_wraps_messages := ioctl
fuzz_wraps_rescue := ioctl
fuzz_wraps_client := connect recv

define fuzz_rule
$(O)/fuzz/$(1): $(patsubst %,$(O)/tests/fuzz/%.o,$(1) fuzz $(fuzz_uses_$(1))) \
		$(if $(FUZZ),,$(O)/tests/fuzz/replay.o) $(O)/libvduse.a
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(if $(FUZZ),-fsanitize=fuzzer) \
		$(fuzz_wraps_$(1):%=-Wl$(,)--wrap=%) -o $$@ $$^ $$(LIB_LIBS)
endef
$(foreach target,$(FUZZ_TARGETS),$(eval $(call fuzz_rule,$(target))))

-include $(wildcard $(O)/tests/fuzz/*.d)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

# The second one tells which lines were reached, in the language's own terms.
FUZZ_MAKE = $(SUBMAKE) $(JOBS) fuzz-programs CC=clang
FUZZ_BUILD = $(FUZZ_MAKE) O=$(O)/fuzz FUZZ=1 SAN=1 \
	CFLAGS='-O1 -g -fsanitize=fuzzer-no-link'
FUZZ_LINES = $(FUZZ_MAKE) O=$(O)/fuzz-lines LDFLAGS=-fprofile-instr-generate \
	CFLAGS='-O1 -g -fprofile-instr-generate -fcoverage-mapping'

.PHONY: fuzz fuzz-corpus
fuzz: fuzz-deps ## fuzz the library with libFuzzer; FUZZ_SECONDS=60 for each
	$(FUZZ_BUILD)
	$(FUZZ_LINES)
	@O=$(abspath $(O)) tests/fuzz/run $(FUZZ_TARGETS)

fuzz-corpus: fuzz-deps ## merge what was found into the corpus in the tree
	$(FUZZ_BUILD)
	@O=$(abspath $(O)) tests/fuzz/run --merge $(FUZZ_TARGETS)
