// Files that go with a push, and that came with a referral, between this machine and an agency's service (docs/attachments.md).
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "accord/type/v1/referral.pb.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

inline constexpr size_t kFileBytesMax = 5'000'000;  // As the service takes them.
inline constexpr absl::Duration kFileTimeout = absl::Minutes(2);

// Uploads the file at `path`, under its name there, and returns its id for PushOptions.attachments. A usage error when it cannot be read,
// is too large, or is of no type that is taken; errors of UploadAttachment.
absl::StatusOr<std::string> UploadFile(const Endpoint& service, const std::string& path, const type::v1::Worker& worker);

// Writes the file in `section` of the referral `name` to `path`, for its owner alone. A usage error when something is there already; errors of
// ReadAttachment. The result: what it is, for people.
absl::StatusOr<std::string> SaveFile(const Endpoint& service, const std::string& name, const std::string& section, const type::v1::Worker& worker,
                                     const std::string& request_id, const std::string& path);

}  // namespace accord::accordctl
