// SPDX-License-Identifier: GPL-2.0-only
#include "device.hh"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/labyrinth.h>
#include <sys/ioctl.h>

namespace labyrinth {
namespace {

/// A call's argument, its size filled in.
template <class T> T argument() {
    T value;
    std::memset(&value, 0, sizeof(value));
    value.size = sizeof(value);
    return value;
}

/// The call; 0 or errno. Never restarted: a signal that is caught ends a wait.
template <class T> int call(const Fd& fd, unsigned long number, T& value) {
    return ::ioctl(fd.get(), number, &value) < 0 ? errno : 0;
}

template <class T> std::uint64_t address(T* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

/// Into a field that is all zeroes; false if it does not fit.
bool put_name(__u8 (&field)[LABYRINTH_NAME_SIZE], const std::string& name) { // NOLINT: contract
    if (name.size() >= sizeof(field))
        return false;
    std::memcpy(field, name.data(), name.size());
    return true;
}

Block block_of(const labyrinth_query& query) {
    return {.handle = query.out_handle,
            .tag = query.out_tag,
            .used = query.out_used,
            .order = query.out_order};
}

/// READ and WRITE, over as many calls as it takes.
Status copy(const Fd& fd, unsigned long number, Handle handle, std::uint32_t offset,
            std::uint64_t buffer, std::size_t length) {
    while (length > 0) {
        auto rw = argument<labyrinth_rw>();
        rw.handle = handle;
        rw.offset = offset;
        rw.length = static_cast<std::uint32_t>(length);
        rw.buffer = buffer;
        if (const int err = call(fd, number, rw); err != 0)
            return Error{.err = err};
        if (rw.out_length == 0 || rw.out_length > length)
            return Error{.err = EPROTO};
        offset += rw.out_length;
        buffer += rw.out_length;
        length -= rw.out_length;
    }
    return ok();
}

} // namespace

Result<Device> Device::open(Access access) {
    const int mode = access == Access::read_write ? O_RDWR : O_RDONLY;
    Device device{Fd(::open(LABYRINTH_DEVICE, mode | O_CLOEXEC))};
    if (!device.fd_)
        return Error{.what = "opening " LABYRINTH_DEVICE, .err = errno};
    auto standing = device.standing();
    if (!standing)
        return standing.error();
    if (standing->page_size == 0 || standing->max_batch == 0)
        return Error{.what = "asking " LABYRINTH_DEVICE " for its limits", .err = EPROTO};
    device.standing_ = *standing;
    return device;
}

Status Device::attach(const std::string& name) {
    auto attach = argument<labyrinth_attach>();
    if (!put_name(attach.name, name))
        return Error{.err = ENAMETOOLONG};
    if (const int err = call(fd_, LABYRINTH_IOC_ATTACH, attach); err != 0)
        return Error{.err = err};
    return ok();
}

Result<Standing> Device::standing() const {
    auto info = argument<labyrinth_info>();
    if (const int err = call(fd_, LABYRINTH_IOC_INFO, info); err != 0)
        return Error{.what = "asking " LABYRINTH_DEVICE " for its limits", .err = err};
    return Standing{.page_size = info.out_page_size,
                    .max_order = info.out_max_order,
                    .max_batch = info.out_max_batch,
                    .owner = info.out_owner,
                    .used = info.out_used,
                    .quota = info.out_quota,
                    .guarantee = info.out_guarantee,
                    .memlock_used = info.out_memlock_used,
                    .memlock_limit = info.out_memlock_limit,
                    .reserve_available = info.out_reserve_available,
                    .reserve_high = info.out_reserve_high,
                    .accept = info.out_accept,
                    .inbox = info.out_inbox,
                    .inbox_used = info.out_inbox_used,
                    .deferred = info.out_deferred};
}

Result<AllocReply> Device::alloc(const AllocRequest& request) {
    AllocReply reply;
    reply.handles.resize(request.count);
    auto alloc = argument<labyrinth_alloc>();
    alloc.flags = (request.policy.strict ? LABYRINTH_ALLOC_STRICT : 0) |
                  (request.policy.partial ? LABYRINTH_ALLOC_PARTIAL : 0);
    alloc.count = request.count;
    alloc.order = request.order;
    alloc.scope = request.scope;
    alloc.fallback = request.policy.fallback;
    alloc.timeout_ns = request.policy.timeout_ns;
    alloc.tag = request.tag;
    alloc.handles = address(reply.handles.data());
    if (const int err = call(fd_, LABYRINTH_IOC_ALLOC, alloc); err != 0)
        return Error{.err = err,
                     .reason = alloc.out_reason,
                     .rung = alloc.out_rung,
                     .wanted = std::uint64_t{request.count} << request.order};
    if (alloc.out_count > request.count)
        return Error{.err = EPROTO};
    reply.handles.resize(alloc.out_count);
    reply.rung = alloc.out_rung;
    reply.reason = alloc.out_reason;
    if (request.policy.defers())
        reply.deferred = request.count - alloc.out_count;
    return reply;
}

Result<std::uint32_t> Device::release(std::span<const Handle> handles, bool partial) {
    auto release = argument<labyrinth_free>();
    release.flags = partial ? LABYRINTH_FREE_PARTIAL : 0;
    release.count = static_cast<std::uint32_t>(handles.size());
    release.handles = address(handles.data());
    if (const int err = call(fd_, LABYRINTH_IOC_FREE, release); err != 0)
        return Error{.err = err, .index = release.out_bad};
    return release.out_count;
}

Result<std::optional<Block>> Device::next(Handle previous) {
    auto query = argument<labyrinth_query>();
    query.flags = LABYRINTH_QUERY_NEXT;
    query.handle = previous;
    const int err = call(fd_, LABYRINTH_IOC_QUERY, query);
    if (err == ENODATA)
        return std::optional<Block>();
    if (err != 0)
        return Error{.err = err};
    return std::optional(block_of(query));
}

Result<Block> Device::query(Handle handle) {
    auto query = argument<labyrinth_query>();
    query.handle = handle;
    if (const int err = call(fd_, LABYRINTH_IOC_QUERY, query); err != 0)
        return Error{.err = err};
    return block_of(query);
}

Status Device::read(Handle handle, std::uint32_t offset, std::span<std::byte> to) {
    return copy(fd_, LABYRINTH_IOC_READ, handle, offset, address(to.data()), to.size());
}

Status Device::write(Handle handle, std::uint32_t offset, std::span<const std::byte> from) {
    return copy(fd_, LABYRINTH_IOC_WRITE, handle, offset, address(from.data()), from.size());
}

Status Device::set_tag(Handle handle, std::uint64_t tag) {
    auto set = argument<labyrinth_set>();
    set.flags = LABYRINTH_SET_TAG;
    set.handle = handle;
    set.tag = tag;
    if (const int err = call(fd_, LABYRINTH_IOC_SET, set); err != 0)
        return Error{.err = err};
    return ok();
}

Status Device::give(std::span<const Handle> handles, const OwnerRef& to) {
    auto give = argument<labyrinth_give>();
    give.count = static_cast<std::uint32_t>(handles.size());
    give.handles = address(handles.data());
    if (const auto* id = std::get_if<std::uint32_t>(&to))
        give.to = *id;
    else if (!put_name(give.name, std::get<std::string>(to)))
        return Error{.err = ENAMETOOLONG};
    if (const int err = call(fd_, LABYRINTH_IOC_GIVE, give); err != 0)
        return Error{.err = err, .reason = give.out_reason, .index = give.out_bad};
    return ok();
}

Result<Place> Device::place(std::span<const Handle> handles) {
    auto map = argument<labyrinth_map>();
    map.count = static_cast<std::uint32_t>(handles.size());
    map.handles = address(handles.data());
    if (const int err = call(fd_, LABYRINTH_IOC_MAP, map); err != 0)
        return Error{.err = err, .index = map.out_bad};
    return Place{.offset = map.out_offset, .length = map.out_length};
}

Result<std::vector<Handle>> Device::take(std::uint32_t most) {
    std::vector<Handle> handles(most);
    auto take = argument<labyrinth_take>();
    take.count = most;
    take.handles = address(handles.data());
    const int err = call(fd_, LABYRINTH_IOC_TAKE, take);
    if (err != 0 && err != EAGAIN)
        return Error{.err = err};
    const std::uint32_t taken = err == 0 ? take.out_count : 0;
    if (taken > most)
        return Error{.err = EPROTO};
    handles.resize(taken);
    return handles;
}

} // namespace labyrinth
