// accord-make-log: a signed copy of a log of any length, as `accordctl ledger export` would write one of a broker's, to measure
// and test what reads such copies. Development only: the key that it signs with is known to everybody.
//
// The entries are those of a broker in form and in what connects them: referrals live side by side, each with some ten entries, in
// one chain of its own and one of its case; cases have one to three referrals; every fiftieth entry is a query's, in the chain
// of its warrant. The commitments are random, for nothing that reads a copy can tell.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/version.h"
#include "common/ledger/checkpoint.h"
#include "common/ledger/leaf.h"
#include "common/ledger/tile_builder.h"

namespace accord {
namespace {

namespace fs = std::filesystem;

constexpr char kOrigin[] = "accord.example/northshire";
constexpr size_t kOpenReferrals = 4'000;    // At a time.
constexpr uint64_t kEntriesOfReferral = 10;
constexpr uint64_t kReferralsOfCase = 2;
constexpr uint64_t kWarrants = 20, kEntriesBetweenQueries = 50;
constexpr uint64_t kFirstTimeMs = 1'735'689'600'000, kEntryMs = 350;

// A generator of its own (SplitMix64), without FakeRandom's lock: a log of ten million entries needs 2.9 GB of it. Single-thread.
class Fast final : public Random {
 public:
  explicit Fast(uint64_t seed) : state_(seed) {}
  std::string Bytes(size_t count) override {
    std::string bytes(count, '\0');
    Fill(bytes.data(), count);
    return bytes;
  }
  void Fill(char* out, size_t count) {
    for (size_t at = 0; at < count; at += 8) {
      const uint64_t word = Next();
      std::memcpy(out + at, &word, std::min<size_t>(8, count - at));
    }
  }
  uint64_t Next() {
    uint64_t word = state_ += 0x9e3779b97f4a7c15;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
    word = (word ^ word >> 27) * 0x94d049bb133111eb;
    return word ^ word >> 31;
  }

 private:
  uint64_t state_;
};

// Where a chain ends so far.
struct ChainEnd {
  std::string pseudonym;
  uint64_t next_sequence = 0, last_index = ledger::kNoPreviousIndex;

  ledger::Chain Link(uint64_t index) {
    ledger::Chain chain{pseudonym, next_sequence++, last_index};
    last_index = index;
    return chain;
  }
};

class Writer {
 public:
  explicit Writer(fs::path directory) : directory_(std::move(directory)) {}

  void Put(const std::string& path, std::string_view bytes) {
    const fs::path to = directory_ / path;
    if (to.parent_path() != made_) fs::create_directories(made_ = to.parent_path());
    std::ofstream stream(to, std::ios::binary | std::ios::trunc);
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream) throw fs::filesystem_error("cannot be written", to, std::make_error_code(std::errc::io_error));
    bytes_ += bytes.size();
    ++files_;
  }
  uint64_t bytes() const { return bytes_; }
  uint64_t files() const { return files_; }

 private:
  const fs::path directory_;
  fs::path made_;
  uint64_t bytes_ = 0, files_ = 0;
};

class Log {
 public:
  explicit Log(uint64_t seed) : random_(seed) {
    for (uint64_t i = 0; i < kWarrants; ++i) warrants_.push_back({random_.Bytes(ledger::kPseudonymBytes)});
    for (size_t i = 0; i < kOpenReferrals; ++i) cases_.push_back({random_.Bytes(ledger::kPseudonymBytes)});
    referrals_ = cases_;
    for (ChainEnd& referral : referrals_) referral.pseudonym = random_.Bytes(ledger::kPseudonymBytes);
  }

  std::string Next(uint64_t index) {
    time_ms_ += random_.Next() % (2 * kEntryMs);
    std::vector<ledger::Chain> chains;
    const size_t slot = random_.Next() % kOpenReferrals;
    if (index % kEntriesBetweenQueries == kEntriesBetweenQueries - 1) {
      chains.push_back(warrants_[random_.Next() % kWarrants].Link(index));
    } else {
      if (random_.Next() % kEntriesOfReferral == 0) referrals_[slot] = {random_.Bytes(ledger::kPseudonymBytes)};
      if (random_.Next() % (kEntriesOfReferral * kReferralsOfCase) == 0) cases_[slot] = {random_.Bytes(ledger::kPseudonymBytes)};
      chains.push_back(referrals_[slot].Link(index));
    }
    chains.push_back(cases_[slot].Link(index));
    return ledger::EncodeLeaf(ledger::MakeLeaf(kOrigin, time_ms_, std::move(chains), {}, random_));
  }

 private:
  Fast random_;
  uint64_t time_ms_ = kFirstTimeMs;
  std::vector<ChainEnd> warrants_, cases_, referrals_;
};

void Make(uint64_t entries, const std::string& directory, uint64_t seed) {
  const auto signer = crypto::Ed25519Signer::FromSeed(std::string(32, 'm')).value();
  Writer files(directory);
  Log log(seed);
  ledger::TileBuilder tiles;
  const auto put = [&](const ledger::Tile& tile, std::string_view hashes) { files.Put(ledger::TilePath(tile), hashes); };
  std::vector<std::string> bundle;
  for (uint64_t index = 0; index < entries; ++index) {
    bundle.push_back(log.Next(index));
    tiles.Append(ledger::LeafHash(bundle.back()), put);
    if (bundle.size() < ledger::kTileWidth && index + 1 < entries) continue;
    files.Put(ledger::EntriesPath(index / ledger::kTileWidth, static_cast<uint32_t>(bundle.size())), ledger::EncodeBundle(bundle));
    bundle.clear();
  }
  tiles.EmitPartial(put);
  files.Put("vkey", ledger::Vkey::Make(kOrigin, ledger::kTypeEd25519, signer.verifier()).ToString() + "\n");
  files.Put("checkpoint", ledger::SignCheckpoint({kOrigin, entries, tiles.Root()}, signer));
  std::fputs(fmt::format("{} entries, {} files, {} bytes in {}\n", entries, files.files(), files.bytes(), directory).c_str(), stdout);
}

}  // namespace
}  // namespace accord

int main(int argc, char** argv) {
  CLI::App app("Makes a signed copy of a log of random entries, to measure with. Example:\n"
               "  accord-make-log --entries 1000000 --out /var/tmp/million\n",
               "accord-make-log");
  app.set_version_flag("--version", accord::kVersion);
  uint64_t entries = 0, seed = 1;
  std::string directory;
  app.add_option("--entries", entries, "How many")->required()->check(CLI::Range(uint64_t{0}, uint64_t{1'000'000'000}));
  app.add_option("--out", directory, "A directory that is not there yet, or is empty")->required();
  app.add_option("--seed", seed, "The same makes the same copy");
  CLI11_PARSE(app, argc, argv);
  std::error_code error;
  if (std::filesystem::exists(directory) && !std::filesystem::is_empty(directory, error)) {
    std::fprintf(stderr, "accord-make-log: %s is not empty\n", directory.c_str());
    return 2;
  }
  try {
    accord::Make(entries, directory, seed);
  } catch (const std::filesystem::filesystem_error& failed) {
    std::fprintf(stderr, "accord-make-log: %s\n", failed.what());
    return 1;
  }
  return 0;
}
