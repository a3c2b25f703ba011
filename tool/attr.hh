// SPDX-License-Identifier: GPL-2.0-only
//
// Netlink attributes as bytes: what may arrive is checked here, once, so that
// nobody after this reads a length that the kernel, or a test, made up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace labyrinth {

using Bytes = std::span<const std::byte>;

/// A run of attributes, read in place. Of several with one type the first counts.
class Attrs {
public:
    explicit Attrs(Bytes bytes) : bytes_(bytes) {}

    /// Payload of the attribute, if it is there.
    std::optional<Bytes> find(std::uint16_t type) const;
    /// Absent too when the payload has another size than the type asked for.
    std::optional<std::uint32_t> u32(std::uint16_t type) const;
    std::optional<std::uint64_t> u64(std::uint16_t type) const;
    /// Up to the first NUL.
    std::optional<std::string> string(std::uint16_t type) const;
    /// Calls @visit with each type and payload; stops at a malformed attribute.
    void each(const std::function<void(std::uint16_t, Bytes)>& visit) const;
    /// Type of the attribute that starts @offset bytes into the run, or 0.
    std::uint16_t type_at(std::size_t offset) const;

private:
    Bytes bytes_;
};

/// Attributes to send.
class AttrBuilder {
public:
    AttrBuilder& u32(std::uint16_t type, std::uint32_t value);
    AttrBuilder& u64(std::uint16_t type, std::uint64_t value);
    AttrBuilder& flag(std::uint16_t type);
    AttrBuilder& string(std::uint16_t type, std::string_view value);
    AttrBuilder& nest(std::uint16_t type, const AttrBuilder& inner);
    Bytes bytes() const { return bytes_; }

private:
    AttrBuilder& put(std::uint16_t type, Bytes payload, std::size_t extra_zeroes = 0);
    std::vector<std::byte> bytes_;
};

} // namespace labyrinth
