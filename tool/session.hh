// SPDX-License-Identifier: GPL-2.0-only
//
// The device, acting as a named owner: how alloc, free, write and read begin.
#pragma once

#include <optional>
#include <string>

#include "device.hh"
#include "page_ops.hh"
#include "support.hh"

namespace labyrinth {

/// The value of -o, checked; @command is for the error that says it is missing.
Result<std::string> required_owner(const std::string& command,
                                   const std::optional<std::string>& word);

/// Opens the device and attaches the owner. Failures are explained.
Result<Device> open_owner(const std::string& name, Device::Access access);

/// As words of the command line.
struct PolicyWords {
    bool strict = false;
    std::string fallback = "fail";
    std::optional<std::string> timeout;
};

/// Checks --fallback and --timeout. The tool's default is to fail.
Result<AllocPolicy> parse_policy(const PolicyWords& words);

/// How the owner stands, for an explanation; none if it can't be asked.
std::optional<Standing> standing_of(const Device& device);

} // namespace labyrinth
