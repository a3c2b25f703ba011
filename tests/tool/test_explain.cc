// SPDX-License-Identifier: GPL-2.0-only
//
// Every failure names its cause, what the kernel said, and the remedy.
#include <cerrno>

#include <linux/labyrinth.h>

#include "explain.hh"
#include "tap.hh"

using namespace labyrinth;

namespace {

void says(tap::Report& t, const std::string& text, std::initializer_list<const char*> parts,
          const std::string& sentence) {
    bool all = true;
    for (const char* part : parts)
        all = all && text.find(part) != std::string::npos;
    t.check(all, sentence, "it says: " + text);
}

SystemFacts facts() {
    return {.release = "6.12.1", .lockdown = "none", .device_mode = ""};
}

void module_missing(tap::Report& t) {
    Error e = explain_family_unknown(facts());
    says(t, e.cause, {"ENOENT"}, "no family: what the kernel said");
    says(t, e.hint, {"make load", "modprobe labyrinth"}, "no family: load the module");
    t.check(e.hint.find("MOK") == std::string::npos, "no family: no word of lockdown without it");
    SystemFacts locked = facts();
    locked.lockdown = "integrity";
    says(t, explain_family_unknown(locked).hint, {"integrity", "signed", "MOK"},
         "no family: lockdown refuses an unsigned module");
    SystemFacts signed_only = facts();
    signed_only.signatures_only = true;
    says(t, explain_family_unknown(signed_only).hint, {"sig_enforce", "MOK"},
         "no family: module.sig_enforce");
    SystemFacts old = facts();
    for (const char* release : {"5.10.0-30-amd64", "6.0.12", "4.19"}) {
        old.release = release;
        says(t, explain_family_unknown(old).hint, {release, "6.1"}, "no family: kernel too old");
    }
    for (const char* release : {"6.1.0-56-amd64", "6.12", "7.0.0", "10.2"}) {
        old.release = release;
        says(t, explain_family_unknown(old).hint, {"make load"}, "no family: kernel new enough");
    }
    SystemFacts there = facts();
    there.module_loaded = true;
    says(t, explain_device({.what = "opening", .err = ENOENT}, there).hint, {"is loaded", "dmesg"},
         "no device: though the module is loaded");
    says(t, explain_device({.what = "opening", .err = ENOENT}, facts()).hint, {"make load"},
         "no device: load the module");
}

void permission(tap::Report& t) {
    SystemFacts f = facts();
    f.device_mode = "0600, user 0, group 0";
    const Error e = explain_device({.what = "opening", .err = EACCES}, f);
    says(t, e.cause, {"permission", "EACCES"}, "no permission: cause");
    says(t, e.hint, {"root", "0600, user 0, group 0"}, "no permission: mode and group");
}

void attach(tap::Report& t) {
    Owner o;
    o.uid = 5;
    o.gid = 6;
    o.mode = 0640;
    o.pid = 4711;
    says(t, explain_attach({.err = EBUSY}, "db", o).cause, {"4711", "EBUSY"},
         "busy: by which process");
    says(t, explain_attach({.err = EBUSY}, "db", {}).cause, {"another process"},
         "busy: unknown by whom");
    says(t, explain_attach({.err = EACCES}, "db", o).cause, {"0640", "user 5", "group 6", "EACCES"},
         "owner's mode: which");
    says(t, explain_attach({.err = ENOENT}, "db", {}).hint, {"owner add db"},
         "no such owner: make it");
    says(t, explain_attach({.err = ESHUTDOWN}, "db", {}).cause, {"removed", "ESHUTDOWN"},
         "owner going away");
}

void alloc(tap::Report& t) {
    Standing now;
    now.page_size = 4096;
    now.used = 3;
    now.quota = 10;
    now.memlock_used = 20;
    now.memlock_limit = 21;
    now.max_order = 9;
    Error e = explain_alloc({.err = EDQUOT, .reason = LABYRINTH_REASON_QUOTA, .wanted = 8}, "x",
                            "db", now);
    says(t, e.cause, {"3 of 10", "8 more", "EDQUOT"}, "quota: used, quota, wanted");
    says(t, e.hint, {"owner set db --quota"}, "quota: how to raise it");
    e = explain_alloc({.err = EDQUOT, .reason = LABYRINTH_REASON_MEMLOCK, .wanted = 8}, "x", "db",
                      now);
    says(t, e.cause, {"RLIMIT_MEMLOCK", "20 of 21 pages", "80 of 84 KiB", "8 more", "EDQUOT"},
         "memlock: limit and use");
    says(t, e.hint, {"ulimit -l", "CAP_IPC_LOCK"}, "memlock: how to raise it");
    e = explain_alloc(
        {.err = ENOMEM, .reason = LABYRINTH_REASON_EMPTY, .rung = LABYRINTH_RUNG_EMERGENCY}, "x",
        "db", now);
    says(t, e.cause, {"reserve is empty", "emergency part", "ENOMEM"},
         "empty: reason and rung in words");
    says(t, e.hint, {"labyrinth reserve", "--fallback wait"}, "empty: what to do");
    e = explain_alloc({.err = ETIMEDOUT, .reason = LABYRINTH_REASON_TIMEOUT}, "x", "db", now);
    says(t, e.cause, {"timeout", "ETIMEDOUT"}, "timeout");
    e = explain_alloc({.err = EINVAL}, "x", "db", now);
    says(t, e.hint, {"order 9"}, "order too large: the largest");
    e = explain_alloc({.err = EOPNOTSUPP}, "x", "db", now);
    says(t, e.hint, {"--strict", "order 0"}, "strict with an order");
    e = explain_alloc({.err = EDQUOT, .reason = LABYRINTH_REASON_QUOTA}, "x", "db", {});
    says(t, e.cause, {"quota"}, "quota: without figures");
}

void others(tap::Report& t) {
    Error e = explain_page({.err = ENOENT}, "freeing", "db");
    says(t, e.cause, {"no such page", "ENOENT"}, "stale handle: cause");
    says(t, e.hint, {"pages -o db"}, "stale handle: how to see what there is");
    says(t, explain_page({.cause = "it holds data already", .err = EEXIST}, "x", "db").hint,
         {"--append", "--replace"}, "data there already");
    says(t, explain_page({.cause = "it holds no data", .err = ENODATA}, "x", "db").hint,
         {"write -o db"}, "no data");
    e = explain_page({.what = "reading f", .cause = "c", .err = EIO}, "x", "db");
    t.check(e.what == "reading f" && e.cause == "c", "a file's failure stays a file's");

    e = explain_netlink({.cause = "no\033[2J", .err = EINVAL, .attribute = "owner-quota"}, "x");
    says(t, e.cause, {"no\\x1b[2J", "[owner-quota]", "EINVAL"},
         "netlink: text, escaped, attribute and errno");
    says(t, explain_netlink({.err = EPERM}, "x").hint, {"CAP_SYS_ADMIN", "root"},
         "netlink: not root");
    says(t, explain_netlink({.err = EBUSY}, "x").cause, {"EBUSY", "resource busy"},
         "netlink: errno alone where there is no text");
    e = explain_no_owner("alloc");
    t.check(e.blame == Blame::usage, "no -o: exit status 1");
    says(t, e.hint, {"owner add", "die with this command"}, "no -o: why, and what to do");
}

} // namespace

void test_explain(tap::Report& t) {
    module_missing(t);
    permission(t);
    attach(t);
    alloc(t);
    others(t);
}
