#include "common/base/text.h"

#include <unicode/utf8.h>

namespace accord {

bool IsUtf8(std::string_view text) {
  int32_t at = 0;
  const auto length = static_cast<int32_t>(text.size());
  while (at < length) {
    UChar32 point = 0;
    U8_NEXT(text.data(), at, length, point);
    if (point < 0) return false;
  }
  return true;
}

}  // namespace accord
