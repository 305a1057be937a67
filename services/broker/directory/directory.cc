#include "services/broker/directory/directory.h"

#include <fmt/format.h>

#include "accord/storage/v1/inspection.pb.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

absl::Status Corrupt(std::string_view family) {
  return Error(Reason::kStoreCorrupt, fmt::format("a row of family {} does not parse", family),
               {{"family", std::string(family)}});
}

// The certificate, or nothing when it or its key is denied.
absl::StatusOr<std::optional<crypto::Certificate>> ParseUndenied(const std::string& der,
                                                                 const DirectorySnapshot& directory) {
  auto certificate = crypto::Certificate::FromDer(der);
  if (!certificate.ok()) return Corrupt(kFamilyAgency);
  if (directory.IsDenied(certificate->fingerprint()) || directory.IsDenied(certificate->public_key_id())) {
    return std::nullopt;
  }
  return *std::move(certificate);
}

absl::StatusOr<AgencyRow> ParseRow(std::string_view bytes, const DirectorySnapshot& directory) {
  AgencyRow row;
  if (!row.agency.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return Corrupt(kFamilyAgency);
  for (const std::string& der : row.agency.signing_certificates()) {
    ACCORD_ASSIGN_OR_RETURN(auto certificate, ParseUndenied(der, directory));
    if (!certificate.has_value()) continue;
    auto key = certificate->verify_key();
    if (!key.ok()) return Corrupt(kFamilyAgency);
    row.signing.push_back({*std::move(certificate), *std::move(key)});
  }
  if (!row.agency.sealing_certificate().empty()) {
    ACCORD_ASSIGN_OR_RETURN(row.sealing, ParseUndenied(row.agency.sealing_certificate(), directory));
  }
  if (!row.agency.confidential_sealing_certificate().empty()) {
    ACCORD_ASSIGN_OR_RETURN(row.confidential_sealing,
                            ParseUndenied(row.agency.confidential_sealing_certificate(), directory));
  }
  return row;
}

template <typename Map>
auto* FindIn(Map& map, std::string_view key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const DirectorySnapshot>> DirectorySnapshot::Load(const storage::Store& store,
                                                                                 uint64_t epoch) {
  auto directory = std::shared_ptr<DirectorySnapshot>(new DirectorySnapshot);
  directory->epoch_ = epoch;
  absl::Status status;
  // The deny set first: rows are read against it.
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyDeny, {}, [&](std::string_view digest, std::string_view) {
    directory->denied_.emplace(digest);
    return true;
  }));
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyAgency, {}, [&](std::string_view id, std::string_view bytes) {
    auto row = ParseRow(bytes, *directory);
    status = row.status();
    if (!status.ok()) return false;
    if (row->sealing.has_value()) {
      directory->sealing_owners_.emplace(row->sealing->subject_key_id(),
                                         SealingKeyOwner{std::string(id), type::v1::DESK_MAIN});
    }
    if (row->confidential_sealing.has_value()) {
      directory->sealing_owners_.emplace(row->confidential_sealing->subject_key_id(),
                                         SealingKeyOwner{std::string(id), type::v1::DESK_CONFIDENTIAL});
    }
    directory->agencies_.emplace(id, *std::move(row));
    return true;
  }));
  ACCORD_RETURN_IF_ERROR(status);
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyOfficer, {}, [&](std::string_view key, std::string_view bytes) {
    auto& officer = directory->officers_[std::string(key)];
    if (!officer.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) status = Corrupt(kFamilyOfficer);
    return status.ok();
  }));
  ACCORD_RETURN_IF_ERROR(status);
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilySuspension, {}, [&](std::string_view principal, std::string_view bytes) {
    storage::v1::StoredSuspension stored;
    if (!stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) status = Corrupt(kFamilySuspension);
    directory->suspended_.emplace(principal, Suspension{stored.reason(), absl::FromUnixMillis(stored.suspended_at_ms()), stored.index()});
    return status.ok();
  }));
  ACCORD_RETURN_IF_ERROR(status);
  const std::string prefix = ConflictListKey("");
  ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyPolicy, storage::Prefix(prefix), [&](std::string_view key, std::string_view bytes) {
    storage::v1::StoredConflictList list;
    if (!list.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) status = Corrupt(kFamilyPolicy);
    directory->conflicts_[std::string(key.substr(prefix.size()))].insert(list.workers().begin(), list.workers().end());
    return status.ok();
  }));
  ACCORD_RETURN_IF_ERROR(status);
  return directory;
}

bool DirectorySnapshot::IsBarred(std::string_view agency, const std::string& worker) const {
  const auto list = conflicts_.find(agency);
  return list != conflicts_.end() && list->second.contains(worker);
}

const Suspension* DirectorySnapshot::FindSuspension(std::string_view principal) const { return FindIn(suspended_, principal); }

const AgencyRow* DirectorySnapshot::FindAgency(std::string_view id) const { return FindIn(agencies_, id); }

const AgencyRow* DirectorySnapshot::FindActiveAgency(std::string_view id) const {
  const AgencyRow* const row = FindAgency(id);
  return row != nullptr && row->agency.active() ? row : nullptr;
}

const storage::v1::StoredOfficer* DirectorySnapshot::FindOfficer(bool inspector, std::string_view id) const {
  return FindIn(officers_, OfficerKey(inspector, id));
}

const AgencyRow::SigningKey* DirectorySnapshot::FindSigningKey(std::string_view id, std::string_view key_id,
                                                               absl::Time at) const {
  const AgencyRow* const row = FindActiveAgency(id);
  if (row == nullptr) return nullptr;
  for (const AgencyRow::SigningKey& signing : row->signing) {
    if (signing.key.key_id() == key_id && signing.certificate.not_before() <= at &&
        at <= signing.certificate.not_after()) {
      return &signing;
    }
  }
  return nullptr;
}

const DirectorySnapshot::SealingKeyOwner* DirectorySnapshot::FindSealingKeyOwner(
    std::string_view subject_key_id) const {
  return FindIn(sealing_owners_, subject_key_id);
}

}  // namespace accord::broker
