// The entries that are made when a referral, or a record alone, is stored: what StoredEventOf (header.h) can answer. A referral's own chain begins
// with one of them.
#pragma once

#include <algorithm>
#include <array>

#include "accord/type/v1/entry.pb.h"

namespace accord::referral {

inline constexpr std::array kStoredEvents = {type::v1::EVENT_TYPE_REFERRAL_STORED, type::v1::EVENT_TYPE_NOT_SHARED_RECORDED,
                                             type::v1::EVENT_TYPE_SENT_OUTSIDE_RECORDED};

// Thread-safe.
constexpr bool IsStoredEvent(type::v1::EventType event) { return std::find(kStoredEvents.begin(), kStoredEvents.end(), event) != kStoredEvents.end(); }

}  // namespace accord::referral
