// Goal: no call in a worker's name gets past the register, in any service of an agency. Method: every method of every agency service whose
// request names a worker, found in the descriptors, is called over the wire in the name of somebody who has left; a method that is added
// without the gate is found here. The same for whoever may not know of a referral.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "accord/agency/v1/attachments_service.pb.h"
#include "accord/agency/v1/disclosure_service.pb.h"
#include "accord/agency/v1/records_service.pb.h"
#include "accord/agency/v1/tenant_service.pb.h"
#include "accord/agency/v1/workers_service.pb.h"
#include "accord/forum/v1/forum_service.pb.h"
#include "accord/refer/v1/refer_service.pb.h"
#include "common/agent/testing_service.h"
#include "common/agent_rpc/agency_services.h"
#include "common/agent_rpc/testing_agency_files.h"
#include "common/referral/referral_name.h"
#include "common/rpc/client.h"
#include "common/rpc/error_mapping.h"
#include "common/rpc/server.h"
#include "common/rpc/tls.h"
#include "services/agency/api/forum_service.h"
#include "services/agency/api/refer_service.h"
#include "services/childrens/api/childrens_service.h"
#include "services/health/api/health_service.h"
#include "services/housing/api/housing_service.h"
#include "services/idva/api/idva_service.h"
#include "services/police/api/police_service.h"

namespace accord {
namespace {

using agent::AgentTest;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using ::testing::Contains;

constexpr int kTimeoutSeconds = 20;

// Every file with a service of an agency.
const std::vector<const FileDescriptor*>& ServiceFiles() {
  static const std::vector<const FileDescriptor*> files = {
      agency::v1::ListInboxRequest::descriptor()->file(),          agency::v1::PutWorkerRequest::descriptor()->file(),
      agency::v1::ExportRecordsRequest::descriptor()->file(),      agency::v1::UploadAttachmentRequest::descriptor()->file(),
      agency::v1::ReadDisclosureRequest::descriptor()->file(),
      agency::v1::UnlockRequest::descriptor()->file(),             police::v1::ReportIncidentRequest::descriptor()->file(),
      childrens::v1::DecideContactRequest::descriptor()->file(),   housing::v1::OpenApplicationRequest::descriptor()->file(),
      health::v1::ReferPatientRequest::descriptor()->file(),       idva::v1::ReferToMaracRequest::descriptor()->file(),
      refer::v1::ReferPersonRequest::descriptor()->file(),         forum::v1::RequestResearchRequest::descriptor()->file()};
  return files;
}

// Puts `worker` where the request names one; false when it names none.
bool NameWorker(Message& message, const type::v1::Worker& worker) {
  bool named = false;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_repeated()) continue;
    if (field->message_type() == type::v1::Worker::descriptor()) {
      message.GetReflection()->MutableMessage(&message, field)->CopyFrom(worker);
      named = true;
    } else if (field->message_type() == agency::v1::PushOptions::descriptor()) {
      named = NameWorker(*message.GetReflection()->MutableMessage(&message, field), worker) || named;
    }
  }
  return named;
}

// Puts `referral` where the request names a received referral; false when it names none.
bool NameReferral(Message& message, const std::string& referral) {
  static const std::set<std::string> kFields = {"referral", "contact", "notice"};
  bool named = false;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (field->type() != FieldDescriptor::TYPE_STRING || field->is_repeated() || !kFields.contains(field->name())) continue;
    message.GetReflection()->SetString(&message, field, referral);
    named = true;
  }
  return named;
}

class WorkerGateTest : public AgentTest {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(rpc::EnforceTls13().ok()); }

  void SetUp() override {
    SignWithKnownCertificate();
    const auto sealing = authority.IssueSealing("idva");
    idva.keys.sealing_certificate = sealing.certificate;  // What police seal for.
    broker.certificates["idva"] = sealing.certificate.der();
    const agent_rpc::AgencyConfig config = files_.Config(authority, "idva", sealing);
    auto runtime = agent_rpc::AgencyRuntime::Open(config, type::v1::AGENCY_KIND_IDVA, clock, system_random_, metrics_);
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    runtime_ = *std::move(runtime);
    services_ = agent_rpc::MakeAgencyServices(*runtime_);
    services_.push_back(std::make_unique<police::PoliceService>(*runtime_));
    services_.push_back(std::make_unique<childrens::ChildrensService>(*runtime_));
    services_.push_back(std::make_unique<housing::HousingService>(*runtime_));
    services_.push_back(std::make_unique<health::HealthService>(*runtime_));
    services_.push_back(std::make_unique<idva::IdvaService>(*runtime_));
    services_.push_back(std::make_unique<agency::ReferService>(*runtime_));
    services_.push_back(std::make_unique<agency::ForumService>(*runtime_));
    std::vector<grpc::Service*> services;
    for (const auto& service : services_) services.push_back(service.get());
    auto server = rpc::Server::Start(config.server, services);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto channel = rpc::MakeChannel({.target = "127.0.0.1:" + std::to_string(server_->port()),
                                     .tls = config.server.tls,
                                     .server_spiffe_id = crypto::testing::SpiffeId("agency/idva"),
                                     .share_connection = false});
    ASSERT_TRUE(channel.ok()) << channel.status();
    channel_ = *std::move(channel);
  }
  void TearDown() override {
    channel_.reset();
    if (server_ != nullptr) server_->Shutdown(absl::Seconds(5));
    server_.reset();
    services_.clear();
    runtime_.reset();
  }

  static type::v1::Worker Named(const std::string& pseudonym) {
    type::v1::Worker worker = agent::SomeWorker();
    worker.set_pseudonym(pseudonym);
    return worker;
  }
  void Enrol(const std::string& pseudonym, const type::v1::Person* conflict = nullptr) {
    agency::v1::WorkerRecord record;
    record.set_pseudonym(pseudonym);
    if (conflict != nullptr) *record.add_conflicts() = *conflict;
    const auto put = runtime_->workers().Put("put-" + pseudonym, record, Named("boss"), [&](std::string_view digest) { return runtime_->inbox().People(digest); });
    ASSERT_TRUE(put.ok()) << put.status();
  }
  // Whatever kind of method it is, its first message is a message.
  absl::Status Call(const MethodDescriptor& method, const Message& request) {
    grpc::ClientContext context;
    context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(kTimeoutSeconds, GPR_TIMESPAN)));
    const std::string path = "/" + method.service()->full_name() + "/" + method.name();
    const grpc::Slice slice(request.SerializeAsString());
    const grpc::ByteBuffer bytes(&slice, 1);
    std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
        grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
            channel_.get(), grpc::internal::RpcMethod(path.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING), &context));
    stream->Write(bytes);
    stream->WritesDone();
    grpc::ByteBuffer response;
    while (stream->Read(&response)) {
    }
    return rpc::FromGrpc(stream->Finish());
  }
  // Calls `visit` with every method that names a worker, and a request that names `worker`.
  void ForEachWorkerCall(const type::v1::Worker& worker, const std::function<void(const MethodDescriptor&, Message&)>& visit) {
    for (const FileDescriptor* file : ServiceFiles()) {
      for (int s = 0; s < file->service_count(); ++s) {
        for (int m = 0; m < file->service(s)->method_count(); ++m) {
          const MethodDescriptor& method = *file->service(s)->method(m);
          const std::unique_ptr<Message> request(
              google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type())->New());
          if (NameWorker(*request, worker)) visit(method, *request);
        }
      }
    }
  }

  SystemRandom system_random_;
  telemetry::Metrics metrics_;
  agent_rpc::AgencyFiles files_;
  std::unique_ptr<agent_rpc::AgencyRuntime> runtime_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<rpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(WorkerGateTest, EveryCallInALeaversNameIsRefusedAndInTheJournal) {
  Enrol("boss");
  Enrol("leaver");
  ASSERT_TRUE(runtime_->workers().End("leaver", Named("boss"), [](std::string_view) { return true; }).ok());
  std::set<std::string> called;
  ForEachWorkerCall(Named("leaver"), [&](const MethodDescriptor& method, Message& request) {
    const absl::Status refused = Call(method, request);
    EXPECT_TRUE(HasReason(refused, Reason::kWorkerLeft)) << method.full_name() << ": " << refused;
    called.insert(method.service()->name() + "/" + method.name());
  });
  EXPECT_GT(called.size(), 45u) << "the descriptors were not read";
  const auto journal = runtime_->journal().List(0, 500, "", "leaver");
  ASSERT_TRUE(journal.ok());
  std::set<std::string> refused;
  for (const auto& entry : journal->entries) {
    if (entry.act() == agency::v1::JOURNAL_ACT_REFUSED && entry.reason() == "WORKER_LEFT") refused.insert(entry.method());
  }
  EXPECT_EQ(refused, called);
}

TEST_F(WorkerGateTest, TheFirstToBeEnrolledIsWhoEnrols) {
  const MethodDescriptor& put = *agency::v1::PutWorkerRequest::descriptor()->file()->FindServiceByName("WorkersService")->FindMethodByName("PutWorker");
  int at = 0;
  const auto enrol = [&](const std::string& pseudonym, type::v1::WorkerRole role = type::v1::WORKER_ROLE_UNSPECIFIED) {
    agency::v1::PutWorkerRequest request;
    request.set_request_id("enrol-000" + std::to_string(++at));
    request.mutable_record()->set_pseudonym(pseudonym);
    if (role != type::v1::WORKER_ROLE_UNSPECIFIED) request.mutable_record()->add_roles(role);
    *request.mutable_worker() = Named("boss");
    return Call(put, request);
  };
  EXPECT_TRUE(HasReason(enrol("w-1"), Reason::kFieldInvalid)) << "boss could do nothing any more";
  EXPECT_TRUE(HasReason(enrol("boss", type::v1::WORKER_ROLE_SYSTEM), Reason::kFieldInvalid)) << "the same";
  EXPECT_TRUE(runtime_->workers().empty());
  EXPECT_EQ(enrol("boss", Named("boss").role()), absl::OkStatus());
  EXPECT_EQ(enrol("w-1"), absl::OkStatus());
}

TEST_F(WorkerGateTest, WhoeverIsNotNamedIsRefusedOnceThereIsARegister) {
  Enrol("boss");
  const agency::v1::ReadReferralRequest request;
  EXPECT_TRUE(HasReason(Call(*ServiceFiles()[0]->FindServiceByName("InboxService")->FindMethodByName("ReadReferral"), request), Reason::kFieldMissing));
  EXPECT_TRUE(HasReason(Call(*ServiceFiles()[0]->FindServiceByName("InboxService")->FindMethodByName("SearchInbox"), agency::v1::SearchInboxRequest()),
                        Reason::kFieldMissing));
}

TEST_F(WorkerGateTest, WhatAWorkerMayNotKnowOfIsToThemAsIfItWereNotThere) {
  type::v1::Person person;
  person.set_family_name("Ashdown");
  person.set_given_names("Miriam");
  person.add_dates_of_birth("1990-02-03");
  agent::Draft draft = agent::SomeDraft();
  *draft.sections[0].content.mutable_identity()->mutable_victim() = person;
  ASSERT_TRUE(police.outbox->Push(draft).ok());
  police.Settle();
  const auto delivery = DeliveryFor(idva);
  ASSERT_TRUE(runtime_->inbox().Receive(delivery).ok());
  const std::string name = referral::ReferralName(referral::DigestOf(delivery.referral().header()));
  Enrol("boss");
  Enrol("kin", &person);

  size_t named = 0;
  ForEachWorkerCall(Named("kin"), [&](const MethodDescriptor& method, Message& request) {
    if (!NameReferral(request, name)) return;
    ++named;
    const absl::Status refused = Call(method, request);
    EXPECT_TRUE(HasReason(refused, Reason::kReferralNotFound)) << method.full_name() << ": " << refused;
  });
  EXPECT_GT(named, 15u);

  const auto read = [&](const std::string& who, const std::string& referral) {
    agency::v1::ReadReferralRequest request;
    request.set_request_id("read-0001");
    request.set_referral(referral);
    *request.mutable_worker() = Named(who);
    return Call(*ServiceFiles()[0]->FindServiceByName("InboxService")->FindMethodByName("ReadReferral"), request);
  };
  const absl::Status barred = read("kin", name), unknown = read("kin", referral::ReferralName(std::string(32, 'x')));
  EXPECT_EQ(barred, unknown) << "not a word tells them apart";
  EXPECT_EQ(DetailOf(barred).metadata, DetailOf(unknown).metadata);
  EXPECT_TRUE(read("boss", name).ok());
  std::vector<std::string> reasons;
  const auto journal = runtime_->journal().List(0, 100, name, "kin");
  ASSERT_TRUE(journal.ok());
  for (const auto& entry : journal->entries) reasons.push_back(entry.reason());
  EXPECT_THAT(reasons, Contains("WORKER_BARRED"));
}

TEST_F(WorkerGateTest, WithoutARegisterNobodyIsAsked) {
  const absl::Status unknown = [&] {
    agency::v1::ReadReferralRequest request;
    request.set_request_id("read-0001");
    request.set_referral(referral::ReferralName(std::string(32, 'x')));
    *request.mutable_worker() = Named("anybody");
    return Call(*ServiceFiles()[0]->FindServiceByName("InboxService")->FindMethodByName("ReadReferral"), request);
  }();
  EXPECT_TRUE(HasReason(unknown, Reason::kReferralNotFound)) << unknown;
}

}  // namespace
}  // namespace accord
