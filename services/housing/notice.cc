#include "services/housing/notice.h"

#include <algorithm>

#include "common/agent/draft_builder.h"
#include "common/agent/housing_facts.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"

namespace accord::housing {

using namespace type::v1;  // NOLINT: it reads best in the field's own words.

namespace {

v1::HousingNoticeKind KindOf(Purpose purpose) {
  switch (purpose) {
    case PURPOSE_HOUSING_DUTY_TO_REFER: return v1::HOUSING_NOTICE_KIND_DUTY_TO_REFER;
    case PURPOSE_HOUSING_SUPPORT: return v1::HOUSING_NOTICE_KIND_VOLUNTARY;
    case PURPOSE_MARAC: return v1::HOUSING_NOTICE_KIND_MARAC;
    default: return v1::HOUSING_NOTICE_KIND_SAFEGUARDING;
  }
}

bool ChangedSince(const agent::InboxEntry& entry) {
  const auto& stored = entry.stored;
  return stored.consent_changed() || stored.do_not_use() || stored.recalled() || stored.withdrawn() || !entry.corrected_by.empty();
}

// The consent under which the facts of housing came, or else the person's identity.
const TagPart* TagOf(const agent::InboxEntry& entry) {
  const TagPart* tag = nullptr;
  for (const auto& section : entry.header.sections) {
    const Category category = section.part.category();
    if (category != CATEGORY_HOUSING && (category != CATEGORY_IDENTITY || tag != nullptr)) continue;
    if (const TagPart* found = entry.header.FindTag(section.part.tag_id())) tag = found;
    if (category == CATEGORY_HOUSING && tag != nullptr) break;
  }
  return tag;
}

void AddContent(const SectionContent& content, Category category, v1::HousingNotice& notice) {
  if (content.has_identity()) *notice.mutable_person() = content.identity().victim();
  if (content.has_housing()) *notice.mutable_housing() = content.housing();
  if (content.has_safe_contact()) *notice.mutable_safe_contact() = content.safe_contact();
  if (content.has_children()) *notice.mutable_children() = content.children().children();
  if (category == CATEGORY_NARRATIVE) notice.set_summary(content.text().text());
  if (category == CATEGORY_VOICE) notice.set_wishes(content.text().text());
}

void AddWarnings(std::string_view agency, v1::HousingNotice& notice) {
  const auto& housing = notice.housing();
  const auto is_of_risk = [&](std::string_view place) {
    return std::any_of(housing.areas_of_risk().begin(), housing.areas_of_risk().end(),
                       [&](const std::string& area) { return agent::NamesArea(place, area); });
  };
  if (notice.changed_since()) {
    notice.add_warnings("Its consent changed, or it was corrected, recalled or withdrawn: look at what changed before anything is done.");
  }
  if (!notice.contact_details_may_be_used()) {
    notice.add_warnings("How to reach the person may not be used, or was not given: reach them through who notified.");
  }
  if (!housing.areas_of_risk().empty()) notice.add_warnings("There are areas of risk: the person is not to be sent back there.");
  if (is_of_risk(agency) || is_of_risk(housing.chosen_council())) {
    notice.add_warnings("We or the chosen council are of an area of risk: look for a home elsewhere.");
  }
  if (!housing.perpetrator_tenure().empty()) {
    notice.add_warnings("An alleged perpetrator has a tenancy or a part of the home: nothing of this may stand in a file that they can ask for.");
  }
  if (notice.kind() != v1::HOUSING_NOTICE_KIND_DUTY_TO_REFER) return;
  if (!agent::IsConsented(notice.consent())) {
    notice.add_warnings("The duty to refer needs the person's consent, and none is recorded.");
  }
}

}  // namespace

bool IsNotice(const agent::InboxEntry& entry) {
  const auto& core = entry.header.core.part;
  const bool type = core.type() == REFERRAL_TYPE_REFERRAL || core.type() == REFERRAL_TYPE_NOTIFICATION || core.type() == REFERRAL_TYPE_CORRECTION;
  return type && !core.checks();
}

absl::Status RequireNotice(const agent::InboxEntry& entry) {
  if (IsNotice(entry)) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "notice is a check or an answer, of which no application is opened", {{"field", "notice"}});
}

v1::HousingNotice SummaryOf(const agent::InboxEntry& entry) {
  const auto& core = entry.header.core.part;
  v1::HousingNotice notice;
  notice.set_notice(referral::ReferralName(entry.header_digest));
  notice.set_notified_by(core.sender());
  notice.set_kind(KindOf(core.purpose()));
  notice.set_received_at_ms(entry.stored.received_at_ms());
  notice.set_state(entry.stored.state());
  notice.set_grade(agent::GradeNow(entry));
  if (agent::IsUnanswered(entry.stored, core.type())) notice.set_response_due_ms(entry.stored.response_due_ms());
  notice.set_changed_since(ChangedSince(entry));
  notice.set_worker(core.worker().pseudonym());
  notice.set_worker_role(core.worker().role());
  if (const TagPart* tag = TagOf(entry)) {
    notice.set_consent(tag->consent());
    notice.set_consent_at_ms(tag->consent_at_ms());
    notice.set_consent_how(tag->consent_how());
    notice.set_victim_awareness(tag->victim_awareness());
    notice.set_gateway(tag->gateway());
  }
  return notice;
}

v1::HousingNotice NoticeOf(const agent::InboxEntry& entry, const std::vector<agency::v1::OpenedSection>& sections, std::string_view agency) {
  v1::HousingNotice notice = SummaryOf(entry);
  for (const auto& section : sections) AddContent(section.content(), section.category(), notice);
  notice.set_chosen_council(notice.housing().chosen_council());
  const bool duty = notice.kind() == v1::HOUSING_NOTICE_KIND_DUTY_TO_REFER;
  const bool agreed = notice.housing().contact_details_agreed() || notice.has_safe_contact();
  notice.set_contact_details_may_be_used((duty ? agreed : agreed || !notice.person().address().empty()) && !notice.changed_since());
  if (!notice.contact_details_may_be_used()) {
    notice.clear_safe_contact();
    if (notice.has_person()) notice.mutable_person()->clear_address();
    for (auto& child : *notice.mutable_children()) {
      if (child.has_person()) child.mutable_person()->clear_address();
    }
  }
  AddWarnings(agency, notice);
  return notice;
}

}  // namespace accord::housing
