// SPDX-License-Identifier: GPL-2.0-only
//
// Words of the command line into values, strictly: all of the word, within
// bounds, or an error that names the word and what was expected. And back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model.hh"
#include "support.hh"

namespace labyrinth {

/// A decimal number, from @least to @most.
Result<std::uint64_t> parse_number(std::string_view what, std::string_view word,
                                   std::uint64_t least, std::uint64_t most);
/// Pages: a plain number, or bytes with suffix K, M or G (multiple of @page_size).
Result<std::uint64_t> parse_pages(std::string_view what, std::string_view word,
                                  std::uint64_t page_size);
/// The same, or "unlimited": LABYRINTH_UNLIMITED.
Result<std::uint64_t> parse_quota(std::string_view what, std::string_view word,
                                  std::uint64_t page_size);
/// A number with unit ns, us, ms, s, m or h, more than 0; in nanoseconds.
Result<std::uint64_t> parse_duration(std::string_view what, std::string_view word);
/// 0x and 1 to 16 hex digits, not all of them 0.
Result<Handle> parse_handle(std::string_view word);
/// Decimal, or 0x and hex digits; not one of those reserved for `write`.
Result<std::uint64_t> parse_tag(std::string_view word);
/// How many blocks, from 1.
Result<std::uint64_t> parse_count(std::string_view word);
/// process or thread: enum labyrinth_scope.
Result<std::uint32_t> parse_scope(std::string_view word);
/// log2 of a block's pages. Each kernel has its own largest.
Result<std::uint32_t> parse_order(std::string_view word);
/// Octal, 0 to 0777.
Result<std::uint32_t> parse_mode(std::string_view word);
/// 1 to 31 of [A-Za-z0-9._-].
Result<std::string> parse_owner_name(std::string_view word);
/// A name for a new owner: one that can't be taken for a number or a handle.
Result<std::string> parse_new_owner_name(std::string_view word);
/// #N or N is a number, anything else a name.
Result<OwnerRef> parse_owner_ref(std::string_view word);
/// The receiver of a give: as parse_owner_ref(), but 0 is nobody's number.
Result<OwnerRef> parse_receiver(std::string_view word);
/// none, uid or any: enum labyrinth_accept.
Result<std::uint32_t> parse_accept(std::string_view word);
/// How many of @words, those of a command line, are the tool's own: with `hold`,
/// what follows "--" is another command's, to be passed on as it is.
std::size_t own_words(std::span<const std::string_view> words);
/// True for what parse_handle() is meant for: a word that starts with 0x.
bool looks_like_handle(std::string_view word);

/// 0x and 16 hex digits.
std::string format_handle(Handle handle);

} // namespace labyrinth
