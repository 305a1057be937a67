#include "services/agency/forum_mapping.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>


namespace accord::agency {
namespace {

using namespace type::v1;  // NOLINT: the mapping reads best in the field's own words.
using Sections = std::vector<agency::v1::OpenedSection>;

// The people of a case, as its sections name them.
struct People {
  Person victim;
  google::protobuf::RepeatedPtrField<AllegedPerpetrator> alleged_perpetrators;
  google::protobuf::RepeatedPtrField<Child> children;
};

People PeopleOf(const Sections& sections) {
  People people;
  for (const auto& section : sections) {
    const SectionContent& content = section.content();
    if (content.has_identity()) people.victim = content.identity().victim();
    if (content.has_alleged_perpetrators()) people.alleged_perpetrators = content.alleged_perpetrators().alleged_perpetrators();
    if (content.has_children()) people.children = content.children().children();
  }
  // What was found wrong with an identifier is found again.
  for (Identifier& identifier : *people.victim.mutable_identifiers()) identifier.set_quarantined(false);
  return people;
}

size_t CharsOf(const std::string& utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

}  // namespace

agency::v1::RequestChecksRequest ResearchOf(const forum::v1::RequestResearchRequest& request, const agent::InboxEntry& one, const Sections& sections,
                                            const std::vector<std::string>& members, const std::string& agency) {
  agency::v1::RequestChecksRequest checks;
  *checks.mutable_options() = request.options();
  if (request.options().recipients().empty()) {
    for (const std::string& member : members) {
      const auto& not_to = request.do_not_disclose_to();
      if (member != agency && std::find(not_to.begin(), not_to.end(), member) == not_to.end()) checks.mutable_options()->add_recipients(member);
    }
  }
  checks.mutable_options()->set_caused_by(request.referral());
  People people = PeopleOf(sections);
  *checks.mutable_victim() = std::move(people.victim);
  *checks.mutable_alleged_perpetrators() = std::move(people.alleged_perpetrators);
  *checks.mutable_children() = std::move(people.children);
  checks.mutable_risk()->set_grade(agent::GradeNow(one));
  checks.mutable_risk()->set_instrument(one.header.core.part.risk().instrument());
  checks.set_purpose(PURPOSE_MARAC);
  checks.set_question(request.question());
  return checks;
}

absl::StatusOr<agent::Draft> MapAction(const forum::v1::AddActionRequest& request, const agent::InboxEntry& one, const Sections& sections,
                                       const agent::MappingContext& context) {
  agency::v1::PushOptions options = request.options();
  options.set_caused_by(request.referral());
  agent::DraftBuilder draft("AddAction", request, options, context);
  const People people = PeopleOf(sections);
  const auto& named = request.options().recipients();
  draft.RequireValid(named.empty() || (named.size() == 1 && named[0] == request.owner()), "options.recipients", "are not the owner alone")
      .RequireValid(CharsOf(request.words()) <= kActionWordsCharsMax, "words", fmt::format("is longer than {} characters", kActionWordsCharsMax))
      .Victim(people.victim, "referral")
      .AllegedPerpetrators(people.alleged_perpetrators, RELATIONSHIP_CLASS_UNSPECIFIED)
      .Children(people.children)
      .Text(CATEGORY_SAFETY_PLAN,
            fmt::format("Action {} of the forum {}, due by {}: {}", request.code(), one.header.core.part.forum(),
                        absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::FromUnixMillis(request.due_at_ms()), absl::UTCTimeZone()), request.words()))
      .ByDefaultTo(request.owner());
  draft.core().set_type(REFERRAL_TYPE_NOTIFICATION);
  // The case's own grade: routes of a Marac are for high risk.
  if (one.header.core.part.has_risk()) {
    *draft.core().mutable_risk() = one.header.core.part.risk();
    draft.core().mutable_risk()->set_grade(agent::GradeNow(one));
  }
  return std::move(draft).Build(PURPOSE_MARAC);
}

}  // namespace accord::agency
