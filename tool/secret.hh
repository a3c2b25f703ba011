// SPDX-License-Identifier: GPL-2.0-only
//
// A buffer that forgets: what passes from a file into exclusive pages must not
// stay behind in the tool's heap.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace labyrinth {

/// Bytes that are wiped when the buffer goes.
class SecretBuffer {
public:
    explicit SecretBuffer(std::size_t size) : bytes_(size) {}
    SecretBuffer(const SecretBuffer&) = delete;
    SecretBuffer& operator=(const SecretBuffer&) = delete;
    SecretBuffer(SecretBuffer&&) = delete;
    SecretBuffer& operator=(SecretBuffer&&) = delete;
    ~SecretBuffer() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

    std::span<std::byte> span() { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

} // namespace labyrinth
