// SPDX-License-Identifier: GPL-2.0-only
//
// Attributes of the family's answers, made into values. An attribute that the
// contract always has and the answer has not is an error that names it; one that
// came later, and an older module does not know, is none or 0.
#pragma once

#include "attr.hh"
#include "model.hh"
#include "support.hh"

namespace labyrinth {

Result<Info> decode_info(const Attrs& attrs);
Result<Owner> decode_owner(const Attrs& attrs);
Result<Page> decode_page(const Attrs& attrs);
Result<Stats> decode_stats(const Attrs& attrs);
Result<Verdict> decode_verdict(const Attrs& attrs);
/// Whether it is recorded, and the deadline; no record.
Result<Latency> decode_latency(const Attrs& attrs);
Result<LatencyRecord> decode_latency_record(const Attrs& attrs);

} // namespace labyrinth
