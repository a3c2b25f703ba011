// SPDX-License-Identifier: GPL-2.0-only
//
// Blocks in this process's memory.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "device.hh"
#include "support.hh"

namespace labyrinth {

/// One range of addresses in which the blocks lie one behind the other.
class Mapping {
public:
    /// Maps @handles, blocks of @order each, however many.
    static Result<Mapping> make(Device& device, std::span<const Handle> handles,
                                std::uint32_t order);

    Mapping(Mapping&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)), length_(std::exchange(other.length_, 0)) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(base_, other.base_);
        std::swap(length_, other.length_);
        return *this;
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    AddressRange range() const;
    /// Has the kernel write a zero to every byte: each page is there after that. A
    /// page that went away is EFAULT, where a write of our own would be SIGBUS.
    Status touch() const;

private:
    Mapping(std::byte* base, std::uint64_t length) : base_(base), length_(length) {}

    std::byte* base_;
    std::uint64_t length_;
};

} // namespace labyrinth
