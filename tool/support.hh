// SPDX-License-Identifier: GPL-2.0-only
//
// What every room needs: how a failure is told, a value that may be one, and a
// file descriptor that closes itself.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include <unistd.h>

namespace labyrinth {

/// What the exit status of the command will be.
enum class Blame {
    usage,   ///< the command line is wrong: 1
    refused, ///< the kernel or the system refused: 2
};

/// A failure, first as it was met (err and the figures below it), then explained.
struct Error {
    Blame blame = Blame::refused;
    std::string what{};       ///< what was being done: "allocating 3 pages for owner db"
    std::string cause{};      ///< why it failed, with what the kernel said
    std::string hint{};       ///< what to do about it; lines are separated by '\n'
    int err = 0;              ///< errno, 0 if none
    std::uint32_t reason = 0; ///< enum labyrinth_reason of a refused ALLOC or GIVE
    std::uint32_t rung = 0;   ///< enum labyrinth_rung of a refused ALLOC
    std::uint32_t index = 0;  ///< first handle refused by FREE or GIVE
    std::uint64_t wanted = 0; ///< pages that were wanted in all
    std::string attribute{};  ///< netlink attribute that the kernel objects to
};

/// A command line that can't be meant: exit status 1.
inline Error usage_error(std::string what, std::string cause, std::string hint = {}) {
    return Error{.blame = Blame::usage,
                 .what = std::move(what),
                 .cause = std::move(cause),
                 .hint = std::move(hint)};
}

/// A value, or why there is none.
template <class T> class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::move(value)) {}     // NOLINT: converts on purpose
    Result(Error error) : state_(std::move(error)) {} // NOLINT: converts on purpose

    explicit operator bool() const { return state_.index() == 0; }
    T& operator*() { return std::get<0>(state_); }
    const T& operator*() const { return std::get<0>(state_); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    Error& error() { return std::get<1>(state_); }
    const Error& error() const { return std::get<1>(state_); }

private:
    std::variant<T, Error> state_;
};

/// Success without a value, or a failure.
using Status = Result<std::monostate>;

inline Status ok() {
    return std::monostate{};
}

/// A file descriptor with one owner.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    /// Gives the descriptor up, to a caller that wants close(2)'s answer.
    int release() { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

} // namespace labyrinth
