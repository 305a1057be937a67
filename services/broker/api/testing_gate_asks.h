// How a row of the table of testing_gate_paths.h is asked; for gate_test.cc.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "services/broker/api/testing_gate.h"

namespace accord::broker::gate {

// What is asked: the header digests that whoever asks can have heard of.
struct Question {
  Scene& scene;
  const std::string principal;
  const std::vector<std::string>& digests;
  std::string salt;  // Of request ids, so that none is asked twice.

  std::string agency() const { return IsAgency(principal) ? IdOf(principal) : "housing"; }
  std::string Id(std::string_view what) const { return fmt::format("{}-{}-{}", what, IdOf(principal), salt); }
};
using Ask = std::function<std::vector<WireAnswer>(const Question&, const std::string& method)>;

// One call with this request.
template <typename Request>
Ask Once(Request request = {}) {
  return [request](const Question& q, const std::string& method) { return std::vector{q.scene.Call(q.principal, method, request)}; };
}
// One call for each referral.
template <typename Request>
Ask OfEach(std::function<Request(const Question&, const std::string& digest)> make) {
  return [make](const Question& q, const std::string& method) {
    std::vector<WireAnswer> answers;
    for (const std::string& digest : q.digests) answers.push_back(q.scene.Call(q.principal, method, make(q, digest)));
    return answers;
  };
}
// Every page, of one row each.
template <typename Request>
std::vector<WireAnswer> Pages(const Question& q, const std::string& method, Request request) {
  std::vector<WireAnswer> answers;
  request.set_page_size(1);
  do {
    answers.push_back(q.scene.Call(q.principal, method, request));
    if (answers.back().messages.size() != 1) break;
    const auto response = NewResponse(method);
    EXPECT_TRUE(response->ParseFromString(answers.back().messages[0]));
    const auto* token = response->GetDescriptor()->FindFieldByName("next_page_token");
    request.set_page_token(response->GetReflection()->GetString(*response, token));
  } while (!request.page_token().empty());
  return answers;
}
template <typename Request>
Ask PagesOf(Request request = {}) {
  return [request](const Question& q, const std::string& method) { return Pages(q, method, request); };
}
// A statement on each referral, of a kind that the method takes.
template <typename Request>
Ask Statements(StatementKind kind, std::function<void(Statement&)> fill = nullptr) {
  return OfEach<Request>([kind, fill](const Question& q, const std::string& digest) {
    Request request;
    request.set_request_id(q.Id(StatementKind_Name(kind) + ToHex(digest.substr(0, 4))));
    *request.mutable_statement() = q.scene.Sign(q.agency(), request.request_id(), digest, kind, "", fill);
    return request;
  });
}

enum class What {
  kReferrals,  // Gives out something that can depend on a referral: the twin's answers are compared.
  kOther,      // Gives out something else that is stored.
  kWrite,      // Answers with what the caller brought, or with nothing; compared all the same.
};
struct Path {
  What what;
  const char* why;  // Of a write: why it shows nothing.
  Ask ask;
};

using Methods = std::map<std::string, Path>;

}  // namespace accord::broker::gate
