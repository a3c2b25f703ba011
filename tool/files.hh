// SPDX-License-Identifier: GPL-2.0-only
//
// Files, pipes and the standard streams as sources and sinks.
#pragma once

#include <string>
#include <string_view>

#include "stream.hh"
#include "support.hh"

namespace labyrinth {

/// A file to read; "-" is standard input. A signal that asks the program to end
/// (INT, TERM, HUP) is seen as a failed read (EINTR), so that what was begun is
/// undone.
class FileSource final : public ByteSource {
public:
    static Result<FileSource> open(const std::string& path);
    Result<std::size_t> read(std::span<std::byte> to) override;

private:
    FileSource(Fd owned, int fd, Fd signals, std::string name)
        : owned_(std::move(owned)), fd_(fd), signals_(std::move(signals)), name_(std::move(name)) {}
    Status wait() const;

    Fd owned_; ///< closed at the end; empty for standard input
    int fd_;
    Fd signals_;
    std::string name_;
};

/// A file to write, made with mode 0600; "-" is standard output.
class FileSink final : public ByteSink {
public:
    static Result<FileSink> open(const std::string& path);
    Status write(std::span<const std::byte> from) override;
    /// Closes the file; the last chance for an error.
    Status finish();

private:
    FileSink(Fd owned, int fd, std::string name)
        : owned_(std::move(owned)), fd_(fd), name_(std::move(name)) {}

    Fd owned_; ///< empty for standard output
    int fd_;
    std::string name_;
};

/// Text for standard output, gathered and then written. The first failure stays.
class TextSink {
public:
    TextSink() = default;
    /// To another descriptor, which stays the caller's.
    explicit TextSink(int fd) : fd_(fd) {}
    void put(std::string_view text);
    /// Writes what is gathered. Fails if anything so far could not be written.
    Status flush();

private:
    int fd_ = 1;
    std::string pending_;
    int err_ = 0;
};

} // namespace labyrinth
