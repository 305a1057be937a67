// The pure parts: names, errors.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/crypto/testing_pki.h"
#include "common/rpc/error_mapping.h"
#include "common/rpc/identity.h"

namespace accord::rpc::rpc_test {
namespace {

using crypto::testing::TestAuthority;

TEST(SpiffeIdTest, ReadsTheForms) {
  const auto agency = ParseSpiffeId("spiffe://accord.test/agency/met-police/outbox");
  ASSERT_TRUE(agency.ok()) << agency.status();
  EXPECT_EQ(agency->trust_domain, "accord.test");
  EXPECT_EQ(agency->kind, PeerKind::kAgency);
  EXPECT_EQ(agency->id, "met-police");
  EXPECT_EQ(agency->workload, "outbox");
  for (const char* uri : {"spiffe://accord.test/agency/met-police/outbox", "spiffe://a/admin/alice",
                          "spiffe://a/inspector/hmicfrs", "spiffe://a/broker/main"}) {
    EXPECT_EQ(ParseSpiffeId(uri)->ToString(), uri);
  }
}

TEST(SpiffeIdTest, RefusesAllElse) {
  for (const char* uri :
       {"", "spiffe://", "spiffe://a", "spiffe://a/agency", "spiffe://a/agency/", "spiffe://a/agency/met/", "spiffe:///agency/met",
        "spiffe://a/agency/met/x/y", "SPIFFE://a/agency/met", "spiffe://A/agency/met", "spiffe://a/Agency/met",
        "spiffe://a/root/met", "spiffe://a/agency/Met", "spiffe://a/agency/met%20x", "spiffe://a:1/agency/met",
        "spiffe://u@a/agency/met", "spiffe://a/agency/met?x", "spiffe://a/agency/met#x", "spiffe://a/agency/../admin",
        "spiffe://a/agency/met/signing", "spiffe://a/agency/met/sealing", "https://a/agency/met", " spiffe://a/agency/met"}) {
    EXPECT_TRUE(HasReason(ParseSpiffeId(uri).status(), Reason::kUnauthenticated)) << uri;
  }
  EXPECT_FALSE(ParseSpiffeId("spiffe://" + std::string(600, 'a') + "/agency/met").ok());
  EXPECT_FALSE(ParseSpiffeId(std::string_view("spiffe://a/agency/met\0x", 23)).ok());
}

TEST(PeerReaderTest, ReadsACertificateAndKeepsIt) {
  const TestAuthority authority;
  const auto issued = authority.IssueTls("agency/met-police/outbox");
  PeerReader reader;
  const auto peer = reader.ReadPem(issued.certificate.pem());
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ((*peer)->ToString(), "spiffe://accord.test/agency/met-police/outbox");
  EXPECT_EQ((*peer)->fingerprint, issued.certificate.fingerprint());
  EXPECT_EQ((*peer)->public_key_id, issued.certificate.public_key_id());
  EXPECT_EQ((*peer)->not_before, issued.certificate.not_before());
  EXPECT_EQ(reader.ReadPem(issued.certificate.pem())->get(), peer->get());
}

TEST(PeerReaderTest, RefusesTwoNamesNoneAndNonsense) {
  const TestAuthority authority;
  PeerReader reader;
  const auto two = authority.Issue({.uris = {"spiffe://accord.test/agency/a", "spiffe://accord.test/agency/b"}});
  const auto none = authority.Issue({});
  for (const std::string& pem : {two.certificate.pem(), none.certificate.pem(), std::string("x"), std::string()}) {
    EXPECT_TRUE(HasReason(reader.ReadPem(pem).status(), Reason::kUnauthenticated));
  }
}

TEST(ErrorMappingTest, AReasonSurvivesTheHop) {
  for (const ReasonRow& row : AllReasons()) {
    const absl::Status sent = Error(row.reason, "do this", {{"field", "risk"}, {"retry_after_ms", "1500"}});
    const absl::Status got = FromGrpc(ToGrpc(sent));
    EXPECT_EQ(got, sent) << row.name;
    EXPECT_TRUE(HasReason(got, row.reason)) << row.name;
    EXPECT_EQ(DetailOf(got).metadata, DetailOf(sent).metadata);
  }
  EXPECT_TRUE(FromGrpc(ToGrpc(absl::OkStatus())).ok());
}

TEST(ErrorMappingTest, OthersCanReadTheDetails) {
  const grpc::Status status = ToGrpc(Error(Reason::kQueueFull, "wait", {{"retry_after_ms", "1500"}}));
  google::rpc::Status wire;
  ASSERT_TRUE(wire.ParseFromString(status.error_details()));
  EXPECT_EQ(wire.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(wire.message(), "wait");
  ASSERT_EQ(wire.details_size(), 2);
  google::rpc::ErrorInfo info;
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(wire.details(0).UnpackTo(&info));
  ASSERT_TRUE(wire.details(1).UnpackTo(&retry));
  EXPECT_EQ(info.reason(), "QUEUE_FULL");
  EXPECT_EQ(info.domain(), "accord");
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
}

TEST(ErrorMappingTest, TheTextOfAnErrorWithoutReasonStaysHere) {
  const grpc::Status status = ToGrpc(absl::DataLossError("/var/lib/accord: Ann Smith"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ((status.error_message() + status.error_details()).find("Smith"), std::string::npos);
  google::rpc::Status wire;
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(wire.ParseFromString(status.error_details()));
  ASSERT_TRUE(wire.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "INTERNAL");
}

TEST(ErrorMappingTest, WhatIsNotOursHasNoReason) {
  google::rpc::Status wire;
  google::rpc::ErrorInfo info;
  const auto received = [&](grpc::StatusCode code, std::string_view reason, std::string_view domain) {
    info.set_reason(std::string(reason));
    info.set_domain(std::string(domain));
    wire.clear_details();
    wire.add_details()->PackFrom(info);
    return FromGrpc(grpc::Status(code, "text", wire.SerializeAsString()));
  };
  EXPECT_TRUE(HasReason(received(grpc::StatusCode::INVALID_ARGUMENT, "FIELD_MISSING", "accord"), Reason::kFieldMissing));
  EXPECT_FALSE(HasReason(received(grpc::StatusCode::INVALID_ARGUMENT, "FIELD_MISSING", "other"), Reason::kFieldMissing));
  EXPECT_FALSE(HasReason(received(grpc::StatusCode::UNAVAILABLE, "FIELD_MISSING", "accord"), Reason::kFieldMissing));
  const absl::Status newer = received(grpc::StatusCode::ABORTED, "REASON_OF_NEXT_YEAR", "accord");
  EXPECT_EQ(newer.code(), absl::StatusCode::kAborted);
  EXPECT_FALSE(HasReason(newer, Reason::kInternal));
  EXPECT_EQ(FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "refused", "\xff\xff")).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(IsRetryable(FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "refused"))));
}

}  // namespace
}  // namespace accord::rpc::rpc_test
