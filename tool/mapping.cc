// SPDX-License-Identifier: GPL-2.0-only
#include "mapping.hh"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>

namespace labyrinth {

Result<Mapping> Mapping::make(Device& device, std::span<const Handle> handles,
                              std::uint32_t order) {
    const std::uint64_t each = std::uint64_t{device.page_size()} << order;
    // A range of our own first, so that all batches come to lie in it.
    const std::uint64_t length = each * handles.size();
    void* reserved = ::mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (reserved == MAP_FAILED) // NOLINT: the system's
        return Error{.cause = "there is no room for it in this process", .err = errno};
    Mapping mapping(static_cast<std::byte*>(reserved), length);
    for (std::size_t done = 0; done < handles.size();) {
        const auto batch =
            handles.subspan(done, std::min<std::size_t>(handles.size() - done, device.max_batch()));
        auto place = device.place(batch);
        if (!place) {
            place.error().index += static_cast<std::uint32_t>(done);
            return place.error();
        }
        if (place->length != each * batch.size())
            return Error{.err = EPROTO};
        std::byte* at = mapping.base_ + each * done;
        if (::mmap(at, place->length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                   device.descriptor(),
                   static_cast<off_t>(place->offset)) == MAP_FAILED) // NOLINT: the system's
            return Error{.err = errno};
        done += batch.size();
    }
    return mapping;
}

Mapping::~Mapping() {
    if (base_ != nullptr)
        ::munmap(base_, length_);
}

AddressRange Mapping::range() const {
    const auto begin = reinterpret_cast<std::uintptr_t>(base_);
    return {.begin = begin, .end = begin + length_};
}

Status Mapping::touch() const {
    const Fd zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    if (!zero)
        return Error{.what = "opening /dev/zero", .cause = "it can't be read", .err = errno};
    for (std::uint64_t done = 0; done < length_;) {
        const ssize_t got = ::read(zero.get(), base_ + done, length_ - done);
        if (got <= 0)
            return Error{.cause = "a page can't be reached", .err = got < 0 ? errno : EPROTO};
        done += static_cast<std::uint64_t>(got);
    }
    return ok();
}

} // namespace labyrinth
