// SPDX-License-Identifier: GPL-2.0-only
#include "netlink.hh"

#include <cerrno>
#include <cstring>
#include <optional>

#include <linux/labyrinth_netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include "names.hh"

namespace labyrinth {

/// What one request has brought so far. libnl's callbacks write it.
struct Netlink::Exchange {
    const OnAnswer* on_answer = nullptr;
    std::uint8_t command = 0;
    Bytes request{};
    std::optional<Error> failure{}; ///< the first one
    bool over = false;              ///< acknowledged, done or refused
    bool interrupted = false;

    void fail(Error error) {
        if (!failure)
            failure = std::move(error);
    }
};

namespace {

constexpr int receive_buffer = 64 * 1024; // the kernel fills at most 32 KiB of it

/// Reads extack's attributes, @tlvs, into the failure @err.
Error refusal(std::uint8_t command, Bytes request, int err, Bytes tlvs) {
    const Attrs extack(tlvs);
    Error error{.err = err};
    if (auto text = extack.string(NLMSGERR_ATTR_MSG))
        error.cause = *text;
    // The offset counts from the request's nlmsghdr.
    constexpr std::size_t before_attributes = NLMSG_HDRLEN + GENL_HDRLEN;
    if (auto offset = extack.u32(NLMSGERR_ATTR_OFFS); offset && *offset >= before_attributes)
        error.attribute =
            attribute_name(command, Attrs(request).type_at(*offset - before_attributes));
    else if (auto missing = extack.u32(NLMSGERR_ATTR_MISS_TYPE))
        error.attribute = attribute_name(command, static_cast<std::uint16_t>(*missing));
    return error;
}

/// The errno that the kernel's answer says: what can't be one is no answer.
int errno_in(int code) {
    constexpr int most = 4095;
    return code < 0 && code >= -most ? -code : EPROTO;
}

Bytes payload_of(nlmsghdr* header) {
    return {static_cast<const std::byte*>(nlmsg_data(header)),
            static_cast<std::size_t>(nlmsg_datalen(header))};
}

/// What follows @offset bytes of @bytes, if there is so much.
Bytes tail(Bytes bytes, std::size_t offset) {
    return offset <= bytes.size() ? bytes.subspan(offset) : Bytes{};
}

template <class Exchange> int on_valid(nl_msg* message, void* argument) {
    auto& exchange = *static_cast<Exchange*>(argument);
    nlmsghdr* header = nlmsg_hdr(message);
    if (genlmsg_valid_hdr(header, 0) == 0 || exchange.on_answer == nullptr || !*exchange.on_answer)
        return NL_OK;
    const Status taken = (*exchange.on_answer)(Attrs(tail(payload_of(header), GENL_HDRLEN)));
    if (!taken)
        exchange.fail(taken.error());
    return NL_OK; // the rest is read all the same: the socket must end up empty
}

template <class Exchange> int on_ack(nl_msg* /*message*/, void* argument) {
    static_cast<Exchange*>(argument)->over = true;
    return NL_OK;
}

/// NLMSG_DONE: a dump's failure comes as its payload, which libnl ignores.
template <class Exchange> int on_done(nl_msg* message, void* argument) {
    auto& exchange = *static_cast<Exchange*>(argument);
    nlmsghdr* header = nlmsg_hdr(message);
    const Bytes payload = payload_of(header);
    int code = 0;
    exchange.over = true;
    if (payload.size() < sizeof(code))
        return NL_OK;
    std::memcpy(&code, payload.data(), sizeof(code));
    if (code >= 0)
        return NL_OK;
    const bool has_tlvs = (header->nlmsg_flags & NLM_F_ACK_TLVS) != 0;
    exchange.fail(refusal(exchange.command, exchange.request, errno_in(code),
                          has_tlvs ? tail(payload, NLMSG_ALIGN(sizeof(code))) : Bytes{}));
    return NL_OK;
}

/// NLMSG_ERROR. libnl hands over the nlmsgerr; its header is right before it.
template <class Exchange> int on_error(sockaddr_nl* /*from*/, nlmsgerr* answer, void* argument) {
    auto& exchange = *static_cast<Exchange*>(argument);
    auto* header = reinterpret_cast<nlmsghdr*>(reinterpret_cast<std::byte*>(answer) - NLMSG_HDRLEN);
    Bytes tlvs;
    if ((header->nlmsg_flags & NLM_F_ACK_TLVS) != 0) {
        // The request is echoed whole before them, unless the kernel capped it.
        std::size_t before = sizeof(nlmsgerr);
        if ((header->nlmsg_flags & NLM_F_CAPPED) == 0)
            before += NLMSG_ALIGN(answer->msg.nlmsg_len) - sizeof(nlmsghdr);
        tlvs = tail(payload_of(header), before);
    }
    exchange.fail(refusal(exchange.command, exchange.request, errno_in(answer->error), tlvs));
    exchange.over = true;
    return NL_STOP;
}

template <class Exchange> int on_interrupted(nl_msg* /*message*/, void* argument) {
    static_cast<Exchange*>(argument)->interrupted = true;
    return NL_OK;
}

struct FreeMessage {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
struct FreeCallbacks {
    void operator()(nl_cb* callbacks) const { nl_cb_put(callbacks); }
};

Error transport_error(int code) {
    return Error{.what = "talking to the kernel by netlink",
                 .cause = nl_geterror(code),
                 .err = code == -NLE_NOMEM ? ENOMEM : EIO};
}

} // namespace

void Netlink::Closer::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

Result<Netlink> Netlink::open() {
    Netlink link;
    link.socket_.reset(nl_socket_alloc());
    if (!link.socket_)
        return transport_error(-NLE_NOMEM);
    nl_sock* socket = link.socket_.get();
    if (int code = genl_connect(socket); code < 0)
        return transport_error(code);
    const int family = genl_ctrl_resolve(socket, LABYRINTH_GENL_NAME);
    if (family == -NLE_OBJ_NOTFOUND)
        return Error{.what = "finding the netlink family", .cause = "unknown", .err = ENOENT};
    if (family < 0)
        return transport_error(family);
    link.family_ = family;
    const int on = 1;
    // Failure costs the text of refusals, nothing else.
    (void)::setsockopt(nl_socket_get_fd(socket), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
    if (int code = nl_socket_set_msg_buf_size(socket, receive_buffer); code < 0)
        return transport_error(code);
    return link;
}

Status Netlink::run(std::uint8_t command, int flags, const AttrBuilder& request,
                    Exchange& exchange) {
    exchange.command = command;
    exchange.request = request.bytes();
    const std::unique_ptr<nl_msg, FreeMessage> message(nlmsg_alloc());
    const std::unique_ptr<nl_cb, FreeCallbacks> callbacks(nl_cb_alloc(NL_CB_DEFAULT));
    if (!message || !callbacks ||
        genlmsg_put(message.get(), NL_AUTO_PORT, NL_AUTO_SEQ, family_, 0, flags, command,
                    LABYRINTH_GENL_VERSION) == nullptr)
        return transport_error(-NLE_NOMEM);
    auto* bytes = const_cast<std::byte*>(exchange.request.data()); // libnl only reads it
    if (int code = nlmsg_append(message.get(), bytes, exchange.request.size(), 0); code < 0)
        return transport_error(code);

    nl_cb* cb = callbacks.get();
    nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid<Exchange>, &exchange);
    nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack<Exchange>, &exchange);
    nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_done<Exchange>, &exchange);
    nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted<Exchange>, &exchange);
    nl_cb_err(cb, NL_CB_CUSTOM, on_error<Exchange>, &exchange);

    if (int code = nl_send_auto(socket_.get(), message.get()); code < 0)
        return transport_error(code);
    while (!exchange.over) {
        const int code = nl_recvmsgs(socket_.get(), cb);
        if (code < 0 && !exchange.over)
            return transport_error(code);
    }
    if (exchange.failure)
        return *exchange.failure;
    return ok();
}

Status Netlink::ask(std::uint8_t command, const AttrBuilder& request, const OnAnswer& on_answer) {
    Exchange exchange{.on_answer = &on_answer};
    return run(command, 0, request, exchange);
}

Result<Netlink::Dump> Netlink::dump(std::uint8_t command, const AttrBuilder& request,
                                    const OnAnswer& on_answer) {
    Exchange exchange{.on_answer = &on_answer};
    const Status done = run(command, NLM_F_DUMP, request, exchange);
    if (!done)
        return done.error();
    return exchange.interrupted ? Dump::interrupted : Dump::complete;
}

} // namespace labyrinth
