// SPDX-License-Identifier: GPL-2.0-only
#include "session.hh"

#include <cerrno>

#include <fmt/core.h>
#include <linux/labyrinth.h>

#include "explain.hh"
#include "family.hh"
#include "parse.hh"
#include "text.hh"

namespace labyrinth {
namespace {

/// What netlink tells of the owner that could not be attached, if it does.
std::optional<Owner> look_up(const std::string& name) {
    auto family = Family::open();
    if (!family)
        return std::nullopt;
    auto owner = family->owner(name);
    return owner ? std::optional(std::move(*owner)) : std::nullopt;
}

} // namespace

Result<std::string> required_owner(const std::string& command,
                                   const std::optional<std::string>& word) {
    if (!word)
        return explain_no_owner(command);
    return parse_owner_name(*word);
}

Result<Device> open_owner(const std::string& name, Device::Access access) {
    auto device = Device::open(access);
    if (!device)
        return explain_device(device.error(), system_facts());
    const Status attached = device->attach(name);
    if (!attached)
        return explain_attach(attached.error(), name, look_up(name));
    return device;
}

Result<AllocPolicy> parse_policy(const PolicyWords& words) {
    AllocPolicy policy{.strict = words.strict};
    if (words.fallback == "fail")
        policy.fallback = LABYRINTH_FALLBACK_FAIL;
    else if (words.fallback == "wait")
        policy.fallback = LABYRINTH_FALLBACK_WAIT;
    else
        return usage_error("--fallback",
                           fmt::format("'{}' is not fail or wait", escape(words.fallback)));
    if (!words.timeout)
        return policy;
    if (policy.fallback != LABYRINTH_FALLBACK_WAIT)
        return usage_error("--timeout", "only --fallback wait waits");
    auto timeout = parse_duration("--timeout", *words.timeout);
    if (!timeout)
        return timeout.error();
    policy.timeout_ns = *timeout;
    return policy;
}

std::optional<Standing> standing_of(const Device& device) {
    auto standing = device.standing();
    return standing ? std::optional(*standing) : std::nullopt;
}

} // namespace labyrinth
