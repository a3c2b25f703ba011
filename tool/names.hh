// SPDX-License-Identifier: GPL-2.0-only
//
// The contract's numbers as words: short ones, which are also JSON values, and
// sentences for a person.
#pragma once

#include <cstdint>
#include <string>

namespace labyrinth {

/// Short words; an unknown number becomes "unknown-N".
std::string rung_name(std::uint32_t rung);
std::string reason_name(std::uint32_t reason);
std::string kind_name(std::uint32_t kind);
std::string state_name(std::uint32_t state);
std::string scope_name(std::uint32_t scope);
std::string verdict_name(std::uint32_t result);
std::string accept_name(std::uint32_t accept);
std::string context_name(std::uint32_t context);

/// Sentences: "this CPU's ready stack", "strict, and the reserve is empty".
std::string rung_words(std::uint32_t rung);
std::string reason_words(std::uint32_t reason);

/// A request's attribute by command and type: "owner-quota"; empty if unknown.
std::string attribute_name(std::uint8_t command, std::uint16_t type);

/// "EDQUOT (Disk quota exceeded)".
std::string errno_words(int err);
/// "EDQUOT"; "E123" for one that has no name.
std::string errno_name(int err);

} // namespace labyrinth
