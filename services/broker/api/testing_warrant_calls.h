// What an inspector asks by under a warrant, and what it was shown: for tests of warrants.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "common/base/status.h"
#include "common/ledger/trail_bundle.h"
#include "services/broker/api/testing_warrants.h"
#include "services/broker/api/testing_wire.h"

namespace accord::broker {

// Ines and omar are of ofsted; it is ines who asks unless another is named.
class WarrantCallsFixture : public WarrantFixture {
 protected:
  using QueryTrailRequest = inspection::v1::QueryTrailRequest;

  WarrantCallsFixture() {
    for (const char* id : {"ines", "omar"}) Enrol(id, "ofsted");
  }
  static QueryTrailRequest AboutReferral(const std::string& digest, const std::string& warrant) {
    QueryTrailRequest request;
    request.set_referral(digest);
    request.set_warrant(warrant);
    return request;
  }
  WireAnswer Trail(const std::string& principal, const QueryTrailRequest& request) { return Call(principal, kTrails + "QueryTrail", request); }
  // The reason, with the dimension; empty for OK.
  static std::string Refusal(const WireAnswer& answer) {
    if (answer.code == grpc::StatusCode::OK) return "";
    const ErrorDetail detail = DetailOf(rpc::FromGrpc(grpc::Status(answer.code, answer.words, answer.details)));
    std::string told(RowOf(detail.reason).name);
    for (const char* key : {"dimension", "state", "reason"}) {
      if (detail.metadata.contains(key)) told += " " + detail.metadata.at(key);
    }
    return told;
  }
  // The types of the rows; or why it was refused.
  std::string Shown(const WireAnswer& answer) {
    if (answer.code != grpc::StatusCode::OK) return Refusal(answer);
    const auto response = Only<inspection::v1::QueryTrailResponse>(answer);
    return TypesOf({response.rows().begin(), response.rows().end()});
  }
  static std::string TypesOf(const std::vector<inspection::v1::TrailRow>& rows) {
    std::set<std::string> types;
    for (const auto& row : rows) {
      const std::string type = row.has_event() ? type::v1::EventType_Name(row.event().type()).substr(11) : "closed";
      if (!type.ends_with("_OVERDUE")) types.insert(type);  // Whether a clock had its turn since the time was moved is nobody's here to say.
    }
    return fmt::format("{}", fmt::join(types, " "));
  }
  // By a filter: whatever concerns `agency`.
  static QueryTrailRequest Concerning(const std::string& agency, const std::string& warrant) {
    QueryTrailRequest request;
    request.mutable_filter()->add_agencies(agency);
    request.set_warrant(warrant);
    return request;
  }
  WireAnswer Stream(const QueryTrailRequest& query) {
    inspection::v1::StreamTrailRequest request;
    *request.mutable_query() = query;
    return Call("inspector/ines", kTrails + "StreamTrail", request);
  }
  std::string Streamed(const WireAnswer& answer) {
    std::vector<inspection::v1::TrailRow> rows;
    for (const std::string& message : answer.messages) {
      const auto page = Parse<inspection::v1::StreamTrailResponse>(message).page();
      rows.insert(rows.end(), page.rows().begin(), page.rows().end());
    }
    return answer.code != grpc::StatusCode::OK ? Refusal(answer) : TypesOf(rows);
  }
  WireAnswer Explain(const QueryTrailRequest& query) {
    inspection::v1::ExplainTrailRequest request;
    *request.mutable_query() = query;
    return Call("inspector/ines", kTrails + "ExplainTrail", request);
  }
  // The cells of one column, in order of the letters, with what they are known as; or why it was refused.
  template <typename Response>
  static std::string CellsOf(const WireAnswer& answer, int column, const std::map<std::string, std::string>& known_as = {}) {
    if (answer.code != grpc::StatusCode::OK) return Refusal(answer);
    std::set<std::string> cells;
    const auto response = Only<Response>(answer);
    for (const auto& row : response.table().rows()) {
      const auto found = known_as.find(row.cells(column));
      cells.insert(found == known_as.end() ? row.cells(column) : found->second);
    }
    return fmt::format("{}", fmt::join(cells, " "));
  }
  // How many entries of a bundle say anything.
  static size_t OpenedOf(const WireAnswer& answer) {
    std::map<std::string, std::string> files;
    std::string path;
    for (const std::string& message : answer.messages) {
      const auto piece = Parse<inspection::v1::ExportBundleResponse>(message);
      if (!piece.path().empty()) path = piece.path();
      files[path] += piece.chunk();
    }
    const std::string closed = ledger::FormatOpenings({});
    return static_cast<size_t>(std::count_if(files.begin(), files.end(), [&](const auto& file) {
      return file.first.ends_with(ledger::kOpeningsSuffix) && file.second != closed;
    }));
  }
};

}  // namespace accord::broker
