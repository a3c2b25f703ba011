// SPDX-License-Identifier: GPL-2.0-only
//
// Datagrams that claim to be the kernel's: through libnl and tool/netlink.cc, as if
// they had come from the socket. A few of libnl's calls are made here, so that they
// do; the rest is its own. Input: what is asked (1), and then datagrams, each behind
// its length (2).
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <linux/genetlink.h>
#include <linux/labyrinth_netlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "family.hh"
#include "fuzz.hh"

using namespace labyrinth;
using fuzz::require;

namespace {

constexpr int family = 0x1f;

/// What is to come, and what the request was numbered.
struct Line {
    std::deque<std::vector<unsigned char>> datagrams;
    std::uint32_t port = 0;
    std::uint32_t sequence = 0;
};

Line& line() {
    static Line it;
    return it;
}

/// libnl drops what does not answer the request: all but what says so by a number
/// of its own (an odd one) is made to.
void readdress(std::vector<unsigned char>& datagram) {
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= datagram.size();) {
        nlmsghdr header{};
        std::memcpy(&header, &datagram[at], sizeof(header));
        if ((header.nlmsg_seq & 1U) == 0) {
            header.nlmsg_seq = line().sequence;
            header.nlmsg_pid = line().port;
            std::memcpy(&datagram[at], &header, sizeof(header));
        }
        if (header.nlmsg_len < sizeof(header))
            break;
        at += (std::size_t{header.nlmsg_len} + 3) / 4 * 4;
    }
}

int receive(nl_sock* /*socket*/, sockaddr_nl* from, unsigned char** to, ucred** /*who*/) {
    if (line().datagrams.empty())
        return -NLE_AGAIN;
    std::vector<unsigned char> datagram = std::move(line().datagrams.front());
    line().datagrams.pop_front();
    readdress(datagram);
    *from = {.nl_family = AF_NETLINK};
    // libnl frees it; of that size, so that a byte too many is seen.
    *to = static_cast<unsigned char*>(std::malloc(datagram.size()));
    if (*to == nullptr)
        return -NLE_NOMEM;
    std::memcpy(*to, datagram.data(), datagram.size());
    return static_cast<int>(datagram.size());
}

template <class Call> Call* libnls(const char* name) {
    return reinterpret_cast<Call*>(::dlsym(RTLD_NEXT, name));
}

} // namespace

extern "C" {

int genl_connect(nl_sock* /*socket*/) {
    return 0;
}

int genl_ctrl_resolve(nl_sock* /*socket*/, const char* /*name*/) {
    return family;
}

nl_cb* nl_cb_alloc(nl_cb_kind kind) {
    static auto* const real = libnls<nl_cb*(nl_cb_kind)>("nl_cb_alloc");
    nl_cb* callbacks = real(kind);
    if (callbacks != nullptr)
        nl_cb_overwrite_recv(callbacks, receive);
    return callbacks;
}

int nl_send_auto(nl_sock* socket, nl_msg* message) {
    nl_complete_msg(socket, message);
    line().port = nlmsg_hdr(message)->nlmsg_pid;
    line().sequence = nlmsg_hdr(message)->nlmsg_seq;
    return 0;
}
}

namespace {

template <class T> void told(const Result<T>& said) {
    require(said || said.error().err != 0 || !said.error().cause.empty(), "a failure says of what");
    require(said || said.error().attribute.size() < 64, "an attribute's name is one");
}

void ask(Family& kernel, unsigned what) {
    switch (what % 13) {
    case 0:
        return told(kernel.info());
    case 1:
        return told(kernel.stats());
    case 2:
        return told(kernel.verify());
    case 3:
        return told(kernel.owner(std::string("db")));
    case 4:
        return told(kernel.owners());
    case 5:
        return told(kernel.page(7));
    case 6:
        return told(kernel.pages(3U));
    case 7:
        return told(kernel.owner_add("db", {.uid = 1, .quota = 2, .inbox = 3}));
    case 8:
        return told(kernel.owner_set(std::uint32_t{9}, {.mode = 0600, .guarantee = 4}));
    case 9:
        return told(kernel.revoke(std::uint32_t{9}, 11));
    case 10:
        return told(kernel.reserve_set({.node = 0, .low = 1, .high = 2}));
    case 11:
        return told(kernel.latency());
    default:
        return told(kernel.latency_set({.enabled = true, .reset = true}));
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    line() = {};
    for (std::size_t at = 1; at + 2 <= size;) {
        const std::size_t wanted = data[at] | std::size_t{data[at + 1]} << 8U;
        const std::size_t length = std::min(wanted, size - at - 2);
        if (length > 0)
            line().datagrams.emplace_back(data + at + 2, data + at + 2 + length);
        at += 2 + length;
    }
    auto kernel = Family::open();
    require(static_cast<bool>(kernel), "the family is there");
    ask(*kernel, data[0]);
    return 0;
}
