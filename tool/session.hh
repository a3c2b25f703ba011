// SPDX-License-Identifier: GPL-2.0-only
//
// The device, acting as a named owner: how alloc, free, write and read begin.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "device.hh"
#include "page_ops.hh"
#include "support.hh"

namespace labyrinth {

/// The value of -o, checked; @command is for the error that says it is missing.
Result<std::string> required_owner(const std::string& command,
                                   const std::optional<std::string>& word);

/// Opens the device, as an owner that ends with the command. Failures are explained.
Result<Device> open_device(Device::Access access);

/// Opens the device and attaches the owner. Failures are explained.
Result<Device> open_owner(const std::string& name, Device::Access access);

/// As words of the command line.
struct PolicyWords {
    bool strict = false;
    std::string fallback = "fail";
    std::optional<std::string> timeout;
};

/// Checks --fallback and --timeout. The tool's default is to fail. @may_defer:
/// the command can say what it means that blocks come later.
Result<AllocPolicy> parse_policy(const PolicyWords& words, bool may_defer);

/// Blocks, as words of the command line: handles, or all that the owner holds.
struct HandleWords {
    std::vector<std::string> words;
    bool all = false;
};

/// Checks them; none if they are all.
Result<std::vector<Handle>> parse_handles(const std::string& command, const HandleWords& given);

/// The handles of all that the owner @name holds. Failures are explained.
Result<std::vector<Handle>> list_handles(Device& device, const std::string& name);

/// "3 blocks", or the one handle that was refused, where @error is about one.
std::string describe_handles(const Error& error, const std::vector<Handle>& handles);

/// What netlink tells of an owner, for an explanation; none if it does not.
std::optional<Owner> look_up(const OwnerRef& ref);

/// How the owner stands, for an explanation; none if it can't be asked.
std::optional<Standing> standing_of(const Device& device);

} // namespace labyrinth
