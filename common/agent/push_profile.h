// What an agency without a service of its own may push: data of its configuration (docs/agencies/other.md).
#pragma once

#include <string>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"

namespace accord::agent {

inline constexpr size_t kPushProfilesMax = 16;

// One kind of push, a [[push]] of the configuration. Constant after start. Thread-compatible.
struct PushProfile {
  std::string name;                              // As the request names it.
  std::vector<type::v1::ReferralType> types;     // At least one; the first unless the request says another.
  std::vector<type::v1::Purpose> purposes;       // The same.
  std::vector<type::v1::Category> categories;    // Those a push may carry beside who it is about.
  std::vector<type::v1::AgencyKind> recipients;  // Kinds of the routing that are told when a push names nobody.
  bool childrens_services_if_concerned = true;   // They are told too, by default, when children are concerned.
};

}  // namespace accord::agent
