// What this agency's service has of what an inspector asks for (docs/disclosures.md): sections that it sent or received, its referrals about
// people, and the record numbers of referrals.
//
// Reads alone, and keeps nothing from whoever calls: who may is the caller's to judge.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/disclosure_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "accord/type/v1/disclosure.pb.h"
#include "common/agent/agency_keys.h"
#include "common/agent/agency_store.h"
#include "common/agent/inbox.h"
#include "common/agent/outbox.h"
#include "common/agent/sealed_sections.h"
#include "common/referral/header.h"

namespace accord::agent {

// The copy of a referral's sections that is held here, those that are asked for alone.
struct HeldSections {
  SectionOwner owner;
  referral::OpenedHeader header;
  struct Section {
    type::v1::SectionPart part;
    type::v1::SealedSection sealed;
  };
  std::vector<Section> sections;
};

// Thread-safe.
class DisclosureContent {
 public:
  // All must outlive this.
  DisclosureContent(const AgencyKeys& keys, const Inbox& inbox, const Outbox& outbox, const SealedSections& sections)
      : keys_(keys), inbox_(inbox), outbox_(outbox), sections_(sections) {}

  // The sections of these categories, all of them if none is named, of a referral that was sent or received. Errors of the store, and:
  //   NOT_A_HOLDER  there is none, or the copy here was erased, recalled, withdrawn before anybody opened it, or answered to be gone
  absl::StatusOr<HeldSections> Sections(std::string_view header_digest, std::span<const type::v1::Category> categories) const;
  // In clear, but for the bytes of files. Errors of OpenSection.
  absl::StatusOr<std::vector<agency::v1::HeldSection>> Open(const HeldSections& held) const;
  // Sealed, with every recipient info that it has here.
  absl::StatusOr<std::string> BytesOf(const HeldSections& held, const type::v1::SealedSection& section) const;

  // The newest referrals about each of the people, kReferralsFoundMax at most, in the order of the question. Looks through all that was sent,
  // opening it, and all that was received. Errors of the store.
  absl::StatusOr<type::v1::PersonsAnswer> Find(const type::v1::PersonsQuestion& question) const;

  // What is known here of referrals, in their order. NOT_A_HOLDER when none of them ever was here; errors of the store.
  absl::StatusOr<type::v1::RecordsAnswer> Records(std::span<const std::string> header_digests) const;

  // Whom a referral that was sent or received is about, as a worker's conflicts of interest are held against; nothing of one that is not here.
  absl::StatusOr<std::optional<storage::v1::StoredInboxPeople>> People(std::string_view header_digest) const;

 private:
  struct Sought;
  absl::Status FindSent(std::vector<Sought>& sought) const;
  absl::Status FindReceived(std::vector<Sought>& sought) const;
  // A referral that was received, with the record numbers that its sender gave.
  type::v1::ReferralFound OfReceived(const InboxEntry& entry) const;
  // False when it never was here.
  absl::StatusOr<bool> FillRecord(std::string_view header_digest, type::v1::ReferralFound& found) const;

  const AgencyKeys& keys_;
  const Inbox& inbox_;
  const Outbox& outbox_;
  const SealedSections& sections_;
};

}  // namespace accord::agent
