// Referrals ready to be sent: 2 KB of plaintext in four sections, sealed for three recipients, signed.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <string>
#include <vector>

#include "accord/type/v1/referral.pb.h"
#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/random.h"
#include "common/ledger/note.h"
#include "services/bench/installation.h"

namespace accord::bench {

inline constexpr size_t kPlaintextBytes = 2048;
inline constexpr size_t kSections = 4;
inline constexpr size_t kRecipients = 3;

enum class Mode { kUnary, kStreamed };

// One request as it goes to the wire, and what its answer must name.
struct Submission {
  grpc::ByteBuffer request;
  std::string header_digest;
};

// Makes submissions from police to children's services, health and the Idva service, each with a request id, a header
// and a signature of its own, and every fourth about people of whom an earlier one spoke, so that cases
// link. Sealed sections are drawn from kSealedSets sets made once: sealing takes the sender milliseconds, and the
// broker, which cannot open them, has the same work with each. Thread-safe after Make.
class SubmissionMaker {
 public:
  static constexpr size_t kSealedSets = 64;

  // All references must outlive the result. INTERNAL when OpenSSL fails.
  static absl::StatusOr<SubmissionMaker> Make(const Installation& installation, Executor& executor, const Clock& clock,
                                              Random& random);

  // `count` submissions nobody has made before. Those of kStreamed are tagged from 1. On all threads of the
  // executor; waits for them. Single-thread.
  absl::StatusOr<std::vector<Submission>> Prepare(size_t count, Mode mode);

 private:
  struct SealedSet {
    type::v1::TagPart tag;
    std::vector<type::v1::SectionPart> parts;
    std::vector<type::v1::SealedSection> sections;
  };

  SubmissionMaker(const Installation& installation, Executor& executor, const Clock& clock, Random& random)
      : installation_(installation), executor_(executor), clock_(clock), random_(random) {}
  absl::StatusOr<SealedSet> Seal() const;
  absl::StatusOr<Submission> One(uint64_t number, uint64_t tag) const;

  const Installation& installation_;
  Executor& executor_;
  const Clock& clock_;
  Random& random_;
  std::vector<SealedSet> sealed_;
  uint64_t next_ = 0;
};

// Checks answers against what was sent. Thread-safe.
class AnswerChecker {
 public:
  // Every so many answers, the receipt's signature and inclusion are verified as well.
  static constexpr size_t kReceiptEvery = 64;

  explicit AnswerChecker(ledger::Vkey log) : log_(std::move(log)) {}

  // OK when the answer to `sent` says that it was stored as new, with every section permitted to every recipient,
  // under a receipt, which is verified if `verify`. INTERNAL, with what is wrong, otherwise.
  absl::Status Check(const Submission& sent, const grpc::ByteBuffer& answer, Mode mode, bool verify) const;

 private:
  const ledger::Vkey log_;
};

}  // namespace accord::bench
