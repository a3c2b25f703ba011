// SPDX-License-Identifier: GPL-2.0-only
//
// Attributes of the family's answers, made into values. An attribute that the
// contract always has and the answer has not is an error that names it.
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

} // namespace labyrinth
