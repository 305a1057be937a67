// Random samples of cases for case tracking: stratified, and drawn again from the seed over the same log.
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "accord/inspection/v1/trail_service.pb.h"
#include "common/base/random.h"
#include "services/broker/directory/directory.h"
#include "services/broker/questions/question.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/trails/index.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {

inline constexpr uint32_t kSampleCasesMax = 500;
inline constexpr size_t kSampleSeedBytes = 16;
// Cases that there must be for each that is open, where a sample opens cases. Of fewer, whoever chooses period, areas and strata as good as chooses the case.
inline constexpr uint64_t kSampleCasesPerDrawn = 10;

// A case that may be drawn, as its newest referral of the period that is asked about has it.
struct SampleCase {
  std::string pseudonym, sender, area;
  type::v1::RiskGrade grade = type::v1::RISK_GRADE_UNSPECIFIED;
  bool child = false;  // In any of these referrals.
  uint64_t stored_index = 0;
};
// A case that was drawn, of which stratum.
struct SampleDrawn {
  SampleCase one;
  std::string stratum;
};
struct SampleStratumSize {
  std::string stratum;
  uint64_t cases = 0, drawn = 0;
};
struct Sample {
  std::vector<SampleDrawn> cases;  // In the order in which they were drawn, until ShuffleDrawn: numbered from 1.
  std::vector<SampleStratumSize> strata;
  uint64_t referrals = 0;  // Of which the frame was made.
  std::vector<std::string> pseudonyms() const;
};

// Draws `size` of `frame`, or all of fewer: each stratum has its share by the largest remainder, and at least one while there are as many cases to draw
// as strata, of which the largest come first otherwise. Within a stratum those come whose SHA-256 over `seed` and pseudonym is least: nobody can choose
// them who does not choose the seed, and everybody who has it finds the same. Pure.
Sample DrawFrom(const std::vector<SampleCase>& frame, const std::vector<inspection::v1::SampleStratum>& strata, uint32_t size, std::string_view seed);

// OK when it can be drawn under `scope`.
//   FIELD_MISSING, FIELD_INVALID  with `field`
//   WARRANT_SCOPE                 with `dimension`: areas or period outside the warrant, or a warrant for counts alone (`rows`)
absl::Status CheckSample(const inspection::v1::DrawSampleRequest& request, const Scope& scope, uint64_t log_size);

// OK when nobody chose a case that `sample`, of `frame`, would open; always under a scope that is not limited to samples. With a seed of the caller's nothing
// may be opened that is not open: it draws again. Else of each stratum at most one case in kSampleCasesPerDrawn is then open, those drawn earlier among them, so
// that drawing often opens no more. Neither error says how many cases there are. Pure.
//   WARRANT_SCOPE  `sample`: too few cases for as many
//   FIELD_INVALID  `seed`
absl::Status CheckLeftToChance(const std::vector<SampleCase>& frame, const Sample& sample, const inspection::v1::DrawSampleRequest& request, const Scope& scope);

// The sample over the first `tree_size` entries, of the cases that the warrant would cover were it not limited to samples. `seed` is that of the request, if it has
// one. Errors of ReferralsStored, CheckLeftToChance and of the view.
absl::StatusOr<Sample> DrawSample(const ReadView& view, const TrailKeys& keys, const DirectorySnapshot& directory, const Scope& scope,
                                  const inspection::v1::DrawSampleRequest& request, std::string_view seed, uint64_t tree_size);

// Puts the cases in any order. For who may have no identities: that in which they were drawn follows from seed and pseudonym, and so does the pseudonym from it.
void ShuffleDrawn(Random& random, Sample& sample);

// As a table, with what `scope` allows: no pseudonyms without identities, no small strata without small counts.
inspection::v1::Table SampleTable(const Sample& sample, const inspection::v1::DrawSampleRequest& request, const Scope& scope, uint64_t tree_size);

}  // namespace accord::broker
