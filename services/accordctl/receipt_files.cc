#include "services/accordctl/receipt_files.h"

#include <nlohmann/json.hpp>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/ledger/trail_bundle.h"

namespace accord::accordctl {

std::string OpeningsJson(const google::protobuf::RepeatedPtrField<type::v1::Opening>& openings) {
  nlohmann::json array = nlohmann::json::array();
  for (const auto& opening : openings) {
    array.push_back(
        {{"label", opening.label()}, {"salt", ToBase64(opening.salt())}, {"content", ToBase64(opening.content())}});
  }
  return array.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

absl::Status WriteReceipt(const std::string& path, const type::v1::Receipt& receipt) {
  ACCORD_RETURN_IF_ERROR(WriteFileDurably(path + ledger::kOpeningsSuffix, OpeningsJson(receipt.openings()), kForOwner));
  return WriteFileDurably(path, receipt.tlog_proof(), kForEveryone);
}

}  // namespace accord::accordctl
