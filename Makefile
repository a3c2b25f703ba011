# SPDX-License-Identifier: GPL-2.0-only
# To the kernel's build (in tree, or out of tree with M=) this is the Kbuild
# file; to people it is what `make help` says.
ifneq ($(KERNELRELEASE),)
obj-$(if $(KBUILD_EXTMOD),m,$(CONFIG_LABYRINTH)) += module/
obj-$(if $(KBUILD_EXTMOD),,$(CONFIG_LABYRINTH_CAPTURE)) += module/samples/
else

# Which kernel to build for: a name that `tests/vm/kernels list` knows, or "host"
# for the one that runs here. VARIANT=debug has the knobs for the tests;
# kcov is that for a kernel with KCOV (KERNEL=debug), which then tells the fuzzer what it reached.
KERNEL ?= 6.12
KERNELS ?= 6.1 6.12 6.12-rt
VARIANT ?= release
flags-debug := CONFIG_LABYRINTH_DEBUG=y
flags-kcov := $(flags-debug) KCOV_INSTRUMENT=y
PREFIX ?= /usr/local
BUILD := $(CURDIR)/build
OUT := $(BUILD)/$(KERNEL)/$(VARIANT)
Q := $(if $(V),,@)

ifeq ($(KERNEL),host)
KDIR ?= /lib/modules/$(shell uname -r)/build
else
KDIR ?= $(shell tests/vm/kernels kdir $(KERNEL))
endif

.PHONY: help
help:
	@echo 'Labyrinth: pages that exactly one owner can touch'
	@echo
	@echo '  make demo       see it run: installs what is missing, boots a VM'
	@echo '  make check      all tests, in VMs (KERNELS="$(KERNELS)")'
	@echo '  make check-full the same on more kernels, and longer: hours'
	@echo '  make mutants    plant faults in the module: each must be caught (MUTANTS=REGEX: some)'
	@echo '  make lint       static checks only'
	@echo '  make kunit      the KUnit suites, on the debug kernel'
	@echo '  make failnth    each internal allocation fails in turn, on the debug kernel'
	@echo '  make model      check the model of the ownership protocol with spin'
	@echo '  make fuzz       fuzz, on the host and then in a VM (FUZZ_SECONDS=600 each)'
	@echo '  make coverage   lines and branches that the tests reach'
	@echo '  make selftests  build/selftests, to be run as root where the module is loaded (run.sh)'
	@echo '  make setup      install the Debian packages that all of this needs'
	@echo '  make module     build/KERNEL/VARIANT/labyrinth.ko (KERNEL=$(KERNEL); or "host")'
	@echo '  make samples    build/KERNEL/VARIANT/labyrinth_capture.ko, a module to copy from'
	@echo '  make test-modules  build/KERNEL/VARIANT/tests-modules/*.ko'
	@echo '  make tool       build/tool/labyrinth'
	@echo '  make load       build for the running kernel and load it (root)'
	@echo '  make unload     unload it (root)'
	@echo '  make install    tool, man page and module for the running kernel (root)'
	@echo '  make uninstall  remove these (root)'
	@echo '  make clean      remove build/'
	@echo
	@echo 'V=1 shows the commands. Building needs no root.'

.PHONY: all
all: module tool

# Kbuild writes where it finds its sources, so each kernel and variant gets a
# tree of links.
.PHONY: module
module:
	$(Q)test -n "$(KDIR)" -a -e "$(KDIR)/Makefile" || \
		{ echo "no kernel headers for $(KERNEL)$(if $(filter host,$(KERNEL)),: apt install linux-headers-$$(uname -r))" >&2; exit 1; }
	$(Q)mkdir -p $(OUT)
	$(Q)cp -rsf $(CURDIR)/module $(CURDIR)/uapi $(OUT)/
	$(Q)$(MAKE) --no-print-directory -C $(KDIR) M=$(OUT)/module \
		$(flags-$(VARIANT)) $(MODFLAGS) modules \
		$(if $(V),,>$(OUT)/log 2>&1 || { cat $(OUT)/log >&2; exit 1; })
	$(Q)ln -sf module/labyrinth.ko $(OUT)/labyrinth.ko

# Modules that stand on labyrinth's exported symbols: DIRECTORY below OUT.
using = $(MAKE) --no-print-directory -C $(KDIR) M=$(OUT)/$(1) $(MODFLAGS) modules \
		KBUILD_EXTRA_SYMBOLS=$(OUT)/module/Module.symvers \
		$(if $(V),,>$(OUT)/log.$(notdir $(1)) 2>&1 || { cat $(OUT)/log.$(notdir $(1)) >&2; exit 1; })

.PHONY: samples
samples: module
	$(Q)$(call using,module/samples)
	$(Q)ln -sf module/samples/labyrinth_capture.ko $(OUT)/labyrinth_capture.ko

.PHONY: test-modules
test-modules: module
	$(Q)mkdir -p $(OUT)/tests-modules
	$(Q)cp -rsf $(CURDIR)/tests/modules/. $(OUT)/tests-modules/
	$(Q)$(call using,tests-modules)

.PHONY: tool
tool:
	$(Q)$(MAKE) --no-print-directory -C tool BUILD=$(BUILD)/tool

# With kselftest's own harness, which only the kernel's source has.
.PHONY: selftests
selftests:
	$(Q)$(MAKE) --no-print-directory -C tests/selftests OUTPUT=$(BUILD)/selftests \
		KSELFTEST_INC=$$(tests/vm/kernels source 6.12)/tools/testing/selftests

.PHONY: setup
setup:
	$(Q)tests/setup

.PHONY: demo
demo: setup
	$(Q)tests/demo/run

.PHONY: check
check: setup
	$(Q)KERNELS="$(KERNELS)" tests/check

# More kernels, and all that is cut short or left out above: hours.
.PHONY: check-full
check-full: setup
	$(Q)FULL=1 KERNELS="6.1 6.1-cloud 6.1-rt 6.12 6.12-cloud 6.12-rt" tests/check

# Faults planted in the module, one at a time: each must be caught by name.
.PHONY: mutants
mutants: setup
	$(Q)MUTANTS='$(MUTANTS)' tests/mutants/run

.PHONY: lint
lint: setup
	$(Q)tests/lint

.PHONY: kunit failnth model coverage
kunit: setup
	$(Q)tests/kunit
failnth: setup
	$(Q)tests/failnth/run
model: setup
	$(Q)tests/model/run
coverage: setup
	$(Q)tests/coverage/run

.PHONY: fuzz
fuzz: FUZZ_SECONDS ?= 600
fuzz: setup
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/host
	$(Q)$(MAKE) --no-print-directory -C tests/fuzz BUILD=$(BUILD)/fuzz guest
	$(Q)tests/vm/run --kernel $(KERNEL) --variant debug --timeout $$(($(FUZZ_SECONDS) * 14 + 300)) -- \
		env FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/guest
	$(Q)tests/vm/run --kernel debug --variant kcov --timeout $$(($(FUZZ_SECONDS) * 14 + 600)) -- \
		env FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/guest

.PHONY: load
load:
	$(Q)$(MAKE) --no-print-directory KERNEL=host module
	insmod $(BUILD)/host/$(VARIANT)/labyrinth.ko $(PARAMS)

.PHONY: unload
unload:
	rmmod labyrinth

.PHONY: install
install:
	$(Q)$(MAKE) --no-print-directory KERNEL=host module tool
	$(MAKE) -C /lib/modules/$$(uname -r)/build M=$(BUILD)/host/release/module modules_install
	$(MAKE) -C tool BUILD=$(BUILD)/tool PREFIX=$(PREFIX) install
	depmod -a

.PHONY: uninstall
uninstall:
	$(MAKE) -C tool BUILD=$(BUILD)/tool PREFIX=$(PREFIX) uninstall
	rm -f /lib/modules/$$(uname -r)/*/labyrinth.ko* /lib/modules/$$(uname -r)/*/module/labyrinth.ko*
	depmod -a

.PHONY: clean
clean:
	rm -rf $(BUILD)

endif
