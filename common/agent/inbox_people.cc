#include "common/agent/inbox_people.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/referral/subject_token.h"

namespace accord::agent {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using storage::v1::StoredInboxPeople;

// Our own domain, of which tokens under the newest key alone are made.
referral::LinkageDomain Newest(const AgencyKeys& keys) { return OwnLinkage(keys, absl::InfiniteFuture()); }

std::vector<type::v1::SubjectToken> Make(const AgencyKeys& keys, const type::v1::Person& person) {
  const referral::LinkageDomain domain = Newest(keys);
  return referral::MakeTokens(person, std::span(&domain, 1));
}

bool HasKey(const referral::LinkageDomain& domain, std::string_view id) {
  return std::any_of(domain.keys.begin(), domain.keys.end(), [&](const referral::LinkageKey& key) { return key.id == id; });
}

// `token` under the newest key. REQUIRES: the domain has its key.
std::string Wrapped(const referral::LinkageDomain& domain, const std::string& token_key, const std::string& token) {
  type::v1::SubjectToken wrapped;
  wrapped.set_token(token);
  bool later = false;
  for (const referral::LinkageKey& key : domain.keys) {
    if (later) wrapped = referral::WrapToken(wrapped, key);
    later = later || key.id == token_key;
  }
  return wrapped.token();
}

void Add(PersonTokens& tokens, bool strong, std::string token) { (strong ? tokens.strong : tokens.weak).insert(std::move(token)); }

// Calls `visit` with every person in `message`, wherever.
template <typename Visit>
void ForEachPerson(const Message& message, const Visit& visit) {
  if (message.GetDescriptor() == type::v1::Person::descriptor()) visit(static_cast<const type::v1::Person&>(message));
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      ForEachPerson(message.GetReflection()->GetMessage(message, field), visit);
      continue;
    }
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
      ForEachPerson(message.GetReflection()->GetRepeatedMessage(message, field, i), visit);
    }
  }
}

// The tokens of everybody in some messages.
class Gathering {
 public:
  explicit Gathering(const AgencyKeys& keys) : keys_(keys) {}
  void Add(const Message& message) {
    ForEachPerson(message, [this](const type::v1::Person& person) {
      if (++seen_ > kInboxPeopleMax) return;
      for (const auto& token : Make(keys_, person)) agent::Add(tokens_, token.strong(), token.token());
    });
  }
  StoredInboxPeople Stored() const {
    StoredInboxPeople people;
    people.set_token_key(keys_.linkage_key_id);
    people.set_recipe(referral::kTokenRecipe);
    people.set_cut(seen_ > kInboxPeopleMax);
    for (const std::string& token : tokens_.strong) people.add_strong(token);
    for (const std::string& token : tokens_.weak) people.add_weak(token);
    return people;
  }

 private:
  const AgencyKeys& keys_;
  PersonTokens tokens_;
  size_t seen_ = 0;
};

bool HaveCommon(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& token) { return b.contains(token); });
}

}  // namespace

PersonTokens TokensOf(const AgencyKeys& keys, const type::v1::Person& person) {
  PersonTokens tokens;
  for (const auto& token : Make(keys, person)) Add(tokens, token.strong(), token.token());
  return tokens;
}

storage::v1::StoredConflict ConflictOf(const AgencyKeys& keys, const type::v1::Person& person) {
  storage::v1::StoredConflict conflict;
  for (auto& token : Make(keys, person)) *conflict.add_tokens() = std::move(token);
  return conflict;
}

absl::StatusOr<PersonTokens> TokensOf(const AgencyKeys& keys, const storage::v1::StoredConflict& conflict) {
  const referral::LinkageDomain domain = Newest(keys);
  PersonTokens tokens;
  for (const auto& token : conflict.tokens()) {
    if (token.domain() != domain.name || token.recipe() != referral::kTokenRecipe || !HasKey(domain, token.token_key())) {
      return Error(Reason::kStoreCorrupt,
                   "a worker's conflict of interest is kept under a linkage key that is not configured; put that key into [[previous_linkage_keys]]",
                   {{"token_key", token.token_key()}});
    }
    Add(tokens, token.strong(), Wrapped(domain, token.token_key(), token.token()));
  }
  return tokens;
}

StoredInboxPeople PeopleIn(const AgencyKeys& keys, std::span<const agency::v1::OpenedSection> sections) {
  Gathering people(keys);
  for (const auto& section : sections) people.Add(section.content());
  return people.Stored();
}

StoredInboxPeople PeopleIn(const AgencyKeys& keys, const storage::v1::StoredDraft& draft) {
  Gathering people(keys);
  people.Add(draft);
  return people.Stored();
}

StoredInboxPeople PeopleIn(const AgencyKeys& keys, const type::v1::PersonsQuestion& question) {
  Gathering people(keys);
  people.Add(question);
  return people.Stored();
}

bool AreCurrent(const AgencyKeys& keys, const StoredInboxPeople& people) {
  return people.recipe() == referral::kTokenRecipe && HasKey(Newest(keys), people.token_key());
}

PersonTokens TokensOf(const AgencyKeys& keys, const StoredInboxPeople& people) {
  const referral::LinkageDomain domain = Newest(keys);
  PersonTokens tokens;
  for (const std::string& token : people.strong()) tokens.strong.insert(Wrapped(domain, people.token_key(), token));
  for (const std::string& token : people.weak()) tokens.weak.insert(Wrapped(domain, people.token_key(), token));
  return tokens;
}

bool IsSurelyAmong(const PersonTokens& person, const PersonTokens& people) {
  // One token may be strong of one record and weak of another, whose dates of birth contradict each other.
  if (HaveCommon(person.strong, people.strong) || HaveCommon(person.strong, people.weak) || HaveCommon(person.weak, people.strong)) return true;
  return person.strong.empty() && HaveCommon(person.weak, people.weak);
}

bool MayBeAmong(const PersonTokens& person, const PersonTokens& people) {
  return IsSurelyAmong(person, people) || HaveCommon(person.weak, people.weak);
}

}  // namespace accord::agent
