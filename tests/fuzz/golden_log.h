// The log of tests/golden/vectors/checkpoint.json and receipt.json, as an inspector knows it: what is signed in its name, whatever
// a fuzzer makes of it, must be what the vectors say.
#pragma once

#include <vector>

#include "common/ledger/checkpoint.h"
#include "common/ledger/note.h"

namespace accord::fuzz {

inline constexpr std::string_view kGoldenText = "accord.test/northshire\n4\nTOUw+gJCX9DMjKhIggr0LN0AMZDZfz6KjY5Za6LXlOY=\n";

// Its note with the one cosignature of GoldenWitnesses.
inline constexpr std::string_view kGoldenCosigned =
    "accord.test/northshire\n4\nTOUw+gJCX9DMjKhIggr0LN0AMZDZfz6KjY5Za6LXlOY=\n\n"
    "\u2014 accord.test/northshire XZ/2UmTz9SFjkv4DNosXFkdT9OPMjS3Ki+LGg2ZIxSc/kw6NUjVHNf0oncemv00T3XqpU30VmpNhBUIIy4CfOBACTQw=\n"
    "\u2014 northshire-idva.accord.test vqrh8gAAAABpJIEF8Q57JF7Q8/ntqJjem2RpPu2dXiSFFOT4EQdTX+DH54PM0FXdqqS+ClrlOMav7wGc2qe7nn1UXjnWzmQz/NA/BQ==\n";

inline const ledger::Vkey& GoldenKey() {
  static const auto* const key =
      new ledger::Vkey(*ledger::Vkey::Parse("accord.test/northshire+5d9ff652+AQUR5bNnYs0RWkFlpCY1Mkl3jfD02ZuV7cBjmu+bj8+z"));
  return *key;
}

inline const std::vector<ledger::Vkey>& GoldenWitnesses() {
  static const auto* const keys = new std::vector<ledger::Vkey>{
      *ledger::Vkey::Parse("northshire-idva.accord.test+beaae1f2+BKQpHoZ66G0RFD+4q9m/+AYUjEohCYWW90TwKzaugxkE")};
  return *keys;
}

inline const ledger::Checkpoint& GoldenCheckpoint() {
  static const auto* const checkpoint = new ledger::Checkpoint(*ledger::ParseCheckpoint(kGoldenText));
  return *checkpoint;
}

}  // namespace accord::fuzz
