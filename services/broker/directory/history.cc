#include "services/broker/directory/history.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "accord/options/v1/options.pb.h"
#include "accord/storage/v1/erasure.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/directory/change_parts.h"
#include "services/broker/directory/changes.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/validation.h"

namespace accord::broker {
namespace {

using admin::v1::Change;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using storage::v1::StoredChange;

constexpr size_t kShownBytesMax = 200;  // Longer texts are named by their digest.

// A change that was approved: since when it is in force, or from when it will be.
struct Approved {
  int64_t from_ms = 0, proposed_at_ms = 0;
  uint64_t number = 0;
  Change change;
};

// Those in `state`, which is one of what is approved, that `keep` keeps, in the order in which they come into force.
absl::StatusOr<std::vector<Approved>> ApprovedChanges(const storage::Store& store, admin::v1::ChangeState state,
                                                      const std::function<bool(const Change&)>& keep) {
  std::vector<Approved> all;
  bool corrupt = false;
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyChange, {}, [&](std::string_view key, std::string_view value) {
    StoredChange stored;
    const auto number = U64FromKey(key);
    corrupt = !number.has_value() || !stored.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (corrupt) return false;
    // The time of day does not matter to what is approved.
    if (StateOf(stored, absl::InfinitePast()) != state || !keep(stored.change())) return true;
    all.push_back({std::max(stored.approved_at_ms(), stored.effective_from_ms()), stored.proposed_at_ms(), *number, std::move(*stored.mutable_change())});
    return true;
  }));
  if (corrupt) return Error(Reason::kStoreCorrupt, "a stored change does not parse");
  std::sort(all.begin(), all.end(), [](const Approved& a, const Approved& b) { return std::tie(a.from_ms, a.number) < std::tie(b.from_ms, b.number); });
  return all;
}

absl::StatusOr<std::vector<Approved>> ChangesInForce(const storage::Store& store, const std::function<bool(const Change&)>& keep) {
  return ApprovedChanges(store, admin::v1::CHANGE_STATE_IN_FORCE, keep);
}

bool IsOfAgency(const Change& change) { return change.has_put_agency() || change.has_leave_agency(); }

// What stands once `change` is in force, where `standing` stood.
void Replace(Change& standing, const Change& change) {
  if (change.has_leave_agency()) {
    standing.mutable_put_agency()->mutable_agency()->set_active(false);
  } else {
    standing = change;
  }
}

template <typename Row>
absl::StatusOr<std::optional<Row>> ReadStanding(const storage::Store& store, std::string_view family, std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, store.Get(family, key));
  if (!bytes.has_value()) return std::nullopt;
  Row row;
  if (!row.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, fmt::format("a row of family {} does not parse", family));
  return row;
}

// What stands, as the change that would make it so; nothing set when nothing does.
absl::StatusOr<Change> Standing(const storage::Store& store, const Change& change) {
  Change standing;
  switch (change.change_case()) {
    case Change::kPutAgency:
    case Change::kLeaveAgency: {
      const std::string& id = change.has_put_agency() ? change.put_agency().agency().id() : change.leave_agency().agency();
      ACCORD_ASSIGN_OR_RETURN(auto row, ReadStanding<admin::v1::Agency>(store, kFamilyAgency, id));
      if (row.has_value()) *standing.mutable_put_agency()->mutable_agency() = *std::move(row);
      break;
    }
    case Change::kPutOfficer: {
      const auto& officer = change.put_officer();
      ACCORD_ASSIGN_OR_RETURN(const auto row, ReadStanding<storage::v1::StoredOfficer>(store, kFamilyOfficer, OfficerKey(officer.inspector(), officer.id())));
      if (!row.has_value()) break;
      auto& put = *standing.mutable_put_officer();
      put.set_id(officer.id());
      put.set_inspector(officer.inspector());
      put.set_active(row->active());
      put.set_valid_from_ms(row->valid_from_ms());
      *put.mutable_roles() = row->roles();
      put.set_inspectorate(row->inspectorate());
      put.set_sealing_certificate(row->sealing_certificate());
      break;
    }
    case Change::kPutConflictList: {
      const std::string& agency = change.put_conflict_list().agency();
      ACCORD_ASSIGN_OR_RETURN(auto row, ReadStanding<storage::v1::StoredConflictList>(store, kFamilyPolicy, ConflictListKey(agency)));
      if (!row.has_value()) break;
      standing.mutable_put_conflict_list()->set_agency(agency);
      *standing.mutable_put_conflict_list()->mutable_workers() = row->workers();
      break;
    }
    case Change::kPutForum: {
      ACCORD_ASSIGN_OR_RETURN(auto row, ReadStanding<admin::v1::Forum>(store, kFamilyPolicy, ForumKey(change.put_forum().forum().id())));
      if (row.has_value()) *standing.mutable_put_forum()->mutable_forum() = *std::move(row);
      break;
    }
    case Change::kPutRetention: {
      ACCORD_ASSIGN_OR_RETURN(auto row, ReadStanding<storage::v1::StoredRetention>(store, kFamilyPolicy, kRetentionCurrentKey));
      if (row.has_value()) *standing.mutable_put_retention() = std::move(*row->mutable_rules());
      break;
    }
    default: break;
  }
  return standing;
}

// The message inside of `change`: what its paths begin in. A departure is what it does to the row.
std::unique_ptr<Message> Inside(const Change& change, const Change& before) {
  if (change.has_leave_agency()) {
    auto put = std::make_unique<admin::v1::PutAgency>(before.put_agency());
    put->mutable_agency()->set_active(false);
    return put;
  }
  const auto* field = Change::descriptor()->FindFieldByNumber(change.change_case());
  std::unique_ptr<Message> inside(change.GetReflection()->GetMessage(change, field).New());
  inside->CopyFrom(change.GetReflection()->GetMessage(change, field));
  return inside;
}

std::string BytesText(const std::string& bytes) {
  if (bytes.size() <= crypto::kDigestBytes) return ToHex(bytes);
  return "sha256 " + ToHex(crypto::Sha256(bytes));
}

std::string StringText(const std::string& text) { return text.size() <= kShownBytesMax ? text : "sha256 " + ToHex(crypto::Sha256(text)); }

std::string MessageText(const Message& message);

// One value of a field; `index` is below 0 for one that is not repeated.
std::string ValueText(const Message& message, const FieldDescriptor* field, int index) {
  const auto* reflection = message.GetReflection();
  const bool one = index < 0;
  std::string scratch;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string& text = one ? reflection->GetStringReference(message, field, &scratch)
                                    : reflection->GetRepeatedStringReference(message, field, index, &scratch);
      return field->type() == FieldDescriptor::TYPE_BYTES ? BytesText(text) : StringText(text);
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = one ? reflection->GetEnumValue(message, field) : reflection->GetRepeatedEnumValue(message, field, index);
      const auto* value = field->enum_type()->FindValueByNumber(number);
      return value == nullptr ? fmt::to_string(number) : value->name();
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      return (one ? reflection->GetBool(message, field) : reflection->GetRepeatedBool(message, field, index)) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return fmt::to_string(one ? reflection->GetInt32(message, field) : reflection->GetRepeatedInt32(message, field, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return fmt::to_string(one ? reflection->GetInt64(message, field) : reflection->GetRepeatedInt64(message, field, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return fmt::to_string(one ? reflection->GetUInt32(message, field) : reflection->GetRepeatedUInt32(message, field, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return fmt::to_string(one ? reflection->GetUInt64(message, field) : reflection->GetRepeatedUInt64(message, field, index));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageText(one ? reflection->GetMessage(message, field) : reflection->GetRepeatedMessage(message, field, index));
    default: return "?";  // Changes have no floating numbers.
  }
}

// What leads to a person is in the change itself, and here by its digest alone.
bool IsOfPeople(const FieldDescriptor* field) {
  const auto sensitivity = field->options().GetExtension(options::v1::sensitivity);
  return sensitivity != options::v1::SENSITIVITY_UNSPECIFIED && sensitivity != options::v1::SENSITIVITY_CODED;
}

// All values of a field; empty when it is not set.
std::string FieldText(const Message& message, const FieldDescriptor* field) {
  if (!field->is_repeated()) return message.GetReflection()->HasField(message, field) ? ValueText(message, field, -1) : "";
  std::string text;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
    text += (i == 0 ? "" : field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE ? "; " : ", ") + ValueText(message, field, i);
  }
  return text.empty() || !IsOfPeople(field) ? text : fmt::format("{} of them, sha256 {}", message.GetReflection()->FieldSize(message, field), ToHex(crypto::Sha256(text)));
}

std::string MessageText(const Message& message) {
  std::string text;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto* field = message.GetDescriptor()->field(i);
    const std::string value = FieldText(message, field);
    if (!value.empty()) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", field->name(), value);
  }
  return text;
}

void AddDifferences(const std::string& prefix, const Message& before, const Message& after, std::vector<admin::v1::FieldDifference>& all) {
  for (int i = 0; i < after.GetDescriptor()->field_count(); ++i) {
    const auto* field = after.GetDescriptor()->field(i);
    const std::string path = prefix + field->name();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_repeated()) {
      AddDifferences(path + ".", before.GetReflection()->GetMessage(before, field), after.GetReflection()->GetMessage(after, field), all);
      continue;
    }
    const std::string was = FieldText(before, field), is = FieldText(after, field);
    if (was == is) continue;
    auto& difference = all.emplace_back();
    difference.set_field(path);
    difference.set_before(was);
    difference.set_after(is);
  }
}

}  // namespace

absl::StatusOr<std::map<std::string, admin::v1::Agency>> AgenciesAt(const storage::Store& store, absl::Time at) {
  ACCORD_ASSIGN_OR_RETURN(auto changes, ChangesInForce(store, IsOfAgency));
  std::map<std::string, admin::v1::Agency> agencies;
  for (Approved& made : changes) {
    if (made.from_ms > absl::ToUnixMillis(at)) break;
    if (made.change.has_leave_agency()) {
      agencies[made.change.leave_agency().agency()].set_active(false);
    } else {
      auto& agency = *made.change.mutable_put_agency()->mutable_agency();
      const std::string id = agency.id();
      agencies[id] = std::move(agency);
    }
  }
  return agencies;
}

absl::StatusOr<std::map<std::string, storage::v1::StoredOfficer, std::less<>>> OfficersPutBy(const storage::Store& store, absl::Time at) {
  ACCORD_ASSIGN_OR_RETURN(const auto changes, ChangesInForce(store, [](const Change& change) { return change.has_put_officer(); }));
  std::map<std::string, storage::v1::StoredOfficer, std::less<>> officers;
  for (const Approved& made : changes) {
    if (made.from_ms > absl::ToUnixMillis(at)) break;
    const auto& put = made.change.put_officer();
    officers.insert_or_assign(OfficerKey(put.inspector(), put.id()), AsStored(put));
  }
  return officers;
}

absl::StatusOr<std::map<std::string, admin::v1::Forum>> ForumsAt(const storage::Store& store, absl::Time at) {
  ACCORD_ASSIGN_OR_RETURN(auto changes, ChangesInForce(store, [](const Change& change) { return change.has_put_forum(); }));
  std::map<std::string, admin::v1::Forum> forums;
  for (Approved& made : changes) {
    if (made.from_ms > absl::ToUnixMillis(at)) break;
    auto& forum = *made.change.mutable_put_forum()->mutable_forum();
    const std::string id = forum.id();
    forums[id] = std::move(forum);
  }
  return forums;
}

std::vector<admin::v1::FieldDifference> DifferencesOf(const Message& before, const Message& after) {
  std::vector<admin::v1::FieldDifference> all;
  AddDifferences("", before, after, all);
  return all;
}

absl::StatusOr<std::map<std::string, int64_t, std::less<>>> EnrolledSince(const storage::Store& store) {
  ACCORD_ASSIGN_OR_RETURN(const auto changes, ChangesInForce(store, IsOfAgency));
  std::map<std::string, int64_t, std::less<>> since;
  std::set<std::string, std::less<>> active;
  for (const Approved& made : changes) {
    const auto& agency = made.change.put_agency().agency();
    if (made.change.has_leave_agency()) {
      active.erase(made.change.leave_agency().agency());
    } else if (!agency.active()) {
      active.erase(agency.id());
    } else if (active.insert(agency.id()).second) {
      since.insert_or_assign(agency.id(), made.from_ms);
    }
  }
  return since;
}

absl::StatusOr<ChangeDifferences> DifferencesOfChange(const storage::Store& store, uint64_t number, const StoredChange& stored, absl::Time now) {
  ChangeDifferences found;
  const Change& change = stored.change();
  if (change.change_case() == Change::CHANGE_NOT_SET) return found;
  Change before;
  const std::string target = TargetOf(change);
  const auto of_target = [&](const Change& other) { return TargetOf(other) == target; };
  const admin::v1::ChangeState state = StateOf(stored, now);
  if (state != admin::v1::CHANGE_STATE_IN_FORCE) {
    ACCORD_ASSIGN_OR_RETURN(before, Standing(store, change));
    std::vector<Approved> planned;
    if (!target.empty()) {
      ACCORD_ASSIGN_OR_RETURN(planned, ApprovedChanges(store, admin::v1::CHANGE_STATE_APPROVED, of_target));
    }
    const int64_t approved_at_ms = stored.approved_at_ms() > 0 ? stored.approved_at_ms() : std::numeric_limits<int64_t>::max();  // Once it is.
    const bool open = state == admin::v1::CHANGE_STATE_PROPOSED || state == admin::v1::CHANGE_STATE_APPROVED;
    for (const Approved& other : planned) {
      if (other.number == number) continue;
      if (std::tie(other.from_ms, other.number) < std::make_tuple(stored.effective_from_ms(), number)) {
        Replace(before, other.change);
        found.planned.push_back(other.number);
      } else if (open && WouldUndo(other.change, other.proposed_at_ms, approved_at_ms)) {
        found.withdrawn.push_back(other.number);
      }
    }
  } else if (!target.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto others, ChangesInForce(store, of_target));
    for (const Approved& other : others) {
      if (other.number == number) break;
      Replace(before, other.change);
    }
  }
  const std::unique_ptr<Message> after = Inside(change, before);
  const std::unique_ptr<Message> none(after->New());
  if (before.change_case() == Change::CHANGE_NOT_SET) {
    found.fields = DifferencesOf(*none, *after);
  } else {
    const auto* field = Change::descriptor()->FindFieldByNumber(before.change_case());
    found.fields = DifferencesOf(before.GetReflection()->GetMessage(before, field), *after);
  }
  return found;
}

}  // namespace accord::broker
