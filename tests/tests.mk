# SPDX-License-Identifier: GPL-2.0-or-later
# Everything around tests; included by the top Makefile.

BUILD_DEPS := gcc libc6-dev make pkg-config libnl-genl-3-dev libmnl-dev \
	liburing-dev libsmartcols-dev libjson-c-dev libseccomp-dev scdoc
TEST_DEPS := bash-completion bats dkms dmsetup e2fsprogs fio fish git groff-base \
	hyperfine iproute2 jq kmod libcmocka-dev man-db mdadm openssl procps \
	qemu-system-common qemu-system-x86 qemu-utils shellcheck sparse strace systemd xfsprogs zsh

BENCH_DEPS := nbd-client nbdkit

DEBUG_DEPS := bc bison flex libelf-dev libssl-dev xz-utils

TAP := $(O)/tap
JOBS = -j$(shell nproc)
SUBMAKE = @$(MAKE) --no-print-directory

.PHONY: deps debug-deps fuzz-deps bench-deps
deps: PACKAGES = $(BUILD_DEPS) $(TEST_DEPS)
deps: ## install from Debian what building and testing need (as root)
debug-deps: PACKAGES = $(BUILD_DEPS) $(TEST_DEPS) $(DEBUG_DEPS)
fuzz-deps: PACKAGES = $(BUILD_DEPS) $(FUZZ_DEPS)
bench-deps: PACKAGES = $(BUILD_DEPS) $(TEST_DEPS) $(BENCH_DEPS)
deps debug-deps fuzz-deps bench-deps:
	@missing=; for package in $(PACKAGES); do \
		state=$$(dpkg-query -W -f '$${db:Status-Status}' $$package 2>&1); \
		[ "$$state" = installed ] || missing="$$missing $$package"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	echo "missing packages:$$missing"; \
	if [ "$$(id -u)" -ne 0 ]; then \
		echo "run as root: make $@" >&2; exit 1; \
	fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get -q update && \
		apt-get -q install -y --no-install-recommends $$missing

# Helper programs: one from each tests/tools/*.c, in build/tests/.
TOOLS := $(patsubst tests/tools/%.c,$(O)/tests/%,$(wildcard tests/tools/*.c))

.PHONY: test-tools
test-tools: $(TOOLS)

$(O)/tests/%: $(O)/tests/tools/%.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^

include tests/tools/tools.mk

# Unit tests: one program from each tests/unit/*.c, all sanitized, below
# build/san, so that they do not mix with what is shipped.
UNITS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(sort $(wildcard tests/unit/*.c)))

# Which functions a unit test stands before.
unit_wraps_resume := ioctl vdu__queue_start vdu__queue_set_mode
unit_wraps_cache := ioctl write vdu__queue_start vdu__queue_set_mode
unit_wraps_told := ioctl

.PHONY: unit-programs
unit-programs: $(UNITS)

$(O)/unit/%: $(O)/tests/unit/%.o $(O)/libvduse.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(unit_wraps_$*:%=-Wl$(,)--wrap=%) -o $@ $^ \
		$(LIB_LIBS) -lcmocka

-include $(wildcard $(O)/tests/unit/*.d) $(wildcard $(O)/tests/tools/*.d)

include tests/fuzz/fuzz.mk

.PHONY: check-unit
check-unit: ## unit tests and fuzz corpora, with ASan and UBSan
	$(SUBMAKE) SAN=1 O=$(O)/san unit-programs fuzz-programs
	@rm -f $(TAP)/unit-*.tap
	@status=0; for unit in $(notdir $(UNITS)); do \
		echo "# unit: $$unit"; \
		CMOCKA_MESSAGE_OUTPUT=TAP UBSAN_OPTIONS=print_stacktrace=1 \
		tests/tap-run $(TAP)/unit-$$unit.tap \
			timeout 120 $(O)/san/unit/$$unit || status=1; \
	done; \
	for target in $(FUZZ_TARGETS); do \
		tests/tap-run $(TAP)/unit-fuzz-$$target.tap timeout 120 \
			$(O)/san/fuzz/$$target tests/fuzz/corpus/$$target || \
			status=1; \
	done; exit $$status

.PHONY: check-host
check-host: all ## command line tests that need no kernel support
	@VDUSECTL=$(abspath $(O))/vdusectl tests/tap-run $(TAP)/host.tap \
		bats --tap tests/bats/host

# Modules for the virtual machine's kernels: the one with defects for the
# harness's test of itself, and our own VDUSE; in X-debug for the debug kernel.
# Without BTF, which would need pahole; and our O is not for the kernel's
# makefiles.
KMOD_SRCS := $(filter-out %.mod.c,$(wildcard kmod/*.[ch] kmod/uapi/linux/*.h)) \
	kmod/Kbuild kmod/Makefile kmod/KERNELS kmod/check-kernel
KMAKE = env -u MAKEFLAGS -u MFLAGS -u O make -s

$(O)/planted/planted.ko $(O)/kmod/vduse.ko: HEADERS = tests/vm/fetch-kernel
$(O)/planted-debug/planted.ko $(O)/kmod-debug/vduse.ko: \
	HEADERS = tests/vm/build-kernel

$(O)/planted/planted.ko $(O)/planted-debug/planted.ko: \
		tests/vm/planted/planted.c tests/vm/planted/Kbuild
	$(call say,KMOD,$@)
	@mkdir -p $(@D)
	$(Q)cp $^ $(@D)
	$(Q)headers=$$($(HEADERS) --headers) && \
		$(KMAKE) -C "$$headers" M=$(abspath $(@D)) \
			CONFIG_DEBUG_INFO_BTF_MODULES= modules

$(O)/kmod/vduse.ko $(O)/kmod-debug/vduse.ko: $(KMOD_SRCS)
	$(call say,KMOD,$@)
	@mkdir -p $(@D)
	$(Q)cd kmod && cp --parents $(^:kmod/%=%) $(abspath $(@D))
	$(Q)headers=$$($(HEADERS) --headers) && \
		$(KMAKE) -C $(@D) KDIR="$$headers"

include tests/kmod/kmod.mk
include tests/kmod/dkms.mk
include tests/soak/soak.mk

.PHONY: check-guest
check-guest: all test-tools $(O)/planted/planted.ko $(O)/kmod/vduse.ko \
		$(O)/dkms/vduse.dkms.tar.gz $(KMOD_TESTS) ## tests on a real kernel, in a virtual machine
	@rm -f $(TAP)/guest-*.tap
	@export O=$(abspath $(O)); status=0; \
	tests/vm/both & both=$$!; \
	tests/vm/once || status=1; \
	wait $$both || status=1; \
	exit $$status

# On the debug kernel, which is built when it is not there. The planted defects
# need a guest of their own. FUZZ_SECONDS: how long to fuzz.
DEBUG_FILES ?= $(addprefix tests/bats/guest/,once/31-control.bats 22-vhost.bats \
	40-bind.bats 20-io.bats 85-ext.bats 85-waits.bats own/82-own.bats \
	own/83-groups.bats)

.PHONY: check-debug
check-debug: debug-deps ## the module on a kernel with KASAN and lockdep
	@rm -f $(TAP)/debug-*.tap
	@tests/vm/build-kernel > /dev/null
	$(SUBMAKE) $(JOBS) all test-tools $(KMOD_TESTS) \
		$(O)/planted-debug/planted.ko $(O)/kmod-debug/vduse.ko
	@export O=$(abspath $(O)); run="tests/vm/bats --kernel debug"; \
	$$run --tap debug-planted tests/bats/debug/00-planted.bats; \
	$$run --module own --tap debug-faults tests/bats/debug/10-faults.bats; \
	$$run --module own --tap debug-programs \
		tests/bats/debug/20-programs.bats; \
	$$run --module own --tap debug-guest $(DEBUG_FILES); \
	tests/tap-count $(TAP) debug-planted debug-faults debug-programs \
		debug-guest

# The tiers go on after a failure: the count tells what failed.
.PHONY: check
check: ## deps, build and all three tiers; the last line is the count
	@rm -rf $(TAP)
	@$(MAKE) --no-print-directory deps && \
	$(MAKE) --no-print-directory $(JOBS) all test-tools && \
	{ $(MAKE) --no-print-directory $(JOBS) check-unit; \
	$(MAKE) --no-print-directory check-host; \
	$(MAKE) --no-print-directory $(JOBS) check-guest; }; \
	tests/tap-count $(TAP) unit host guest

.PHONY: shell
shell: deps ## a root shell in the virtual machine
	$(SUBMAKE) $(JOBS) all test-tools
	@O=$(abspath $(O)) tests/vm/run --interactive

.PHONY: demo
demo: deps ## show the main job in a virtual machine; HOST=1: on this host
	$(SUBMAKE) $(JOBS) all test-tools
	@O=$(abspath $(O)) $(if $(HOST),,tests/vm/run -- )tests/demo.sh

.PHONY: bench
bench: bench-deps ## compare with the peers, in a virtual machine; BENCH=options
	$(SUBMAKE) $(JOBS) all test-tools $(O)/kmod/vduse.ko
	@O=$(abspath $(O)) tests/bench/run $(BENCH)

SHELL_FILES = $(shell grep -rlE '^\#!(/usr)?/bin/(env )?(ba|da)?sh' tests .ci) \
	$(wildcard completions/*.bash)
BATS_FILES = $(shell find tests/bats -name '*.bats' -o -name '*.bash')

.PHONY: lint
lint: all ## shellcheck, and the rules about layers, files and symbols
	@status=0; \
	shellcheck -x $(SHELL_FILES) || status=1; \
	shellcheck -x -e SC2154,SC2013 $(BATS_FILES) || status=1; \
	for rule in tests/lint/*; do O=$(O) ./$$rule || status=1; done; \
	exit $$status
