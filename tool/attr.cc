// SPDX-License-Identifier: GPL-2.0-only
#include "attr.hh"

#include <cstring>

#include <linux/netlink.h>

namespace labyrinth {
namespace {

constexpr std::size_t header_size = NLA_HDRLEN;

std::size_t aligned(std::size_t length) {
    return (length + NLA_ALIGNTO - 1) & ~(NLA_ALIGNTO - 1UL);
}

/// The attribute at the front of @bytes: its header, if it is well formed.
std::optional<nlattr> front(Bytes bytes) {
    nlattr header{};
    if (bytes.size() < header_size)
        return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof(header));
    if (header.nla_len < header_size || header.nla_len > bytes.size())
        return std::nullopt;
    return header;
}

template <class T> std::optional<T> number(std::optional<Bytes> payload) {
    if (!payload || payload->size() != sizeof(T))
        return std::nullopt;
    T value{};
    std::memcpy(&value, payload->data(), sizeof(value));
    return value;
}

} // namespace

void Attrs::each(const std::function<void(std::uint16_t, Bytes)>& visit) const {
    Bytes rest = bytes_;
    while (auto header = front(rest)) {
        visit(header->nla_type & NLA_TYPE_MASK,
              rest.subspan(header_size, header->nla_len - header_size));
        rest = rest.subspan(std::min(aligned(header->nla_len), rest.size()));
    }
}

std::optional<Bytes> Attrs::find(std::uint16_t type) const {
    Bytes rest = bytes_;
    while (auto header = front(rest)) {
        if ((header->nla_type & NLA_TYPE_MASK) == type)
            return rest.subspan(header_size, header->nla_len - header_size);
        rest = rest.subspan(std::min(aligned(header->nla_len), rest.size()));
    }
    return std::nullopt;
}

std::optional<std::uint32_t> Attrs::u32(std::uint16_t type) const {
    return number<std::uint32_t>(find(type));
}

std::optional<std::uint64_t> Attrs::u64(std::uint16_t type) const {
    return number<std::uint64_t>(find(type));
}

std::optional<std::string> Attrs::string(std::uint16_t type) const {
    const auto payload = find(type);
    if (!payload)
        return std::nullopt;
    const auto* text = reinterpret_cast<const char*>(payload->data());
    return std::string(text, ::strnlen(text, payload->size()));
}

std::uint16_t Attrs::type_at(std::size_t offset) const {
    if (offset > bytes_.size())
        return 0;
    const auto header = front(bytes_.subspan(offset));
    return header ? static_cast<std::uint16_t>(header->nla_type & NLA_TYPE_MASK) : std::uint16_t{0};
}

AttrBuilder& AttrBuilder::put(std::uint16_t type, Bytes payload, std::size_t extra_zeroes) {
    const std::size_t length = header_size + payload.size() + extra_zeroes;
    const nlattr header{.nla_len = static_cast<std::uint16_t>(length), .nla_type = type};
    const std::size_t start = bytes_.size();
    bytes_.resize(start + aligned(length));
    std::memcpy(bytes_.data() + start, &header, sizeof(header));
    if (!payload.empty())
        std::memcpy(bytes_.data() + start + header_size, payload.data(), payload.size());
    return *this;
}

AttrBuilder& AttrBuilder::u32(std::uint16_t type, std::uint32_t value) {
    return put(type, std::as_bytes(std::span(&value, 1)));
}

AttrBuilder& AttrBuilder::u64(std::uint16_t type, std::uint64_t value) {
    return put(type, std::as_bytes(std::span(&value, 1)));
}

AttrBuilder& AttrBuilder::flag(std::uint16_t type) {
    return put(type, {});
}

AttrBuilder& AttrBuilder::string(std::uint16_t type, std::string_view value) {
    return put(type, std::as_bytes(std::span(value.data(), value.size())), 1);
}

AttrBuilder& AttrBuilder::nest(std::uint16_t type, const AttrBuilder& inner) {
    return put(static_cast<std::uint16_t>(type | NLA_F_NESTED), inner.bytes());
}

} // namespace labyrinth
