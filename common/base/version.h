// The version of every program of this project; also in the top CMakeLists.txt.
#pragma once

namespace accord {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace accord
