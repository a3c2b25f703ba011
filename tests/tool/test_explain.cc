// SPDX-License-Identifier: GPL-2.0-only
//
// Every failure names its cause, what the kernel said, and the remedy.
#include <cerrno>
#include <optional>

#include <linux/labyrinth.h>

#include "explain.hh"
#include "names.hh"
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

void give(tap::Report& t) {
    Owner receiver;
    receiver.used = 3;
    receiver.quota = 4;
    receiver.accept = LABYRINTH_ACCEPT_UID;
    receiver.inbox = 8;
    receiver.inbox_used = 7;
    receiver.deferred = 2;
    const auto explained = [&](int err, std::uint32_t reason) {
        return explain_give({.err = err, .reason = reason}, "giving", "a", "db", receiver);
    };
    Error e = explained(EACCES, LABYRINTH_REASON_REFUSED);
    says(t, e.cause, {"own user only", "EACCES"}, "give: the receiver takes its user's only");
    says(t, e.hint, {"owner set db --accept"}, "give: how it could take others'");
    says(t, explained(ESRCH, LABYRINTH_REASON_NONE).cause, {"own user only", "ESRCH"},
         "give: the receiver takes its user's only, and the giver can't see it");
    receiver.accept = LABYRINTH_ACCEPT_NONE;
    says(t, explained(EACCES, LABYRINTH_REASON_REFUSED).cause, {"from nobody"},
         "give: the receiver takes nobody's");
    says(t, explained(EACCES, LABYRINTH_REASON_NONE).cause, {"from nobody"},
         "give: errno says it too");
    says(t, explain_give({.err = EACCES}, "giving", "a", "db", {}).cause,
         {"does not accept", "EACCES"}, "give: where the receiver is not ours to see");
    e = explained(EDQUOT, LABYRINTH_REASON_QUOTA);
    says(t, e.cause, {"receiver's quota", "3 of 4", "EDQUOT"}, "give: the receiver's quota");
    says(t, e.hint, {"owner set db --quota"}, "give: how to raise it");
    says(t, explained(EDQUOT, LABYRINTH_REASON_MEMLOCK).cause, {"RLIMIT_MEMLOCK", "receiver"},
         "give: the receiver's RLIMIT_MEMLOCK");
    e = explained(ENOSPC, LABYRINTH_REASON_INBOX);
    says(t, e.cause, {"7 of 8", "2 of them", "ENOSPC"}, "give: the inbox, with figures");
    says(t, e.hint, {"take -o db", "--inbox"}, "give: how to make room");
    says(t, explained(ESRCH, LABYRINTH_REASON_NONE).cause, {"from nobody", "ESRCH"},
         "give: a receiver that the giver can't see, and we can");
    e = explain_give({.err = ESRCH}, "giving", "a", "db", {});
    says(t, e.cause, {"no such receiver", "from this owner", "ESRCH"}, "give: no such receiver");
    says(t, e.hint, {"labyrinth owners", "owner add db --accept"}, "give: what there is");
    t.check(explain_give({.err = ESRCH}, "x", "a", "#7", {}).hint.find("add") == std::string::npos,
            "give: no owner can be made with a number");
    receiver.kind = LABYRINTH_OWNER_NAMED;
    receiver.name = "db";
    says(t,
         explain_give({.err = ENOSPC, .reason = LABYRINTH_REASON_INBOX}, "x", "a", "#7", receiver)
             .hint,
         {"take -o db"}, "give: by number, the hint has the name");
    e = explained(ENOENT, LABYRINTH_REASON_NONE);
    says(t, e.cause, {"no such page", "ENOENT"}, "give: a stale handle");
    says(t, e.hint, {"pages -o a"}, "give: what the giver holds");
    e = explained(EINVAL, LABYRINTH_REASON_NONE);
    says(t, e.cause, {"giver itself", "EINVAL"}, "give: to oneself");
    says(t, e.hint, {"--to"}, "give: to another");
    says(t, explained(ESRCH, LABYRINTH_REASON_DYING).cause, {"receiver is being removed", "ESRCH"},
         "give: a receiver that is going away");
    says(t, explained(ESHUTDOWN, LABYRINTH_REASON_NONE).cause, {"owner is being removed"},
         "give: a giver that is going away");
    e = explain_give({.cause = "more than 5 blocks at a time", .err = E2BIG}, "x", "a", "db", {});
    says(t, e.cause, {"more than 5", "E2BIG"}, "give: too many at a time");
    says(t, e.hint, {"fewer"}, "give: fewer");
}

void take(tap::Report& t) {
    Standing now;
    now.accept = LABYRINTH_ACCEPT_NONE;
    Error e = explain_empty("db", now);
    says(t, e.cause, {"nothing has come", "EAGAIN"}, "take: an empty inbox");
    says(t, e.hint, {"owner set db --accept"}, "take: nobody could give");
    now.accept = LABYRINTH_ACCEPT_ANY;
    says(t, explain_empty("db", now).hint, {"--follow"}, "take: how to wait");
    now.deferred = 3;
    says(t, explain_empty("db", now).cause, {"3 blocks are still to come"},
         "take: what is still to come");
    t.check(e.blame == Blame::refused, "take: an empty inbox is exit status 2");
    e = explain_late("db", 2, 5);
    says(t, e.cause, {"2 of 5", "timeout", "ETIMEDOUT"}, "take: fewer than were asked for");
    says(t, explain_late("db", 0, {}).cause, {"nothing has come", "ETIMEDOUT"},
         "take: none in time");
    e = explain_take({.what = "writing standard output", .cause = "c", .err = EPIPE}, "db");
    says(t, e.what, {"standard output"}, "take: the reader went away");
    says(t, e.hint, {"pages -o db"}, "take: where what was taken is");
    says(t, explain_take({.err = ESHUTDOWN}, "db").cause, {"being removed"},
         "take: the owner is going away");
    now.inbox = 8;
    now.inbox_used = 6;
    e = explain_alloc({.err = ENOSPC, .reason = LABYRINTH_REASON_INBOX}, "x", "db", now);
    says(t, e.cause, {"6 of 8", "3 of them", "ENOSPC"}, "defer: no room for what is to come");
    says(t, e.hint, {"take -o db"}, "defer: how to make room");
    e = explain_alloc({.cause = "more than 5 blocks at a time", .err = E2BIG}, "x", "db", now);
    says(t, e.cause, {"more than 5", "E2BIG"}, "defer: too many at a time");
}

void ceilings(tap::Report& t) {
    const Standing now{.page_size = 4096};
    Error e = explain_alloc(
        {.err = ENOMEM, .reason = LABYRINTH_REASON_CEILING, .rung = LABYRINTH_RUNG_BUDDY}, "x",
        "db", now);
    says(t, e.cause, {"as much of the machine's memory as it may", "ENOMEM"}, "ceiling: cause");
    says(t, e.hint, {"`ceiling`", "per cent", "labyrinth info"}, "ceiling: how to raise it");
    e = explain_alloc({.err = ESHUTDOWN, .reason = LABYRINTH_REASON_CLOSED}, "x", "db", now);
    says(t, e.cause, {"hand-out is closed", "suspend to disk", "ESHUTDOWN"}, "hibernation: cause");
    says(t, e.hint, {"resumed"}, "hibernation: when to try again");
    e = explain_alloc({.err = EDQUOT, .reason = LABYRINTH_REASON_QUOTA, .wanted = 8}, "x", "", now);
    says(t, e.hint, {"-o NAME"}, "quota: without a named owner");
}

void mappings(tap::Report& t) {
    Error e = explain_page({.err = EPERM}, "freeing", "db");
    says(t, e.cause, {"thread alone", "EPERM"}, "a thread's block: cause");
    says(t, e.hint, {"within a second"}, "a thread's block: when it goes");
    e = explain_page({.err = ENXIO}, "mapping", "");
    says(t, e.cause, {"there no more", "ENXIO"}, "mapping: what is not there any more");
    says(t, e.hint, {"revoked"}, "mapping: why");
    e = explain_page({.err = ENOTTY}, "mapping", "");
    says(t, e.cause, {"does not know", "ENOTTY"}, "mapping: a module that is older than the tool");
    says(t, e.hint, {"labyrinth -V", "modinfo"}, "mapping: what to compare");
}

void revoke(tap::Report& t) {
    Owner owner;
    owner.id = 7;
    owner.kind = LABYRINTH_OWNER_NAMED;
    const auto met = [](int err, const char* text = "") {
        return explain_netlink({.cause = text, .err = err}, "revoking");
    };
    Error e = explain_revoke(met(ENOENT, "x"), owner, 5);
    says(t, e.cause, {"not, or no more, this owner's", "ENOENT"}, "revoke: a stale handle");
    says(t, e.hint, {"pages --owner 7"}, "revoke: what there is");
    for (const std::optional<std::uint64_t>& handle :
         {std::optional<std::uint64_t>(), std::optional<std::uint64_t>(5)}) {
        e = explain_revoke(met(ENOENT), {}, handle);
        says(t, e.cause, {"no such owner", "ENOENT"}, "revoke: no such owner");
        says(t, e.hint, {"labyrinth owners"}, "revoke: which there are");
    }
    e = explain_revoke(met(EBUSY, "x"), owner, 5);
    says(t, e.cause, {"inbox", "EBUSY"}, "revoke: a block that waits in an inbox");
    says(t, e.hint, {"labyrinth revoke #7", "taken"}, "revoke: how to have it");
    says(t, explain_revoke(met(EPERM), owner, {}).hint, {"root"}, "revoke: not root");
    e = explain_revoke(met(EOPNOTSUPP), owner, {});
    says(t, e.hint, {"labyrinth -V", "modinfo"}, "revoke: a module that is older than the tool");
    owner.kind = LABYRINTH_OWNER_KERNEL;
    e = explain_revoke(met(EOPNOTSUPP, "x"), owner, {});
    says(t, e.cause, {"module's own", "EOPNOTSUPP"}, "revoke: a kernel owner");
    says(t, e.hint, {"unload"}, "revoke: who can free its pages");
    t.check(e.what == "revoking" && e.err == EOPNOTSUPP, "revoke: the rest stays");
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
    says(t, explain_netlink({.err = EOPNOTSUPP}, "x").hint, {"labyrinth -V", "modinfo"},
         "netlink: a module that is older than the tool");
    t.check(explain_netlink({.cause = "c", .err = EOPNOTSUPP}, "x").hint.empty(),
            "netlink: a refusal that explains itself");
    says(t, explain_netlink({.err = EBUSY, .attribute = "owner-inbox"}, "x").hint,
         {"keeps its capacity"}, "netlink: an inbox of another capacity");
    e = explain_no_owner("alloc");
    t.check(e.blame == Blame::usage, "no -o: exit status 1");
    says(t, e.hint, {"owner add", "die with this command"}, "no -o: why, and what to do");
}

/// Who is not ours to see, and what the module of another day might say.
void unknown(tap::Report& t) {
    SystemFacts f = facts();
    f.lockdown = "confidentiality";
    for (const int err : {ENODEV, ENXIO})
        says(t, explain_device({.what = "opening", .err = err}, f).hint,
             {"confidentiality", "MOK"}, "no device, by another errno: lockdown");
    const Error denied = explain_device({.what = "opening", .err = EPERM}, f);
    says(t, denied.hint, {"run it as root"}, "no permission: by another errno");
    t.check(denied.hint.find("it is") == std::string::npos, "no permission: without a mode");
    const Error broken = explain_device({.what = "opening", .err = EIO}, f);
    says(t, broken.cause, {"EIO"}, "a device that fails: errno");
    t.check(broken.hint.empty(), "a device that fails: nothing to be done from here");

    Owner partly;
    for (int known = 0; known < 3; known++) {
        if (known > 0)
            partly.mode = 0600;
        if (known > 1)
            partly.uid = 5;
        says(t, explain_attach({.err = EACCES}, "db", partly).cause, {"its mode", "EACCES"},
             "owner's mode: which is not known");
    }
    says(t, explain_attach({.err = EBUSY}, "db", partly).cause, {"another process"},
         "busy: of an owner that is known, by whom is not");
    says(t, explain_attach({.err = EIO}, "db", partly).cause, {"EIO"}, "attach: errno alone");

    const auto met = [](int err, std::uint32_t reason = LABYRINTH_REASON_NONE) {
        return Error{.err = err, .reason = reason};
    };
    for (const std::uint32_t reason : {LABYRINTH_REASON_MEMLOCK, LABYRINTH_REASON_INBOX})
        says(t, explain_alloc(met(EDQUOT, reason), "x", "db", {}).cause,
             {reason_words(reason).c_str(), "EDQUOT"}, "alloc: a limit without figures");
    says(t, explain_alloc(met(ENOSPC, LABYRINTH_REASON_INBOX), "x", "db", Standing{}).cause,
         {"ENOSPC"}, "alloc: an inbox that is not there yet");
    says(t, explain_alloc(met(EINVAL), "x", "db", {}).cause, {"EINVAL"},
         "alloc: a largest order that is not known");
    says(t, explain_alloc(met(EIO), "x", "db", {}).cause, {"EIO"}, "alloc: errno alone");

    const auto given = [&](int err, std::uint32_t reason, const std::optional<Owner>& to) {
        return explain_give(met(err, reason), "giving", "a", "db", to).cause;
    };
    Owner open;
    open.accept = LABYRINTH_ACCEPT_ANY;
    says(t, given(EDQUOT, LABYRINTH_REASON_QUOTA, {}), {"receiver's quota", "EDQUOT"},
         "give: a quota that is not known");
    for (const std::optional<Owner>& to : {std::optional<Owner>(), std::optional<Owner>(open)})
        says(t, given(ENOSPC, LABYRINTH_REASON_INBOX, to),
             {reason_words(LABYRINTH_REASON_INBOX).c_str()}, "give: an inbox without figures");
    says(t, given(EACCES, LABYRINTH_REASON_REFUSED, open), {"EACCES"},
         "give: refused, though it takes from anybody by now");
    says(t, given(ESRCH, LABYRINTH_REASON_NONE, open), {"no such receiver"},
         "give: not there, though it takes from anybody");
    says(t, explain_empty("db", {}).hint, {"--follow"}, "take: an owner that is not known");
    for (const int err : {EBUSY, EOPNOTSUPP})
        t.same(explain_revoke({.cause = "c", .err = err}, {}, 5).cause, "c",
               "revoke: of an owner that is not known, what the kernel said");
}

} // namespace

void test_explain(tap::Report& t) {
    unknown(t);
    module_missing(t);
    permission(t);
    attach(t);
    alloc(t);
    give(t);
    take(t);
    ceilings(t);
    mappings(t);
    revoke(t);
    others(t);
}
