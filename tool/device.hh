// SPDX-License-Identifier: GPL-2.0-only
//
// /dev/labyrinth. The only room that calls ioctl(2). Failures come as they are
// met, with errno; explain.hh makes them into sentences.
#pragma once

#include <string>

#include "page_ops.hh"
#include "support.hh"

namespace labyrinth {

/// Where mmap(2) of the device finds blocks, in bytes.
struct Place {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

/// An open device: an owner, or the stand-in of a named one.
class Device final : public PageOps {
public:
    enum class Access { read_only, read_write };

    static Result<Device> open(Access access);
    /// Acts as the named owner from now on.
    Status attach(const std::string& name);
    Result<Standing> standing() const;

    std::uint32_t page_size() const override { return standing_.page_size; }
    std::uint32_t max_batch() const override { return standing_.max_batch; }
    Result<AllocReply> alloc(const AllocRequest& request) override;
    Result<std::uint32_t> release(std::span<const Handle> handles, bool partial) override;
    Result<std::optional<Block>> next(Handle previous) override;
    Result<Block> query(Handle handle) override;
    Status read(Handle handle, std::uint32_t offset, std::span<std::byte> to) override;
    Status write(Handle handle, std::uint32_t offset, std::span<const std::byte> from) override;
    Status set_tag(Handle handle, std::uint64_t tag) override;
    Status give(std::span<const Handle> handles, const OwnerRef& to) override;
    Result<std::vector<Handle>> take(std::uint32_t most) override;
    /// Gives at most max_batch() blocks a place, one behind the other.
    Result<Place> place(std::span<const Handle> handles);
    /// For mmap(2), and for poll(2): readable while something waits in the inbox.
    int descriptor() const { return fd_.get(); }

private:
    explicit Device(Fd fd) : fd_(std::move(fd)) {}

    Fd fd_;
    Standing standing_; ///< as of open()
};

} // namespace labyrinth
