// SPDX-License-Identifier: GPL-2.0-only
//
// A file of any size in an owner's pages, written whole or not at all. How it
// lies there: stream_layout.hh.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "page_ops.hh"
#include "stream_layout.hh"
#include "support.hh"

namespace labyrinth {

/// Where data come from.
class ByteSource {
public:
    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    ByteSource(ByteSource&&) = default;
    ByteSource& operator=(ByteSource&&) = default;
    virtual ~ByteSource() = default;
    /// Fills the front of @to; the number of bytes, 0 only at the end.
    virtual Result<std::size_t> read(std::span<std::byte> to) = 0;
};

/// Where data go.
class ByteSink {
public:
    ByteSink() = default;
    ByteSink(const ByteSink&) = delete;
    ByteSink& operator=(const ByteSink&) = delete;
    ByteSink(ByteSink&&) = default;
    ByteSink& operator=(ByteSink&&) = default;
    virtual ~ByteSink() = default;
    virtual Status write(std::span<const std::byte> from) = 0;
};

/// What to do with data that are there already.
enum class WriteMode {
    fresh,   ///< refuse (EEXIST)
    append,  ///< put the new behind them
    replace, ///< put the new in their place
};

struct Written {
    std::uint64_t bytes = 0;
    std::uint64_t pages = 0;
    std::uint64_t pages_freed = 0; ///< of the data that were replaced, and left over
    bool left_over = false;        ///< some could not be freed; the next write tries again
};

struct Extent {
    std::uint64_t bytes = 0;
    std::uint64_t pages = 0;
};

/// Writes all of @source, as one. After a failure the owner's data are those
/// from before; pages left over from earlier writers may be gone.
Result<Written> write_stream(PageOps& ops, ByteSource& source, WriteMode mode,
                             const AllocPolicy& policy);

/// The data's size. ENODATA: there are none. EILSEQ: they are damaged.
Result<Extent> measure_stream(PageOps& ops);

/// Copies the data to @sink. All is found before the first byte goes out.
Result<Extent> read_stream(PageOps& ops, ByteSink& sink);

/// Copies one block to @sink: its used bytes, or all of them.
Result<Extent> read_block(PageOps& ops, Handle handle, bool whole, ByteSink& sink);

} // namespace labyrinth
