#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A page that can't be proved clean, here a poisoned one, is never handed out again,
# and the log says whose it was; nor does it go back to the system with the module.

cd "$(dirname "$0")" || exit 1
# shellcheck source-path=SCRIPTDIR source=ktap.sh
. ./ktap.sh
# shellcheck source-path=SCRIPTDIR source=module.sh
. ./module.sh

module_wanted
trap module_as_it_was EXIT
reload_with || skip_all "the module can't be loaded anew"
log_begin
said=$(./poison 2>&1)
status=$?
[ $status -ne 4 ] || skip_all "$said"
plan 4
[ -z "$said" ] || note "$said"
result $status "a poisoned page is never handed out again"
log_has 'block of owner [0-9]+ \(poison\) is still referenced or poisoned: quarantined'
result $? "the log says whose it was"
# Its process has ended, and so has the owner.
said=$(labyrinth -j owners | jq -r '.owners[] | select(.name == "poison") | "\(.quarantined) \(.used) \(.id)"')
note "owners: $said"
[[ $said == "1 1 "* ]] && [ "$(labyrinth -j show "#${said##* }" | jq .quarantined)" = 1 ]
result $? "the dead owner is shown for as long as it is held back"
reload_with && log_has '1 blocks stay behind: quarantined' && labyrinth verify >/dev/null
result $? "it stays behind when the module is unloaded"
finish
