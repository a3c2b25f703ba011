// SPDX-License-Identifier: GPL-2.0-only
#include "stream.hh"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "batch.hh"
#include "secret.hh"

namespace labyrinth {
namespace {

constexpr std::uint32_t pages_at_a_time = 256; // 1 MiB of buffer with 4 KiB pages

Error damaged(const std::string& how) {
    return Error{.cause = how, .err = EILSEQ};
}

/// What is there now, after refusing what @mode does not allow.
Result<Survey> survey_for_write(PageOps& ops, WriteMode mode) {
    auto blocks = all_blocks(ops);
    if (!blocks)
        return blocks.error();
    Survey found = survey(*blocks, ops.page_size());
    if (found.head && mode == WriteMode::fresh)
        return Error{.cause = "it holds data already", .err = EEXIST};
    if (mode == WriteMode::append && !found.damage.empty())
        return damaged(found.damage);
    return found;
}

/// Reads until @to is full or the source at its end.
Result<std::size_t> fill(ByteSource& source, std::span<std::byte> to) {
    std::size_t have = 0;
    while (have < to.size()) {
        auto got = source.read(to.subspan(have));
        if (!got)
            return got.error();
        if (*got == 0)
            break;
        have += *got;
    }
    return have;
}

/// New pages that vanish again unless they are committed.
class Draft {
public:
    Draft(PageOps& ops, StreamTag start) : ops_(ops), start_(start) {}
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    Draft(Draft&&) = delete;
    Draft& operator=(Draft&&) = delete;
    ~Draft() {
        if (!kept_) // can't be helped if it fails: they are left over then
            (void)release_all(ops_, handles_, true);
    }

    /// Takes pages for @data, one at least, and fills them.
    Status add(std::span<const std::byte> data, const AllocPolicy& policy) {
        const std::size_t size = ops_.page_size();
        const std::size_t count = std::max<std::size_t>(1, (data.size() + size - 1) / size);
        const std::uint64_t sequence = start_.number + handles_.size();
        if (sequence + count > StreamTag::max_pages)
            return Error{.cause = "more pages than can be numbered", .err = EFBIG};
        StreamTag tag = start_;
        tag.number = static_cast<std::uint32_t>(sequence);
        AllocRequest request{.policy = policy, .tag = tag.pack()};
        request.policy.partial = false;
        auto reply = alloc_all(ops_, request, count);
        if (!reply) {
            reply.error().wanted = handles_.size() + count;
            return reply.error();
        }
        handles_.insert(handles_.end(), reply->handles.begin(), reply->handles.end());
        if (reply->handles.size() != count)
            return Error{.err = EPROTO};
        return fill_pages(std::span(handles_).last(count), data);
    }

    const std::vector<Handle>& handles() const { return handles_; }
    void keep() { kept_ = true; }

private:
    Status fill_pages(std::span<const Handle> pages, std::span<const std::byte> data) {
        for (const Handle page : pages) {
            const auto part = data.first(std::min<std::size_t>(data.size(), ops_.page_size()));
            if (part.empty())
                break;
            const Status done = ops_.write(page, 0, part);
            if (!done)
                return done.error();
            data = data.subspan(part.size());
        }
        return ok();
    }

    PageOps& ops_;
    StreamTag start_;
    std::vector<Handle> handles_;
    bool kept_ = false;
};

/// All of @source into @draft; the number of bytes. @empty_too: of no bytes, too,
/// a page is made.
Result<std::uint64_t> write_draft(Draft& draft, PageOps& ops, ByteSource& source,
                                  const AllocPolicy& policy, bool empty_too) {
    const std::uint32_t pages = std::min(pages_at_a_time, ops.max_batch());
    SecretBuffer buffer(std::size_t{pages} * ops.page_size());
    std::uint64_t bytes = 0;
    while (true) {
        auto have = fill(source, buffer.span());
        if (!have)
            return have.error();
        if (*have > 0 || (empty_too && draft.handles().empty())) {
            const Status added = draft.add(buffer.span().first(*have), policy);
            if (!added)
                return added.error();
        }
        bytes += *have;
        if (*have < buffer.span().size())
            return bytes;
    }
}

/// The tag of the first page to be written, not committed.
StreamTag start_tag(const Survey& before, bool append) {
    if (append)
        return {.generation = before.head->generation, .number = before.head->number};
    const auto last = static_cast<std::uint32_t>(before.head ? before.head->generation : 0);
    return {.generation = static_cast<std::uint16_t>(last + 1)};
}

/// Frees what the data that count no longer need.
void free_old(PageOps& ops, const std::vector<Block>& old, Written& written) {
    std::vector<Handle> handles;
    handles.reserve(old.size());
    for (const Block& block : old)
        handles.push_back(block.handle);
    auto freed = release_all(ops, handles, true);
    written.pages_freed += freed ? *freed : 0;
    written.left_over = !freed || *freed < handles.size();
}

} // namespace

Result<Written> write_stream(PageOps& ops, ByteSource& source, WriteMode mode,
                             const AllocPolicy& policy) {
    auto before = survey_for_write(ops, mode);
    if (!before)
        return before.error();
    Written written;
    auto cleaned = release_all(ops, before->left_over, true);
    if (!cleaned)
        return cleaned.error();
    written.pages_freed = *cleaned;

    const bool append = mode == WriteMode::append && before->head;
    StreamTag tag = start_tag(*before, append);
    Draft draft(ops, tag);
    auto bytes = write_draft(draft, ops, source, policy, !append);
    if (!bytes)
        return bytes.error();
    written.bytes = *bytes;
    written.pages = draft.handles().size();
    if (draft.handles().empty()) // nothing appended
        return written;

    const Handle head = append ? before->data.front().handle : draft.handles().front();
    tag.committed = true;
    tag.number += static_cast<std::uint32_t>(draft.handles().size());
    const Status committed = ops.set_tag(head, tag.pack());
    if (!committed)
        return committed.error();
    draft.keep();
    if (!append)
        free_old(ops, before->data, written);
    return written;
}

namespace {

Result<Survey> survey_for_read(PageOps& ops) {
    auto blocks = all_blocks(ops);
    if (!blocks)
        return blocks.error();
    Survey found = survey(*blocks, ops.page_size());
    if (!found.damage.empty())
        return damaged(found.damage);
    if (!found.head)
        return Error{.cause = "it holds no data", .err = ENODATA};
    return found;
}

Status copy_out(PageOps& ops, Handle handle, std::uint64_t length, SecretBuffer& buffer,
                ByteSink& sink) {
    const auto part = buffer.span().first(length);
    const Status got = ops.read(handle, 0, part);
    return got ? sink.write(part) : got;
}

} // namespace

Result<Extent> measure_stream(PageOps& ops) {
    auto found = survey_for_read(ops);
    if (!found)
        return found.error();
    return Extent{.bytes = found->bytes(), .pages = found->data.size()};
}

Result<Extent> read_stream(PageOps& ops, ByteSink& sink) {
    auto found = survey_for_read(ops);
    if (!found)
        return found.error();
    SecretBuffer buffer(ops.page_size());
    for (const Block& block : found->data) {
        const Status copied = copy_out(ops, block.handle, block.used, buffer, sink);
        if (!copied)
            return copied.error();
    }
    return Extent{.bytes = found->bytes(), .pages = found->data.size()};
}

Result<Extent> read_block(PageOps& ops, Handle handle, bool whole, ByteSink& sink) {
    auto block = ops.query(handle);
    if (!block)
        return block.error();
    const std::uint64_t pages = std::uint64_t{1} << block->order;
    const std::uint64_t length = whole ? pages * ops.page_size() : block->used;
    SecretBuffer buffer(length);
    const Status copied = copy_out(ops, handle, length, buffer, sink);
    if (!copied)
        return copied.error();
    return Extent{.bytes = length, .pages = pages};
}

} // namespace labyrinth
