// The rows of disclosures in the table of testing_gate_paths.h; for gate_test.cc.
#pragma once

#include <string>
#include <vector>

#include "accord/inspection/v1/disclosure_service.pb.h"
#include "accord/inspection/v1/trail_service.pb.h"
#include "common/base/bytes.h"
#include "services/broker/api/testing_gate_asks.h"

namespace accord::broker::gate {

// What housing has of it, as the inspector of the story asks.
inline inspection::v1::RequestDisclosureRequest AskFor(const Question& q, const std::string& digest) {
  inspection::v1::RequestDisclosureRequest request;
  request.set_request_id(q.Id("asks" + ToHex(digest.substr(0, 4))));
  request.set_referral(digest);
  request.set_agency("housing");
  request.set_warrant(std::string(kWarrant));
  return request;
}
inline std::vector<WireAnswer> Resolve(const Question& q, const std::string& method) {
  inspection::v1::RequestResolutionRequest request;
  request.set_request_id(q.Id("resolves"));
  request.set_agency("housing");
  request.set_warrant(std::string(kWarrant));
  request.add_case_pseudonyms(std::string(16, 'c'));
  return {q.scene.Call(q.principal, method, request)};
}
// Those of the story, and one that is not there.
template <typename Request>
std::vector<WireAnswer> EveryDisclosure(const Question& q, const std::string& method) {
  std::vector<WireAnswer> answers;
  std::vector<uint64_t> numbers = q.scene.disclosures;
  numbers.push_back(1'000'000);
  for (const uint64_t number : numbers) {
    Request request;
    request.set_number(number);
    answers.push_back(q.scene.Call(q.principal, method, request));
  }
  return answers;
}
// To each of them: no, once more.
inline std::vector<WireAnswer> RefuseEvery(const Question& q, const std::string& method) {
  std::vector<WireAnswer> answers;
  for (const uint64_t number : q.scene.disclosures) {
    answers.push_back(q.scene.Call(q.principal, method, q.scene.Refusing(q.Id("refuses"), q.agency(), number)));
  }
  return answers;
}

inline Methods DisclosurePaths() {
  return {
      {"RequestResolution", {What::kWrite, "answers with what was asked", Resolve}},
      {"ListDisclosures", {What::kReferrals, "", PagesOf<inspection::v1::ListDisclosuresRequest>()}},
      {"GetDisclosure", {What::kReferrals, "", EveryDisclosure<inspection::v1::GetDisclosureRequest>}},
      {"AnswerDisclosure", {What::kWrite, "answers with the disclosure and the receipt of the caller's own answer", RefuseEvery}},
      {"CollectDisclosure", {What::kReferrals, "", EveryDisclosure<inspection::v1::CollectDisclosureRequest>}},
  };
}

}  // namespace accord::broker::gate
