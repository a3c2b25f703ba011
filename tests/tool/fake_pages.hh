// SPDX-License-Identifier: GPL-2.0-only
//
// An owner's pages without a kernel, which can fail at any call, once or from
// there on (as a killed process would: nothing it does after that has an effect).
#pragma once

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <linux/labyrinth.h>

#include "page_ops.hh"
#include "stream.hh"

namespace labyrinth {

/// What a page is, all of it, for comparing states.
struct FakePage {
    std::uint64_t tag = 0;
    std::uint64_t used = 0;
    std::uint32_t order = 0;
    std::vector<std::byte> bytes{};
    bool operator==(const FakePage&) const = default;
};

class FakePages final : public PageOps {
public:
    static constexpr std::uint32_t size = 64;
    static constexpr int injected = EIO;

    std::map<Handle, FakePage> pages; ///< in the order of allocation
    std::uint64_t quota = 1000;       ///< pages
    std::uint32_t batch = 4;
    std::uint32_t at_once = 1000;  ///< blocks that are at hand, where the policy defers
    std::deque<FakePage> inbox;    ///< what has come and is not taken yet
    FakePages* receiver = nullptr; ///< where give() goes; nobody: ESRCH
    int fail_at = 0;               ///< the number of the call that fails, from 1
    bool fail_on = false;          ///< and all after it
    int calls = 0;                 ///< so far
    bool failed = false;           ///< it was reached

    void heal() {
        fail_at = calls = 0;
        failed = false;
    }
    std::uint64_t held() const {
        std::uint64_t sum = 0;
        for (const auto& [handle, page] : pages)
            sum += 1U << page.order;
        return sum;
    }

    std::uint32_t page_size() const override { return size; }
    std::uint32_t max_batch() const override { return batch; }

    Result<AllocReply> alloc(const AllocRequest& request) override {
        if (fails())
            return Error{.err = injected};
        if (request.count == 0 || request.count > batch || request.policy.fallback == 0)
            return Error{.err = EINVAL};
        AllocReply reply;
        const bool defers = request.policy.defers();
        const std::uint32_t now = defers ? std::min(request.count, at_once) : request.count;
        reply.deferred = request.count - now;
        for (std::uint32_t i = 0; i < now; i++) {
            if (held() + (1U << request.order) > quota) {
                if (request.policy.partial && !reply.handles.empty()) {
                    reply.reason = LABYRINTH_REASON_QUOTA;
                    return reply;
                }
                for (const Handle handle : reply.handles)
                    pages.erase(handle);
                return Error{.err = EDQUOT, .reason = LABYRINTH_REASON_QUOTA};
            }
            pages[++last_] = {.tag = request.tag + i,
                              .order = request.order,
                              .bytes = std::vector<std::byte>(size << request.order)};
            reply.handles.push_back(last_);
        }
        return reply;
    }

    Result<std::uint32_t> release(std::span<const Handle> handles, bool partial) override {
        if (fails())
            return Error{.err = injected};
        if (handles.empty() || handles.size() > batch)
            return Error{.err = EINVAL};
        std::set<Handle> seen;
        for (std::size_t i = 0; i < handles.size() && !partial; i++)
            if (!pages.contains(handles[i]) || !seen.insert(handles[i]).second)
                return Error{.err = ENOENT, .index = static_cast<std::uint32_t>(i)};
        std::uint32_t freed = 0;
        for (const Handle handle : handles)
            freed += static_cast<std::uint32_t>(pages.erase(handle));
        if (freed == 0)
            return Error{.err = ENOENT};
        return freed;
    }

    Result<std::optional<Block>> next(Handle previous) override {
        if (fails())
            return Error{.err = injected};
        const auto found = pages.upper_bound(previous);
        if (found == pages.end())
            return std::optional<Block>();
        return std::optional(block(found->first, found->second));
    }

    Result<Block> query(Handle handle) override {
        if (fails())
            return Error{.err = injected};
        const auto found = pages.find(handle);
        if (found == pages.end())
            return Error{.err = ENOENT};
        return block(handle, found->second);
    }

    Status read(Handle handle, std::uint32_t offset, std::span<std::byte> to) override {
        FakePage* page = reach(handle, offset + to.size());
        if (page == nullptr)
            return Error{.err = err_};
        std::ranges::copy(std::span(page->bytes).subspan(offset, to.size()), to.begin());
        return ok();
    }

    Status write(Handle handle, std::uint32_t offset, std::span<const std::byte> from) override {
        FakePage* page = reach(handle, offset + from.size());
        if (page == nullptr)
            return Error{.err = err_};
        std::ranges::copy(from, page->bytes.begin() + offset);
        page->used = std::max<std::uint64_t>(page->used, offset + from.size());
        return ok();
    }

    Status set_tag(Handle handle, std::uint64_t tag) override {
        FakePage* page = reach(handle, 0);
        if (page == nullptr)
            return Error{.err = err_};
        page->tag = tag;
        return ok();
    }

    Status give(std::span<const Handle> handles, const OwnerRef& /*to*/) override {
        if (fails())
            return Error{.err = injected};
        if (handles.empty() || handles.size() > batch)
            return Error{.err = EINVAL};
        for (std::size_t i = 0; i < handles.size(); i++)
            if (!pages.contains(handles[i]))
                return Error{.err = ENOENT, .index = static_cast<std::uint32_t>(i)};
        if (receiver == nullptr)
            return Error{.err = ESRCH};
        for (const Handle handle : handles)
            receiver->inbox.push_back(pages.extract(handle).mapped());
        return ok();
    }

    Result<std::vector<Handle>> take(std::uint32_t most) override {
        if (fails())
            return Error{.err = injected};
        if (most == 0 || most > batch)
            return Error{.err = EINVAL};
        std::vector<Handle> handles;
        for (; handles.size() < most && !inbox.empty(); inbox.pop_front()) {
            pages[++last_] = std::move(inbox.front());
            handles.push_back(last_);
        }
        return handles;
    }

private:
    bool fails() {
        calls++;
        const bool now = fail_at != 0 && (fail_on ? calls >= fail_at : calls == fail_at);
        failed = failed || now;
        return now;
    }

    FakePage* reach(Handle handle, std::uint64_t end) {
        err_ = injected;
        if (fails())
            return nullptr;
        const auto found = pages.find(handle);
        err_ = found == pages.end() ? ENOENT : EINVAL;
        return found != pages.end() && end <= found->second.bytes.size() ? &found->second : nullptr;
    }

    static Block block(Handle handle, const FakePage& page) {
        return {.handle = handle, .tag = page.tag, .used = page.used, .order = page.order};
    }

    Handle last_ = 0;
    int err_ = 0;
};

/// A string as a source; gives at most @at_a_time bytes, and fails after @until.
class StringSource final : public ByteSource {
public:
    explicit StringSource(std::string data, std::size_t at_a_time = 1000,
                          std::size_t until = std::string::npos)
        : data_(std::move(data)), at_a_time_(at_a_time), until_(until) {}

    Result<std::size_t> read(std::span<std::byte> to) override {
        if (at_ >= until_)
            return Error{.what = "reading", .err = EIO};
        const std::size_t count = std::min({to.size(), at_a_time_, data_.size() - at_});
        std::ranges::copy(std::as_bytes(std::span(data_)).subspan(at_, count), to.begin());
        at_ += count;
        return count;
    }

private:
    std::string data_;
    std::size_t at_a_time_;
    std::size_t until_;
    std::size_t at_ = 0;
};

class StringSink final : public ByteSink {
public:
    std::string data;
    Status write(std::span<const std::byte> from) override {
        data.append(reinterpret_cast<const char*>(from.data()), from.size());
        return ok();
    }
};

inline AllocPolicy fail_policy() {
    return {.fallback = LABYRINTH_FALLBACK_FAIL};
}

/// @length bytes that differ from place to place and from @seed to @seed.
inline std::string pattern(std::size_t length, unsigned seed) {
    std::string data(length, '\0');
    for (std::size_t i = 0; i < length; i++)
        data[i] = static_cast<char>((i * 7 + i / 64 * 13 + seed * 101) & 0xff);
    return data;
}

/// "data:" and the bytes, or the errno of the failure.
inline std::string read_all(FakePages& fake) {
    StringSink sink;
    const auto extent = read_stream(fake, sink);
    if (!extent)
        return "errno " + std::to_string(extent.error().err);
    return "data:" + sink.data;
}

inline Result<Written> put(FakePages& fake, const std::string& data, WriteMode mode) {
    StringSource source(data);
    return write_stream(fake, source, mode, fail_policy());
}

} // namespace labyrinth
