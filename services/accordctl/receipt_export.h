// `accordctl receipt export`: every receipt that an agency holds, as files to hold against a copy of the log.
#pragma once

#include <map>
#include <string>

#include "accord/type/v1/entry.pb.h"
#include "services/accordctl/command_line.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// Names receipts by their entry: `17.tlog-proof`, and what is another receipt of an entry 17 `17-2.tlog-proof`: that of a
// forked log must not take the place of the first. Single-thread.
class ReceiptNames {
 public:
  // The name for a receipt; empty when it is byte for byte one that has a name. A receipt that does not parse is `malformed`.
  std::string NameOf(const type::v1::Receipt& receipt);

 private:
  std::map<std::string, std::map<std::string, std::string>> names_;  // Stem → digest of the receipt → name.
};

void AddReceiptExport(Command& receipt, Verb& chosen);

}  // namespace accord::accordctl
