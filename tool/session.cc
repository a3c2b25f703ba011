// SPDX-License-Identifier: GPL-2.0-only
#include "session.hh"

#include <cerrno>

#include <fmt/core.h>
#include <linux/labyrinth.h>

#include "batch.hh"
#include "explain.hh"
#include "family.hh"
#include "parse.hh"
#include "text.hh"

namespace labyrinth {
Result<std::string> required_owner(const std::string& command,
                                   const std::optional<std::string>& word) {
    if (!word)
        return explain_no_owner(command);
    return parse_owner_name(*word);
}

Result<Device> open_device(Device::Access access) {
    auto device = Device::open(access);
    if (!device)
        return explain_device(device.error(), system_facts());
    return device;
}

Result<Device> open_owner(const std::string& name, Device::Access access) {
    auto device = open_device(access);
    if (!device)
        return device;
    const Status attached = device->attach(name);
    if (!attached)
        return explain_attach(attached.error(), name, look_up(name));
    return device;
}

Result<AllocPolicy> parse_policy(const PolicyWords& words, bool may_defer) {
    AllocPolicy policy{.strict = words.strict};
    if (words.fallback == "fail")
        policy.fallback = LABYRINTH_FALLBACK_FAIL;
    else if (words.fallback == "wait")
        policy.fallback = LABYRINTH_FALLBACK_WAIT;
    else if (words.fallback == "defer" && may_defer)
        policy.fallback = LABYRINTH_FALLBACK_DEFER;
    else
        return usage_error("--fallback",
                           fmt::format("'{}' is not {}", escape(words.fallback),
                                       may_defer ? "fail, wait or defer" : "fail or wait"));
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

Result<std::vector<Handle>> parse_handles(const std::string& command, const HandleWords& given) {
    if (given.all != given.words.empty())
        return usage_error(command,
                           given.all ? "handles and --all at once" : "neither handles nor --all");
    std::vector<Handle> handles;
    for (const std::string& word : given.words) {
        auto handle = parse_handle(word);
        if (!handle)
            return handle.error();
        handles.push_back(*handle);
    }
    return handles;
}

Result<std::vector<Handle>> list_handles(Device& device, const std::string& name) {
    auto blocks = all_blocks(device);
    if (!blocks)
        return explain_page(blocks.error(), "listing the blocks of owner " + name, name);
    std::vector<Handle> handles;
    handles.reserve(blocks->size());
    for (const Block& block : *blocks)
        handles.push_back(block.handle);
    return handles;
}

std::string describe_handles(const Error& error, const std::vector<Handle>& handles) {
    if (error.err == ENOENT && error.index < handles.size())
        return format_handle(handles[error.index]);
    return fmt::format("{} {}", handles.size(), handles.size() == 1 ? "block" : "blocks");
}

std::optional<Owner> look_up(const OwnerRef& ref) {
    auto family = Family::open();
    if (!family)
        return std::nullopt;
    auto owner = family->owner(ref);
    return owner ? std::optional(std::move(*owner)) : std::nullopt;
}

std::optional<Standing> standing_of(const Device& device) {
    auto standing = device.standing();
    return standing ? std::optional(*standing) : std::nullopt;
}

} // namespace labyrinth
