// SPDX-License-Identifier: GPL-2.0-only
#include "explain.hh"

#include <cerrno>
#include <charconv>

#include <fmt/core.h>
#include <linux/labyrinth.h>

#include "names.hh"
#include "parse.hh"
#include "text.hh"

namespace labyrinth {
namespace {

/// The start of @release is below 6.1, the oldest that is supported.
bool kernel_too_old(const std::string& release) {
    unsigned major = 0;
    unsigned minor = 0;
    const char* end = release.data() + release.size();
    const auto [dot, problem] = std::from_chars(release.data(), end, major);
    if (problem != std::errc{} || dot == end || *dot != '.')
        return false;
    if (std::from_chars(dot + 1, end, minor).ec != std::errc{})
        return false;
    return major < 6 || (major == 6 && minor < 1);
}

std::string load_hint(const SystemFacts& facts) {
    if (kernel_too_old(facts.release))
        return fmt::format("this kernel is {}: Labyrinth needs 6.1 or later", facts.release);
    if (facts.module_loaded)
        return "the module is loaded, yet this part of it is not there: see `dmesg | grep "
               "labyrinth`; in a container, the host must pass it through";
    std::string hint = "load the module: `make load` in the source tree, or `modprobe labyrinth`";
    const bool locked = facts.lockdown == "integrity" || facts.lockdown == "confidentiality";
    if (locked)
        hint += fmt::format("\nkernel lockdown is at {}: it refuses a module that is not signed",
                            facts.lockdown);
    else if (facts.signatures_only)
        hint += "\nmodule.sig_enforce is set: a module that is not signed is refused";
    if (locked || facts.signatures_only)
        hint += "\nsign it with a machine owner key (MOK) that the firmware knows: `mokutil "
                "--import KEY`, reboot, enrol; then `sign-file`";
    return hint;
}

std::string memlock_cause(const Standing& now, std::uint64_t wanted) {
    const auto kib = [&](std::uint64_t pages) { return pages * now.page_size / 1024; };
    return fmt::format("RLIMIT_MEMLOCK is used up: {} of {} pages ({} of {} KiB) locked by this "
                       "user, {} more wanted",
                       now.memlock_used, format_limit(now.memlock_limit), kib(now.memlock_used),
                       kib(now.memlock_limit), wanted);
}

std::string inbox_cause(std::uint32_t used, std::uint32_t capacity, std::uint32_t deferred) {
    return fmt::format("the inbox has no room: {} of {} places are taken, {} of them by blocks "
                       "still to come",
                       used, capacity, deferred);
}

std::string quota_hint(const std::string& name) {
    if (name.empty())
        return "ask for fewer, or act as a named owner that may have more: -o NAME";
    return fmt::format("free some, or raise it: `labyrinth owner set {} --quota N` (as root)",
                       name);
}

constexpr const char* memlock_hint = "raise it with `ulimit -l` before the command (as root, or in "
                                     "limits.conf), or give CAP_IPC_LOCK";
constexpr const char* reserve_hint =
    "see `labyrinth reserve`; wait for the refill with `--fallback "
    "wait --timeout 2s`, or raise it: `labyrinth reserve set`";

std::string reason_hint(std::uint32_t reason, const std::string& name) {
    switch (reason) {
    case LABYRINTH_REASON_QUOTA:
        return quota_hint(name);
    case LABYRINTH_REASON_MEMLOCK:
        return memlock_hint;
    case LABYRINTH_REASON_SLOTS:
        return "free pages, or load the module with a larger registry (see modinfo labyrinth)";
    case LABYRINTH_REASON_DYING:
        return "see `labyrinth owners`";
    case LABYRINTH_REASON_CLOSED:
        return "try again once the system has resumed";
    case LABYRINTH_REASON_INBOX:
        return fmt::format("take what has come, `labyrinth take -o {}`, or ask for fewer", name);
    case LABYRINTH_REASON_CEILING:
        return "free pages, or load the module with a higher `ceiling`, in per cent of the "
               "machine's memory; `labyrinth info` shows what is taken and how much may be";
    default:
        return reserve_hint;
    }
}

/// What the kernel's reason says, with figures where there are some.
std::string alloc_cause(const Error& met, const std::optional<Standing>& now) {
    if (met.reason == LABYRINTH_REASON_QUOTA && now)
        return fmt::format("the quota is used up: {} of {} pages held, {} more wanted", now->used,
                           format_limit(now->quota), met.wanted);
    if (met.reason == LABYRINTH_REASON_MEMLOCK && now)
        return memlock_cause(*now, met.wanted);
    if (met.reason == LABYRINTH_REASON_INBOX && now && now->inbox > 0)
        return inbox_cause(now->inbox_used, now->inbox, now->deferred);
    std::string cause = reason_words(met.reason);
    if (met.rung != LABYRINTH_RUNG_NONE)
        cause += fmt::format("; last tried: {}", rung_words(met.rung));
    return cause;
}

constexpr const char* older_module = "the module is older than the tool: compare `labyrinth -V` "
                                     "and `modinfo labyrinth`";

std::string page_hint(int err, const std::string& name) {
    switch (err) {
    case ENOENT:
        return fmt::format("it was freed, or is not this owner's: `labyrinth pages -o {}` lists "
                           "what is",
                           name);
    case EEXIST:
        return "add to it with --append, or put the new data in its place with --replace";
    case ENODATA:
        return fmt::format("put some in: `labyrinth write -o {} FILE`", name);
    case EILSEQ:
        return fmt::format(
            "the data can't be read any more; `labyrinth write -o {} --replace FILE` "
            "puts new ones in their place",
            name);
    case ESHUTDOWN:
        return "see `labyrinth owners`";
    case EPERM:
        return "that thread alone can use or free it; it is wiped within a second of the thread's "
               "end";
    case ENXIO:
        return "it was revoked before it could be mapped: take others";
    case ENOTTY:
        return older_module;
    case EAGAIN:
        return "try again";
    default:
        return {};
    }
}

std::string page_cause(int err) {
    switch (err) {
    case ENOENT:
        return "no such page of this owner's";
    case ESHUTDOWN:
        return "the owner is being removed";
    case EPERM:
        return "the block is for the thread alone that took it";
    case ENXIO:
        return "the block is there no more";
    case ENOTTY:
        return "the module does not know this call";
    case EPROTO:
        return "the kernel's answer makes no sense";
    default:
        return {};
    }
}

/// Why the receiver can't have them, with figures where there are some.
std::string give_cause(const Error& met, const std::optional<Owner>& receiver) {
    switch (met.reason) {
    case LABYRINTH_REASON_QUOTA:
        if (receiver)
            return fmt::format("the receiver's quota is used up: {} of {} pages held",
                               receiver->used, format_limit(receiver->quota));
        return "the receiver's quota is used up";
    case LABYRINTH_REASON_MEMLOCK:
        return "the RLIMIT_MEMLOCK of the receiver's user is used up";
    case LABYRINTH_REASON_INBOX:
        if (receiver && receiver->inbox)
            return "it does not fit: " +
                   inbox_cause(receiver->inbox_used, *receiver->inbox, receiver->deferred);
        break;
    case LABYRINTH_REASON_REFUSED:
        if (receiver && receiver->accept == LABYRINTH_ACCEPT_UID)
            return "the receiver takes pages from owners of its own user only";
        if (receiver && receiver->accept == LABYRINTH_ACCEPT_NONE)
            return "the receiver takes pages from nobody";
        break;
    case LABYRINTH_REASON_DYING:
        return "the receiver is being removed";
    default:
        break;
    }
    return reason_words(met.reason);
}

std::string give_hint(std::uint32_t reason, const std::string& to) {
    switch (reason) {
    case LABYRINTH_REASON_QUOTA:
        return quota_hint(to);
    case LABYRINTH_REASON_MEMLOCK:
        return "have it free some, or raise that user's limit";
    case LABYRINTH_REASON_INBOX:
        return fmt::format("have it take what has come: `labyrinth take -o {}`\nor give fewer at a "
                           "time; the capacity is set when an owner is made: `labyrinth owner add "
                           "--inbox N`",
                           to);
    case LABYRINTH_REASON_REFUSED:
        return fmt::format("let it: `labyrinth owner set {} --accept uid`, or `any` (as root)", to);
    default:
        return reason_hint(reason, to);
    }
}

/// The name by which other commands know the receiver, where it has one.
std::string name_of(const std::optional<Owner>& receiver, const std::string& to) {
    return receiver && receiver->kind == LABYRINTH_OWNER_NAMED ? receiver->name : to;
}

/// The reason, from errno where the kernel gave none.
std::uint32_t give_reason(const Error& met, const std::optional<Owner>& receiver) {
    if (met.reason != LABYRINTH_REASON_NONE)
        return met.reason;
    switch (met.err) {
    case ESRCH: // said too of one that exists, and is not the giver's to know of
        return receiver && receiver->accept != LABYRINTH_ACCEPT_ANY ? LABYRINTH_REASON_REFUSED
                                                                    : LABYRINTH_REASON_NONE;
    case EACCES:
        return LABYRINTH_REASON_REFUSED;
    case EDQUOT:
        return LABYRINTH_REASON_QUOTA;
    case ENOSPC:
        return LABYRINTH_REASON_INBOX;
    default:
        return LABYRINTH_REASON_NONE;
    }
}

std::string netlink_hint(int err, const std::string& attribute) {
    switch (err) {
    case EBUSY:
        if (attribute == "owner-inbox")
            return "an inbox keeps its capacity: only a new owner can have another";
        return {};
    case EPERM:
        return "administration needs CAP_SYS_ADMIN in the initial user namespace: run it as root";
    case ENOENT:
        return "`labyrinth owners` and `labyrinth pages` list what you may see; other users' are "
               "shown to root only";
    default:
        return {};
    }
}

/// @text and errno; errno alone where there is no text.
std::string with_errno(const std::string& text, int err) {
    if (err == 0)
        return text;
    return text.empty() ? errno_words(err) : fmt::format("{} ({})", text, errno_name(err));
}

} // namespace

Error explain_device(const Error& met, const SystemFacts& facts) {
    Error error = met;
    error.cause = errno_words(met.err);
    if (met.err == ENOENT || met.err == ENODEV || met.err == ENXIO) {
        error.cause = with_errno("the device is not there", met.err);
        error.hint = load_hint(facts);
    } else if (met.err == EACCES || met.err == EPERM) {
        error.cause = with_errno("no permission", met.err);
        error.hint = "run it as root, or be let in by the device's mode";
        if (!facts.device_mode.empty())
            error.hint += fmt::format(" (it is {})", facts.device_mode);
    }
    return error;
}

Error explain_family_unknown(const SystemFacts& facts) {
    return Error{.what = "finding the kernel module",
                 .cause = "there is no netlink family \"labyrinth\" (ENOENT)",
                 .hint = load_hint(facts),
                 .err = ENOENT};
}

Error explain_attach(const Error& met, const std::string& name,
                     const std::optional<Owner>& holder) {
    Error error = met;
    error.what = "attaching owner " + name;
    error.cause = errno_words(met.err);
    if (met.err == ENOENT) {
        error.cause = with_errno("there is no named owner of that name", met.err);
        error.hint = fmt::format("make it: `labyrinth owner add {}` (as root)", name);
    } else if (met.err == EACCES) {
        error.cause = with_errno("its mode does not let you", met.err);
        if (holder && holder->mode && holder->uid && holder->gid)
            error.cause = fmt::format("its mode, {:04o} for user {} and group {}, does not let you "
                                      "(EACCES)",
                                      *holder->mode, *holder->uid, *holder->gid);
        error.hint = fmt::format(
            "run it as that user, or change it: `labyrinth owner set {} --uid --gid --mode`", name);
    } else if (met.err == EBUSY) {
        error.cause = with_errno("another process acts as it", met.err);
        if (holder && holder->pid)
            error.cause = fmt::format("process {} acts as it (EBUSY)", *holder->pid);
        error.hint = "wait until that process closes it; one at a time can act as a named owner";
    } else if (met.err == ESHUTDOWN) {
        error.cause = with_errno("it is being removed", met.err);
    }
    return error;
}

Error explain_alloc(const Error& met, const std::string& what, const std::string& name,
                    const std::optional<Standing>& now) {
    Error error = met;
    error.what = what;
    if (met.reason != LABYRINTH_REASON_NONE) {
        error.cause = with_errno(alloc_cause(met, now), met.err);
        error.hint = reason_hint(met.reason, name);
        return error;
    }
    error.cause = met.cause.empty() ? errno_words(met.err) : with_errno(met.cause, met.err);
    if (met.err == E2BIG)
        error.hint = "ask for fewer at a time: those that are still to come can't be taken back";
    else if (met.err == EINVAL && now)
        error.hint = fmt::format("blocks here have at most order {}", now->max_order);
    else if (met.err == EOPNOTSUPP)
        error.hint = "--strict serves blocks of order 0 only";
    else if (met.err == ENOMEM)
        error.hint = "the kernel had no memory for the call itself: try again";
    else
        error.hint = page_hint(met.err, name);
    return error;
}

Error explain_give(const Error& met, const std::string& what, const std::string& from,
                   const std::string& to, const std::optional<Owner>& receiver) {
    Error error = met;
    error.what = what;
    error.reason = give_reason(met, receiver);
    if (error.reason != LABYRINTH_REASON_NONE) {
        error.cause = with_errno(give_cause(error, receiver), met.err);
        error.hint = give_hint(error.reason, name_of(receiver, to));
    } else if (met.err == ESRCH) {
        error.cause =
            with_errno("there is no such receiver, or it takes none from this owner", met.err);
        error.hint = "`labyrinth owners` lists owners, for root those of everyone";
        if (parse_new_owner_name(to)) // and no number
            error.hint += fmt::format("\nmake one that takes pages: `labyrinth owner add {} "
                                      "--accept uid` (as root)",
                                      to);
    } else if (met.err == EINVAL) {
        error.cause = with_errno("the receiver is the giver itself", met.err);
        error.hint = "name another owner with --to";
    } else if (met.err == E2BIG) {
        error.cause = with_errno(met.cause, met.err);
        error.hint = "give fewer at a time: no inbox holds so many";
    } else {
        return explain_page(met, what, from);
    }
    return error;
}

Error explain_empty(const std::string& name, const std::optional<Standing>& now) {
    Error error{.what = "taking from the inbox of owner " + name,
                .cause = with_errno("nothing has come", EAGAIN),
                .hint = "wait for it with --follow",
                .err = EAGAIN};
    if (now && now->deferred > 0)
        error.cause = with_errno(
            fmt::format("nothing has come yet, {} blocks are still to come", now->deferred),
            EAGAIN);
    else if (now && now->accept == LABYRINTH_ACCEPT_NONE)
        error.hint = fmt::format("it takes pages from nobody: let it, `labyrinth owner set {} "
                                 "--accept uid`, or `any` (as root)",
                                 name);
    return error;
}

Error explain_late(const std::string& name, std::uint64_t taken,
                   const std::optional<std::uint64_t>& wanted) {
    const std::string came =
        wanted ? fmt::format("{} of {} blocks have come", taken, *wanted) : "nothing has come";
    return Error{.what = "taking from the inbox of owner " + name,
                 .cause = with_errno(came + " before the timeout", ETIMEDOUT),
                 .hint = "wait longer, or without --timeout; those that came are taken",
                 .err = ETIMEDOUT};
}

Error explain_take(const Error& met, const std::string& name) {
    Error error = explain_page(met, "taking from the inbox of owner " + name, name);
    const bool own = error.hint.empty();
    error.hint =
        fmt::format("{}{}what was taken and not passed on is the owner's: `labyrinth pages "
                    "-o {}`",
                    error.hint, own ? "" : "\n", name);
    return error;
}

Error explain_page(const Error& met, const std::string& what, const std::string& name) {
    if (!met.what.empty()) // a file, not a page
        return met;
    Error error = met;
    error.what = what;
    error.cause = with_errno(met.cause.empty() ? page_cause(met.err) : met.cause, met.err);
    error.hint = page_hint(met.err, name);
    return error;
}

Error explain_netlink(const Error& met, const std::string& what) {
    if (!met.what.empty())
        return met;
    Error error = met;
    error.what = what;
    const std::string text = escape(met.cause);
    error.cause = with_errno(
        met.attribute.empty() ? text : fmt::format("{} [{}]", text, met.attribute), met.err);
    error.hint = netlink_hint(met.err, met.attribute);
    if (met.err == EOPNOTSUPP && text.empty()) // nobody but the family itself says nothing
        error.hint = older_module;
    return error;
}

Error explain_revoke(const Error& met, const std::optional<Owner>& owner,
                     const std::optional<std::uint64_t>& handle) {
    Error error = met;
    if (met.err == ENOENT && handle && owner) {
        error.cause = with_errno("the block is not, or no more, this owner's", met.err);
        error.hint = fmt::format("`labyrinth pages --owner {}` lists what is", owner->id);
    } else if (met.err == EBUSY && owner) {
        error.cause =
            with_errno("the block waits in the owner's inbox, where only all can be had", met.err);
        error.hint = fmt::format("revoke all that the owner has: `labyrinth revoke #{}`\nor this "
                                 "one, once it has been taken",
                                 owner->id);
    } else if (met.err == ENOENT) {
        error.cause = with_errno("there is no such owner", met.err);
        error.hint = "`labyrinth owners` lists them";
    } else if (met.err == EOPNOTSUPP && owner && owner->kind == LABYRINTH_OWNER_KERNEL) {
        error.cause = with_errno("it is a module's own: the kernel uses its pages by address, and "
                                 "can't be made to let go",
                                 met.err);
        error.hint = "only that module can free them: have it do so, or unload it";
    }
    return error;
}

Error explain_no_owner(const std::string& command) {
    return usage_error(command, "no owner named: say which with -o NAME",
                       "a page without a named owner would die with this command\n"
                       "make an owner that outlives it: `labyrinth owner add NAME` (as root)");
}

} // namespace labyrinth
