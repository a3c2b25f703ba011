# SPDX-License-Identifier: GPL-2.0-only
#
# Why no test reaches a line of the tool: see tests/coverage/unreached. A regular
# expression, a tab, the reason; the first that matches counts.
EPROTO|is missing"|tool/explain.cc:.*makes no sense|return NL_OK;|on_done:	an answer that the module never gives: decoding of such is fuzzed, and has its unit tests
tool/netlink.cc:.*(transport_error|exchange.fail|MISS_TYPE|attribute_name)	netlink itself fails, or the module misses an attribute that the tool always gives
tool/netlink.cc:.*on_interrupted|owners came and went	owners come or go within one piece of a dump: the selftests have it of the module
return [a-z_.>-]*error\(\);	passes on a failure from below, where it has its test; in this caller nothing makes it fail
tool/child.cc|tool/wait.cc|signals.*watched|tool/files.cc:.*(continue;|wait:|finish:)	a system call fails that only does with a broken kernel, or is interrupted in the middle
tool/(device|batch).cc:.*(return Error\{.err = err|ENAMETOOLONG|put_name|EAGAIN|return ok)	the device refuses what has been checked before, or changes in between
tool/files.cc:.*open:	another failure of open(2) than those that are tried
tool/main.cc:.*main:	out of memory, in the tool
tool/mapping	no address space, or the mapping is revoked while it is made
tool/explain.cc	words for a refusal that needs a race, or an exhausted machine, to come about
tool/cmd_(data|give|hold).cc:.*(warn|describe_refusal|explain_page|owner_name|return mapping)	likewise: refused between two calls
too busy to tell|try again when less	the books differ each time, each time otherwise: for seconds
tool/session.cc	the owner goes between two calls
tool/names.cc:.*prefixed	a word of the uapi that has no such prefix: there is none
tool/output_json.cc:.*-ns"	a line of an initializer, whose first line is counted
tool/output_text.cc:.*(freed \{\} of|difference)	reached with -j, or with all freed: this spelling is not
tool/stream.cc:.*EFBIG	more pages than 2^32
tool/system.cc:.*(device_mode|st_gid)	the device's mode is of interest only when it is closed to the user
tool/(device.cc:.*standing|family.cc:.*list:)	the kernel refuses what it has just granted
