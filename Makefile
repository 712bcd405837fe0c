# SPDX-License-Identifier: GPL-2.0-or-later
# make help says what there is. Everything built goes to $(O).
VERSION := 0.1.0
SOVERSION := 0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
UNITDIR ?= $(PREFIX)/lib/systemd/system
DESTDIR ?=

O ?= build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

CC ?= gcc
AR ?= ar
PKG_CONFIG ?= pkg-config
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla -Wcast-align -Wwrite-strings -Wimplicit-fallthrough \
	-Wno-missing-field-initializers $(if $(WERROR),-Werror)
CFLAGS ?= -O2 -g
, := ,
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIC
SANITIZE := $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -DVDU_VERSION='"$(VERSION)"' -pthread \
	-I. -Ilib/include -fvisibility=hidden $(WARNINGS) $(HARDEN) \
	$(SANITIZE) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread -Wl,-z,relro,-z,now,-z,defs $(SANITIZE) $(LDFLAGS)

# Expanded in recipes only, so that `make help` and `make deps` work on a
# machine that has none of it.
LIB_PKGS := libnl-genl-3.0 libmnl liburing json-c libseccomp
CLI_PKGS := smartcols json-c
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(LIB_PKGS) $(CLI_PKGS))
# libmnl is loaded by who listens to uevents: lib/bus/uevent.c.
LIB_LIBS = $(shell $(PKG_CONFIG) --libs $(filter-out libmnl,$(LIB_PKGS)))
# What only some commands and the server use is linked into the tool: each
# shared library costs every start of it about as much as a small command.
# BUNDLE= links all of them shared. libsmartcols is loaded by who prints a
# table: cli/scols.c.
BUNDLE ?= libnl-genl-3.0 liburing libseccomp json-c
BUNDLE_LIBS = $(if $(strip $(BUNDLE)),-Wl$(,)-Bstatic \
	$(shell $(PKG_CONFIG) --libs-only-l $(BUNDLE)) -Wl$(,)-Bdynamic)

LIB_SRCS := $(sort $(wildcard lib/*/*.c))
CLI_SRCS := $(sort $(wildcard cli/*.c))
LIB_OBJS := $(LIB_SRCS:%.c=$(O)/%.o)
CLI_OBJS := $(CLI_SRCS:%.c=$(O)/%.o)
# Those of boot and shutdown are wanted by a target without being enabled: they
# do nothing as long as there is no device for them.
UNIT_SRCS := $(sort $(wildcard cli/systemd/*.in))
UNITS_BUILT := $(UNIT_SRCS:cli/systemd/%.in=$(O)/systemd/%)
MAN_SRCS := $(sort $(wildcard man/*.scd))
# build/man is laid out so that MANPATH=build/man works.
MAN_PAGES := $(foreach page,$(MAN_SRCS:man/%.scd=%),$(O)/man/man$(subst .,,$(suffix $(page)))/$(page))

.PHONY: all
all: $(O)/vdusectl $(O)/libvduse.so $(O)/libvduse.a $(O)/libvduse.pc $(UNITS_BUILT) man ## build everything into build/ (default)

$(O)/%.o: %.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/libvduse.a: $(LIB_OBJS)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/libvduse.so.$(SOVERSION): $(LIB_OBJS) lib/libvduse.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libvduse.so.$(SOVERSION) \
		-Wl,--version-script=lib/libvduse.map $(ALL_LDFLAGS) \
		-o $@ $(LIB_OBJS) $(LIB_LIBS)

$(O)/libvduse.so: $(O)/libvduse.so.$(SOVERSION)
	$(Q)ln -sf $(<F) $@

# The tool carries the library inside: it runs in place, and a server that
# serves a disk does not change under it when the shared library is upgraded.
$(O)/vdusectl: $(CLI_OBJS) $(O)/libvduse.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(BUNDLE_LIBS) -Wl,--as-needed \
		$(LIB_LIBS)

# Each time: PREFIX may be another one now.
.PHONY: $(O)/libvduse.pc
$(O)/libvduse.pc: lib/libvduse.pc.in
	@mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' $< > $@

# Each time: BINDIR may be another one now.
.PHONY: $(UNITS_BUILT)
$(UNITS_BUILT): $(O)/systemd/%: cli/systemd/%.in
	@mkdir -p $(@D)
	$(Q)sed -e 's|@BINDIR@|$(BINDIR)|' $< > $@

.PHONY: man
man: $(MAN_PAGES)

define man_rule
$(O)/man/man$(1)/%.$(1): man/%.$(1).scd
	$$(call say,MAN,$$@)
	@mkdir -p $$(@D)
	$$(Q)scdoc < $$< > $$@ || { rm -f $$@; exit 1; }
endef
$(foreach section,3 7 8,$(eval $(call man_rule,$(section))))

.PHONY: install
install: all ## install below $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/vduse
	install -m 755 $(O)/vdusectl $(DESTDIR)$(BINDIR)/vdusectl
	install -m 755 $(O)/libvduse.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libvduse.so.$(SOVERSION)
	ln -sf libvduse.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libvduse.so
	install -m 644 $(O)/libvduse.a $(DESTDIR)$(LIBDIR)/libvduse.a
	install -m 644 $(O)/libvduse.pc $(DESTDIR)$(LIBDIR)/pkgconfig/libvduse.pc
	install -m 644 lib/include/vduse/*.h kmod/uapi/linux/vduse_ext.h \
		$(DESTDIR)$(INCLUDEDIR)/vduse/
	for page in $(MAN_PAGES); do \
		dir=$(DESTDIR)$(MANDIR)/man$${page##*.}; \
		install -d $$dir && install -m 644 $$page $$dir/ || exit 1; done
	install -d $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	install -m 644 completions/vdusectl.bash $(DESTDIR)$(BASHDIR)/vdusectl
	install -m 644 completions/_vdusectl $(DESTDIR)$(ZSHDIR)/_vdusectl
	install -m 644 completions/vdusectl.fish $(DESTDIR)$(FISHDIR)/vdusectl.fish
	install -d $(addprefix $(DESTDIR)$(UNITDIR)/,multi-user.target.wants final.target.wants)
	install -m 644 $(UNITS_BUILT) $(DESTDIR)$(UNITDIR)/
	ln -sf ../vdusectl-restore.service $(DESTDIR)$(UNITDIR)/multi-user.target.wants/
	ln -sf ../vdusectl-shutdown.service $(DESTDIR)$(UNITDIR)/final.target.wants/

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(BINDIR)/vdusectl $(DESTDIR)$(LIBDIR)/libvduse.* \
		$(DESTDIR)$(LIBDIR)/pkgconfig/libvduse.pc \
		$(DESTDIR)$(BASHDIR)/vdusectl $(DESTDIR)$(ZSHDIR)/_vdusectl \
		$(DESTDIR)$(FISHDIR)/vdusectl.fish
	rm -rf $(DESTDIR)$(INCLUDEDIR)/vduse
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNITS_BUILT)) \
		multi-user.target.wants/vdusectl-restore.service \
		final.target.wants/vdusectl-shutdown.service)
	for page in $(MAN_PAGES); do \
		rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done

# KDIR: headers of the kernel that our module is for; default: those of the
# kernel that runs here.
KDIR ?= /lib/modules/$(shell uname -r)/build

.PHONY: kmod kmod-install
kmod: ## build our kernel module, kmod/vduse.ko; KDIR=headers
	$(Q)$(MAKE) -C kmod KDIR=$(KDIR)

kmod-install: kmod ## install it into updates/, before the stock one
	$(Q)$(MAKE) -C kmod KDIR=$(KDIR) install

include tests/tests.mk

.PHONY: clean
clean: ## remove everything that was built here (caches stay)
	rm -rf $(O)

.PHONY: help
help: ## this list
	@printf 'make TARGET [VARIABLE=VALUE...]\n\n'
	@grep -hE '^[a-z][a-z-]*:.*## ' Makefile tests/tests.mk tests/fuzz/fuzz.mk | \
		sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18
	@printf '\nvariables: O=build V=1 SAN=1 WERROR=1 CC CFLAGS PREFIX=/usr/local DESTDIR\n'

-include $(LIB_OBJS:.o=.d) $(CLI_OBJS:.o=.d)
