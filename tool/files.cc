// SPDX-License-Identifier: GPL-2.0-only
#include "files.hh"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "names.hh"
#include "text.hh"
#include "wait.hh"

namespace labyrinth {
namespace {

constexpr std::size_t gather = 65536;

Error file_error(const std::string& doing, const std::string& name, int err) {
    return Error{.what = doing + " " + name, .cause = errno_words(err), .err = err};
}

/// All of @from to @fd; 0 or errno.
int write_all(int fd, std::span<const std::byte> from) {
    while (!from.empty()) {
        const ssize_t done = ::write(fd, from.data(), from.size());
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno;
        from = from.subspan(static_cast<std::size_t>(done));
    }
    return 0;
}

} // namespace

Result<FileSource> FileSource::open(const std::string& path) {
    if (path == "-")
        return FileSource(Fd(), STDIN_FILENO, watch_signals(), "standard input");
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return file_error("opening", escape(path), errno);
    const int number = fd.get();
    return FileSource(std::move(fd), number, watch_signals(), escape(path));
}

Status FileSource::wait() const {
    std::array<pollfd, 2> polled = {{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                     {.fd = fd_, .events = POLLIN, .revents = 0}}};
    if (::poll(polled.data(), polled.size(), -1) < 0)
        return file_error("reading", name_, errno);
    if (polled[0].revents != 0)
        return Error{.what = "reading " + name_, .cause = "interrupted by a signal", .err = EINTR};
    return ok();
}

Result<std::size_t> FileSource::read(std::span<std::byte> to) {
    const Status ready = wait();
    if (!ready)
        return ready.error();
    const ssize_t got = ::read(fd_, to.data(), to.size());
    if (got < 0)
        return file_error("reading", name_, errno);
    return static_cast<std::size_t>(got);
}

Result<FileSink> FileSink::open(const std::string& path) {
    if (path == "-")
        return FileSink(Fd(), STDOUT_FILENO, "standard output");
    constexpr mode_t mode = 0600; // the data were meant for one pair of eyes
    Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd)
        return file_error("opening", escape(path), errno);
    const int number = fd.get();
    return FileSink(std::move(fd), number, escape(path));
}

Status FileSink::write(std::span<const std::byte> from) {
    if (const int err = write_all(fd_, from); err != 0)
        return file_error("writing", name_, err);
    return ok();
}

Status FileSink::finish() {
    if (owned_ && ::close(owned_.release()) != 0)
        return file_error("writing", name_, errno);
    return ok();
}

void TextSink::put(std::string_view text) {
    pending_ += text;
    if (pending_.size() >= gather)
        (void)flush();
}

Status TextSink::flush() {
    if (err_ == 0)
        err_ = write_all(fd_, std::as_bytes(std::span(pending_)));
    pending_.clear();
    if (err_ != 0)
        return file_error("writing", "standard output", err_);
    return ok();
}

} // namespace labyrinth
