// SPDX-License-Identifier: GPL-2.0-only
//
// Questions to the system that are not Labyrinth's: what could keep the module
// out, who a user is, how large a page is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "support.hh"

namespace labyrinth {

/// What an explanation may have to point at.
struct SystemFacts {
    std::string release;          ///< uname -r
    std::string lockdown;         ///< "none", "integrity", "confidentiality"; empty if unknown
    bool signatures_only = false; ///< module.sig_enforce
    bool module_loaded = false;   ///< /sys/module/labyrinth is there
    std::string device_mode;      ///< "0600, user 0, group 0"; empty if there is no device
};

/// Looks at the running system. What can't be read stays empty.
SystemFacts system_facts();

/// The mode between brackets in /sys/kernel/security/lockdown's text.
std::string selected_lockdown(std::string_view text);

/// A user's or a group's number, from a number or a name.
Result<std::uint32_t> resolve_user(const std::string& word);
Result<std::uint32_t> resolve_group(const std::string& word);

/// Bytes in a base page.
std::uint64_t system_page_size();

/// Makes sure that 0, 1 and 2 are open, so that the device never becomes one of
/// them; using one that was closed then fails, as it should.
void occupy_standard_descriptors();

} // namespace labyrinth
