# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# What context_test.sh wants of a kernel that is built for debugging, behind --append:
# for tests/check and tests/coverage/run. Sourced, never run.
#
# Memory is exhausted there. These kernels' slabs want pages of higher order; where
# kswapd can't get one it loses files that the guest has open on the host (9p), and no
# command of the guest's is found any more: so some is kept for it.
debug_contexts=sysctl.vm.min_free_kbytes=32768
