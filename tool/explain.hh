// SPDX-License-Identifier: GPL-2.0-only
//
// Failures as they were met, made into what was being done, why it failed, what
// the kernel said and what to do. No question is put to the system here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model.hh"
#include "support.hh"
#include "system.hh"

namespace labyrinth {

/// /dev/labyrinth could not be opened, or does not answer.
Error explain_device(const Error& met, const SystemFacts& facts);
/// The netlink family does not exist.
Error explain_family_unknown(const SystemFacts& facts);
/// ATTACH was refused; @holder is what netlink tells of the owner, if anything.
Error explain_attach(const Error& met, const std::string& name, const std::optional<Owner>& holder);
/// ALLOC was refused, whatever for; @now is how the owner stands.
Error explain_alloc(const Error& met, const std::string& what, const std::string& name,
                    const std::optional<Standing>& now);
/// GIVE was refused. @from: the giver's name; @to: the receiver's, or its number;
/// @receiver is what netlink tells of it, if anything.
Error explain_give(const Error& met, const std::string& what, const std::string& from,
                   const std::string& to, const std::optional<Owner>& receiver);
/// TAKE found nothing: the inbox is empty. @now is how the owner stands.
Error explain_empty(const std::string& name, const std::optional<Standing>& now);
/// TAKE waited for no more: @taken have come, of @wanted if it was said how many.
Error explain_late(const std::string& name, std::uint64_t taken,
                   const std::optional<std::uint64_t>& wanted);
/// TAKE was refused, or what was taken could not be passed on.
Error explain_take(const Error& met, const std::string& name);
/// A call on pages was refused.
Error explain_page(const Error& met, const std::string& what, const std::string& name);
/// A netlink request was refused; one that explains itself is left as it is.
Error explain_netlink(const Error& met, const std::string& what);
/// REVOKE was refused, as explain_netlink() has it; @owner is what netlink tells of
/// the owner, if anything.
Error explain_revoke(const Error& met, const std::optional<Owner>& owner,
                     const std::optional<std::uint64_t>& handle);
/// -o is missing.
Error explain_no_owner(const std::string& command);

} // namespace labyrinth
