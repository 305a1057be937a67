// What every fuzz target of this folder includes. A target is one function that libFuzzer calls with bytes of its own making, in
// the `fuzz` preset, and replay_main.cc with each file of the kept corpus, in all others. It says by ACCORD_CHECK what must hold of
// whatever comes in: a parser is never wrong by refusing, so the checks are about what it accepts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// Always returns 0; ends the process when a check fails. Keeps nothing from call to call but constants.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace accord::fuzz {

inline std::string_view Text(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

}  // namespace accord::fuzz
