#include "tests/trails/make_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/crypto/testing_pki.h"
#include "common/referral/header.h"
#include "services/broker/broker.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/batch_context.h"
#include "services/broker/testing_config.h"

namespace accord::broker {
namespace {

namespace fs = std::filesystem;
using crypto::testing::Issued;

constexpr const char* kKinds[] = {"police", "childrens_services", "idva", "housing"};
constexpr const char* kRecipientKinds[] = {"childrens_services", "idva"};
constexpr const char* kBroker = "broker";
constexpr uint64_t kReferralsABatch = 1'000;
constexpr int kTemplates = 8;  // Of each police force.
constexpr size_t kCasesTold = 20'000;
constexpr type::v1::RiskGrade kGrades[] = {type::v1::RISK_GRADE_STANDARD, type::v1::RISK_GRADE_MEDIUM, type::v1::RISK_GRADE_HIGH};

// Writes files of one folder; the first error stays.
class Folder {
 public:
  explicit Folder(std::string root) : root_(std::move(root)) {}
  void Write(const std::string& name, const std::string& text) {
    if (status_.ok()) status_ = WriteFileDurably(root_ + "/" + name, text);
  }
  void WriteKey(const std::string& name, const Issued& issued) {
    Write(name + ".pem", issued.certificate.pem());
    Write(name + ".key", issued.key_pem);
  }
  const absl::Status& status() const { return status_; }

 private:
  const std::string root_;
  absl::Status status_;
};

// What a police force's referrals are made of: a header as it would be signed, with everything that is read of it.
absl::StatusOr<storage::v1::StoredReferral> MakeTemplate(int area, int number, const crypto::SigningKey& key, Random& random) {
  referral::HeaderParts parts;
  auto& core = parts.core;
  core.set_request_id(fmt::format("template-{}-{}", area, number));
  core.set_sender(StoreAgency("police", area));
  core.mutable_worker()->set_pseudonym(fmt::format("w{}", number));
  core.mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
  core.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
  core.set_type(type::v1::REFERRAL_TYPE_REFERRAL);
  core.set_purpose(type::v1::PURPOSE_SAFEGUARDING_ADULT);
  core.set_urgency(type::v1::URGENCY_ROUTINE);
  core.mutable_risk()->set_grade(kGrades[number % 3]);
  core.mutable_risk()->set_instrument(type::v1::INSTRUMENT_DARA);
  core.mutable_risk()->set_subject(type::v1::SUBJECT_ROLE_VICTIM);
  core.set_signed_at_ms(absl::ToUnixMillis(SystemClock().Now()));
  for (const char* kind : kRecipientKinds) {
    auto& recipient = parts.recipients.emplace_back();
    recipient.set_agency(StoreAgency(kind, area));
    recipient.set_capacity(type::v1::RECIPIENT_CAPACITY_NAMED);
  }
  auto& tag = parts.tags.emplace_back();
  tag.set_tag_id(NewId(random));
  tag.set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
  tag.set_consent(type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
  tag.set_article6(number % 2 == 0 ? type::v1::ARTICLE6_BASIS_PUBLIC_TASK : type::v1::ARTICLE6_BASIS_LEGAL_OBLIGATION);
  tag.set_article9(type::v1::ARTICLE9_CONDITION_SAFEGUARDING);
  tag.set_regime(type::v1::REGIME_DPA_PART3);
  for (const auto category : {type::v1::CATEGORY_IDENTITY, type::v1::CATEGORY_RISK, type::v1::CATEGORY_NARRATIVE}) {
    auto& section = parts.sections.emplace_back();
    section.set_section_id(NewId(random));
    section.set_category(category);
    section.set_tag_id(tag.tag_id());
    section.set_digest(random.Bytes(32));
  }
  for (const auto role : {type::v1::SUBJECT_ROLE_VICTIM, type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR}) {
    auto& subject = parts.subjects.emplace_back();
    subject.set_subject_id(NewId(random));
    subject.set_role(role);
    subject.set_age_band(type::v1::AGE_BAND_ADULT);
    auto& token = *subject.add_tokens();
    token.set_domain("northshire");
    token.set_token_key("2026-1");
    token.set_recipe(1);
    token.set_strong(true);
    token.set_token(random.Bytes(32));
  }
  ACCORD_ASSIGN_OR_RETURN(const referral::SignedHeader header, referral::SignHeader(parts, key, random));
  storage::v1::StoredReferral stored;
  *stored.mutable_header() = header.header;
  for (const auto& opening : header.openings) *stored.add_openings() = opening;
  stored.set_agreement_version("1");
  for (const auto& section : parts.sections) {
    for (const auto& recipient : parts.recipients) {
      auto& decision = *stored.add_decisions();
      decision.set_section_id(section.section_id());
      decision.set_category(section.category());
      decision.set_recipient(recipient.agency());
      decision.set_verdict(number == 0 && section.category() == type::v1::CATEGORY_NARRATIVE ? type::v1::VERDICT_WITHHOLD : type::v1::VERDICT_PERMIT);
      decision.set_rule_id("agreement/1/all");
    }
  }
  return stored;
}

struct StoreCase {
  std::string pseudonym;
  uint64_t slot = 0;
  int area = 0;
};

// The referrals of one batch, each of the next case. Of each what happens at once stands together; what people do about it later stands
// as many entries further on as there are referrals in the batch, as hours later on a busy day.
class StoreReferrals : public Command {
 public:
  StoreReferrals(std::vector<StoreCase>& cases, uint64_t first, uint64_t count, uint64_t wave,
                 const std::vector<std::vector<storage::v1::StoredReferral>>& templates)
      : cases_(cases), first_(first), count_(count), wave_(wave), templates_(templates) {}

  absl::Status Apply(CommitContext& context) override {
    std::vector<StoreReferral> referrals(count_);
    for (uint64_t i = 0; i < count_; ++i) ACCORD_RETURN_IF_ERROR(Begin(context, first_ + i, referrals[i]));
    for (const auto statement : {type::v1::STATEMENT_KIND_UNSPECIFIED, type::v1::STATEMENT_KIND_OPENED, type::v1::STATEMENT_KIND_ACCEPTED}) {
      for (const char* kind : kRecipientKinds) {
        for (const StoreReferral& referral : referrals) ACCORD_RETURN_IF_ERROR(GoOn(context, referral, kind, statement));
      }
    }
    for (const StoreReferral& referral : referrals) ACCORD_RETURN_IF_ERROR(Keep(context, referral));
    return absl::OkStatus();
  }
  void Done(const absl::StatusOr<Committed>&) override {}

 private:
  struct StoreReferral {
    uint64_t number = 0;
    std::string digest;
    CommitContext::NewChain chain;
    storage::v1::StoredReferral stored;
  };

  EntryDraft Draft(const StoreReferral& of, type::v1::EventType type, const std::string& actor, const std::string& recipient) const {
    EntryDraft entry;
    entry.chains = {of.chain.pseudonym, cases_[of.number].pseudonym};
    entry.event.set_type(type);
    entry.event.set_agreement_version("1");
    entry.actor.emplace().set_principal(actor);
    entry.actor->set_certificate(std::string(32, 'c'));
    if (actor != kBroker) {
      entry.actor->mutable_worker()->set_pseudonym(fmt::format("w{}", (of.number / kStoreAreas + wave_) % kWorkersEach));
      entry.actor->mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
      entry.actor->mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
    }
    auto& about = entry.referral.emplace();
    about.set_header_digest(of.digest);
    about.set_sender(StoreAgency("police", cases_[of.number].area));
    about.set_request_id(fmt::format("incident-{}-{}", of.number, wave_));
    about.set_recipient(recipient);
    return entry;
  }

  absl::Status Begin(CommitContext& context, uint64_t number, StoreReferral& referral) {
    StoreCase& of = cases_[number];
    of.area = static_cast<int>(number % kStoreAreas);
    if (of.pseudonym.empty()) {
      ACCORD_ASSIGN_OR_RETURN(const CommitContext::NewChain chain, context.OpenChain());
      of.pseudonym = chain.pseudonym, of.slot = chain.slot;
    }
    referral.number = number;
    referral.digest = context.RandomBytes(32);
    ACCORD_ASSIGN_OR_RETURN(referral.chain, context.OpenChain());
    storage::v1::StoredReferral& stored = referral.stored;
    stored = templates_[static_cast<size_t>(of.area)][(number + wave_) % kTemplates];
    stored.set_chain(referral.chain.pseudonym);
    stored.add_cases(of.pseudonym);
    stored.add_case_numbers(wave_);
    stored.set_stored_at_ms(absl::ToUnixMillis(context.now()));
    EntryDraft first = Draft(referral, type::v1::EVENT_TYPE_REFERRAL_STORED, "agency/" + StoreAgency("police", of.area), "");
    auto& decisions = first.decisions.emplace();
    *decisions.mutable_decisions() = stored.decisions();
    decisions.set_decision_digest(std::string(32, 'd'));
    ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(first));
    stored.set_stored_index(index);
    ACCORD_RETURN_IF_ERROR(context.AddEntry(Draft(referral, type::v1::EVENT_TYPE_CASE_FLAGGED, kBroker, "")));
    for (const char* kind : kRecipientKinds) {
      const std::string recipient = StoreAgency(kind, of.area);
      stored.add_recipients()->set_agency(recipient);
      ACCORD_RETURN_IF_ERROR(context.AddEntry(Draft(referral, type::v1::EVENT_TYPE_RELEASED, kBroker, recipient)));
    }
    return absl::OkStatus();
  }

  // Its delivery to a recipient, or what it states.
  absl::Status GoOn(CommitContext& context, const StoreReferral& referral, const char* kind, type::v1::StatementKind statement) {
    const std::string recipient = StoreAgency(kind, cases_[referral.number].area), actor = "agency/" + recipient;
    if (statement == type::v1::STATEMENT_KIND_UNSPECIFIED) return context.AddEntry(Draft(referral, type::v1::EVENT_TYPE_DELIVERED, actor, recipient)).status();
    EntryDraft entry = Draft(referral, type::v1::EVENT_TYPE_STATEMENT, actor, recipient);
    entry.event.set_statement(statement);
    type::v1::Statement said;
    said.set_key_id(std::string(32, 'k'));
    said.set_request_id(fmt::format("{}-{}", entry.referral->request_id(), static_cast<int>(statement)));
    said.set_agency(recipient);
    *said.mutable_worker() = entry.actor->worker();
    said.set_header_digest(referral.digest);
    said.set_kind(statement);
    said.set_acted_at_ms(absl::ToUnixMillis(context.now()));
    storage::v1::StoredStatement stored;
    stored.mutable_statement()->set_payload(said.SerializeAsString());
    stored.mutable_statement()->set_signature(std::string(64, 's'));
    entry.referral->set_statement_digest(context.RandomBytes(32));
    ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(entry));
    stored.set_index(index);
    return context.PutSealed(kFamilyStatement, StatementKey(referral.digest, entry.referral->statement_digest()), referral.chain.slot,
                             stored.SerializeAsString());
  }

  absl::Status Keep(CommitContext& context, const StoreReferral& referral) {
    const std::string& pseudonym = cases_[referral.number].pseudonym;
    storage::v1::StoredCase of_case;
    of_case.set_indexed(true);
    of_case.set_referrals(wave_ + 1);
    context.Put(kFamilyCase, pseudonym, of_case.SerializeAsString());
    context.Put(kFamilyCaseReferral, CaseReferralKey(pseudonym, wave_), referral.digest);
    return context.PutSealed(kFamilyReferral, referral.digest, referral.chain.slot, referral.stored.SerializeAsString());
  }

  std::vector<StoreCase>& cases_;
  const uint64_t first_, count_, wave_;
  const std::vector<std::vector<storage::v1::StoredReferral>>& templates_;
};

// Writes the entries into the store that `config` names, and what SomeCases tells.
absl::Status Fill(const BrokerConfig& config, uint64_t entries, const std::string& root,
                  const std::vector<std::vector<storage::v1::StoredReferral>>& templates) {
  const SystemClock clock;
  SystemRandom random;
  Executor executor(1, 64);
  ErasureSite erasures;
  ACCORD_ASSIGN_OR_RETURN(auto key, crypto::Ed25519Signer::FromPemFile(config.log_key));
  ACCORD_ASSIGN_OR_RETURN(auto master, LoadMasterKey(config.master_key));
  ACCORD_ASSIGN_OR_RETURN(const auto session, MakeStoreOpener(config, std::move(master), std::move(key), clock, random, executor, erasures)());
  std::vector<StoreCase> cases(std::max<uint64_t>(1, entries / kEntriesAReferral / kReferralsACase));
  const absl::Time begun = clock.Now(), first = begun - absl::Hours(24 * kStoreDays);
  const uint64_t referrals = cases.size() * kReferralsACase;
  uint64_t made = 0;
  for (uint64_t wave = 0; wave < kReferralsACase; ++wave) {
    for (uint64_t at = 0; at < cases.size(); at += kReferralsABatch) {
      const uint64_t count = std::min<uint64_t>(kReferralsABatch, cases.size() - at);
      const absl::Time now = first + (begun - first) * (static_cast<double>(made) / static_cast<double>(referrals));
      BatchContext context(*session->store, *session->slots, random, config.origin, session->ledger->size(), now, Epochs());
      StoreReferrals command(cases, at, count, wave, templates);
      ACCORD_RETURN_IF_ERROR(context.Run(command));
      storage::Batch batch = context.TakeState();
      for (const std::string& leaf : context.TakeLeaves()) session->ledger->Add(leaf, batch);
      session->ledger->Finish(batch);
      ACCORD_RETURN_IF_ERROR(session->store->Write(batch, /*sync=*/false));
      made += count;
      if (made / 50'000 != (made - count) / 50'000) {
        std::printf("%llu entries after %s\n", static_cast<unsigned long long>(made * kEntriesAReferral), absl::FormatDuration(clock.Now() - begun).c_str());
        std::fflush(stdout);
      }
    }
  }
  ACCORD_RETURN_IF_ERROR(session->settle());
  std::string some;
  for (size_t i = 0; i < std::min(kCasesTold, cases.size()); ++i) some += cases[i * cases.size() / std::min(kCasesTold, cases.size())].pseudonym;
  return WriteFileDurably(root + "/cases", some);
}

}  // namespace

std::string StoreArea(int area) { return fmt::format("E0800{:04}", area); }
std::string StoreAgency(const std::string& kind, int area) {
  std::string name = kind;
  std::replace(name.begin(), name.end(), '_', '-');
  return fmt::format("{}-{}", name, area);
}

absl::StatusOr<BrokerConfig> OpenStoreFolder(const std::string& root, uint64_t entries) {
  if (fs::exists(root + "/cases")) return MakeTestingConfig(root, kTestingDirectory);
  std::error_code error;
  if (!fs::create_directories(root, error)) return absl::FailedPreconditionError("the folder is there, and has no whole store");
  Folder folder(root);
  const crypto::testing::TestAuthority authority;
  SystemRandom random;
  std::string directory;
  std::vector<std::vector<storage::v1::StoredReferral>> templates(kStoreAreas);
  for (int area = 0; area < kStoreAreas; ++area) {
    for (const std::string kind : kKinds) {
      const std::string agency = StoreAgency(kind, area);
      const Issued signing = authority.IssueSigning(agency);
      folder.Write(agency + ".signing.pem", signing.certificate.pem());
      folder.Write(agency + ".sealing.pem", authority.IssueSealing(agency).certificate.pem());
      directory += DirectoryRow(agency, kind) + fmt::format("areas = [\"{}\"]\n", StoreArea(area));
      for (int number = 0; kind == "police" && number < kTemplates; ++number) {
        ACCORD_ASSIGN_OR_RETURN(auto made, MakeTemplate(area, number, signing.signing_key(), random));
        templates[static_cast<size_t>(area)].push_back(std::move(made));
      }
    }
  }
  folder.Write("directory.toml", directory);
  folder.Write("roots.pem", authority.pem());
  folder.WriteKey("tls", authority.IssueTls("broker/broker"));
  folder.WriteKey("alice", authority.IssueTls("admin/alice"));
  ACCORD_RETURN_IF_ERROR(folder.status());
  BrokerConfig config = MakeTestingConfig(root, kTestingDirectory);
  // Entry 0 is before all the others, as every entry is before the next.
  const FakeClock before(SystemClock().Now() - absl::Hours(24 * (kStoreDays + 1)));
  ACCORD_RETURN_IF_ERROR(InitBroker(config, before, random));
  ACCORD_RETURN_IF_ERROR(Fill(config, entries, root, templates));
  return config;
}

absl::StatusOr<std::vector<std::string>> SomeCases(const std::string& root) {
  ACCORD_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(root + "/cases"));
  std::vector<std::string> cases;
  for (size_t at = 0; at + kIdBytes <= bytes.size(); at += kIdBytes) cases.push_back(bytes.substr(at, kIdBytes));
  return cases;
}

}  // namespace accord::broker
