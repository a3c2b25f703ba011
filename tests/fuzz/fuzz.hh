// SPDX-License-Identifier: GPL-2.0-only
//
// What the fuzzers of the tool share: how a wrong answer is told.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "support.hh"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

/// Ends the run as a crash does, so that the input is kept.
inline void require(bool holds, std::string_view what) {
    if (holds)
        return;
    std::fprintf(stderr, "fuzz: not so: %.*s\n", static_cast<int>(what.size()), what.data());
    std::abort();
}

/// Nothing that a terminal would obey; lines may end.
inline bool printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; });
}

/// A refused word is the caller's fault, has an explanation, and harms no terminal.
inline void require_usage(const labyrinth::Error& error) {
    require(error.blame == labyrinth::Blame::usage, "a bad word is a usage error");
    require(!error.cause.empty() && printable(error.cause), "the cause is printable");
    require(printable(error.hint), "the hint is printable");
}

} // namespace fuzz
