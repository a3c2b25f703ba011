// SPDX-License-Identifier: GPL-2.0-only
//
// Transport to the generic netlink family: requests and answers as attributes.
// The only room that knows libnl.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "attr.hh"
#include "support.hh"

struct nl_sock;

namespace labyrinth {

/// A socket to the family. One request at a time.
class Netlink {
public:
    using OnAnswer = std::function<Status(const Attrs&)>;
    enum class Dump { complete, interrupted };

    /// Fails with ENOENT where the family is unknown, so the module is not loaded.
    static Result<Netlink> open();

    /// Sends a request and waits for its acknowledgement. @on_answer, if set, is
    /// called for each answer before that. A refusal carries the kernel's text
    /// as its cause and the attribute that it points at.
    Status ask(std::uint8_t command, const AttrBuilder& request, const OnAnswer& on_answer = {});
    /// One dump, to its end. interrupted: owners came or went during it.
    Result<Dump> dump(std::uint8_t command, const AttrBuilder& request, const OnAnswer& on_answer);

private:
    struct Closer {
        void operator()(nl_sock* socket) const;
    };
    struct Exchange;

    Netlink() = default;
    Status run(std::uint8_t command, int flags, const AttrBuilder& request, Exchange& exchange);

    std::unique_ptr<nl_sock, Closer> socket_;
    int family_ = 0;
};

} // namespace labyrinth
