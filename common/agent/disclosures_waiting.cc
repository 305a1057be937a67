// What waits for the authorising officer, and answers that wait for the broker.
#include <fmt/format.h>

#include <utility>

#include "common/agent/disclosures.h"
#include "common/agent/today.h"
#include "common/base/bytes.h"
#include "common/base/london_time.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/telemetry/log.h"

namespace accord::agent {
namespace {

constexpr int kDisclosuresPage = 500;

std::string AskedWords(const inspection::v1::Disclosure& disclosure) {
  switch (disclosure.kind()) {
    case type::v1::DISCLOSURE_KIND_SECTIONS: return "sections of a referral";
    case type::v1::DISCLOSURE_KIND_PERSONS: return "whether people are known here";
    case type::v1::DISCLOSURE_KIND_RECORDS:
      return fmt::format("the record numbers of {} referral{}", disclosure.referrals_size(), disclosure.referrals_size() == 1 ? "" : "s");
    default: return "something that this version does not know";
  }
}

agency::v1::TodayItem OfDisclosure(const inspection::v1::Disclosure& disclosure, absl::Time now) {
  agency::v1::TodayItem item;
  item.set_kind(agency::v1::TODAY_KIND_DISCLOSURE_TO_ANSWER);
  if (!disclosure.referral().empty()) item.set_referral(referral::ReferralName(disclosure.referral()));
  item.set_since_ms(disclosure.asked_at_ms());
  item.set_due_ms(disclosure.due_at_ms());
  item.set_about(fmt::format("disclosures/{}", disclosure.number()));
  item.set_words(fmt::format("An inspector of {} asks, under warrant {}, for {}, asked {}: the authorising officer releases or refuses it (disclosure {}){}.",
                             disclosure.inspectorate(), disclosure.warrant(), AskedWords(disclosure),
                             LondonText(absl::FromUnixMillis(disclosure.asked_at_ms())), disclosure.number(), DueWords(disclosure.due_at_ms(), now)));
  return item;
}

void LogAsked(const inspection::v1::Disclosure& disclosure) {
  telemetry::Log(telemetry::Level::kWarn, "disclosure.asked",
                 {{"number", disclosure.number()}, {"kind", type::v1::DisclosureKind_Name(disclosure.kind())}, {"warrant", disclosure.warrant()},
                  {"due_at_ms", disclosure.due_at_ms()}});
}

}  // namespace

absl::Status Disclosures::Look(absl::Duration fresh_for) {
  absl::MutexLock looking(&look_mu_);
  const absl::Time now = clock_.Now();
  if (now < looked_ + fresh_for) return absl::OkStatus();
  looked_ = now;  // Also of what fails: nobody waits for a broker that is away twice.
  std::map<uint64_t, inspection::v1::Disclosure> open;
  inspection::v1::ListDisclosuresRequest request;
  request.set_page_size(kDisclosuresPage);
  request.set_open_only(true);
  for (int page = 0; page < kDisclosurePagesMax && open.size() < kOpenDisclosuresMax; ++page) {
    ACCORD_ASSIGN_OR_RETURN(auto told, broker_.ListDisclosures(request));
    for (auto& one : *told.mutable_disclosures()) {
      // Answered here while this looks.
      ACCORD_ASSIGN_OR_RETURN(const auto row, store_.Get<Row>(kFamilyDisclosure, KeyU64(one.number())));
      if (one.answer() != type::v1::DISCLOSURE_ANSWER_UNSPECIFIED || (row.has_value() && row->has_receipt())) continue;
      const uint64_t number = one.number();
      if (open.size() < kOpenDisclosuresMax) open[number] = std::move(one);
    }
    if (told.next_page_token().empty()) break;
    request.set_page_token(told.next_page_token());
  }
  std::vector<inspection::v1::Disclosure> fresh;
  {
    absl::MutexLock lock(&mu_);
    for (const auto& [number, one] : open) {
      if (!open_.contains(number)) fresh.push_back(one);
    }
    open_ = std::move(open);
  }
  for (const auto& one : fresh) LogAsked(one);
  return absl::OkStatus();
}

absl::Status Disclosures::Step() {
  absl::Status status;
  if (act_mu_.TryLock()) {
    std::vector<uint64_t> pending;
    {
      absl::MutexLock lock(&mu_);
      for (const auto& [number, unsent] : pending_) pending.push_back(number);
    }
    for (const uint64_t number : pending) {
      const auto sent = Send(number);
      if (!sent.ok() && status.ok()) status = sent.status();
    }
    act_mu_.Unlock();
  }
  const absl::Status looked = Look(kDisclosuresAskedEvery);
  return status.ok() ? looked : status;
}

std::vector<agency::v1::TodayItem> Disclosures::Today() {
  if (const absl::Status looked = Look(kDisclosuresFreshFor); !looked.ok()) {
    telemetry::Log(telemetry::Level::kWarn, "disclosures.not_asked", {{"status", looked}});
  }
  const absl::Time now = clock_.Now();
  std::vector<agency::v1::TodayItem> items;
  absl::MutexLock lock(&mu_);
  for (const auto& [number, one] : open_) {
    if (!pending_.contains(number)) items.push_back(OfDisclosure(one, now));
  }
  return items;
}

size_t Disclosures::open() const {
  absl::MutexLock lock(&mu_);
  size_t count = 0;
  for (const auto& [number, one] : open_) count += pending_.contains(number) ? 0 : 1;
  return count;
}

std::vector<Wait> Disclosures::Waits() const {
  std::vector<Wait> waits;
  absl::MutexLock lock(&mu_);
  for (const auto& [number, unsent] : pending_) {
    Wait& wait = waits.emplace_back();
    wait.kind = agency::v1::WAITING_KIND_DISCLOSURE_ANSWER;
    wait.about = fmt::format("{}", number);
    wait.since_ms = unsent.since_ms;
    wait.reason = unsent.reason;
  }
  return waits;
}

}  // namespace accord::agent
