#include "services/broker/directory/forums.h"

#include "accord/admin/v1/admin_service.pb.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {

absl::StatusOr<std::string> CoordinatorOf(CommitContext& context, std::string_view forum) {
  if (forum.empty()) return std::string();
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyPolicy, ForumKey(std::string(forum))));
  admin::v1::Forum row;
  if (bytes.has_value() && !row.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a forum does not parse");
  return row.active() ? row.coordinator() : std::string();
}

}  // namespace accord::broker
