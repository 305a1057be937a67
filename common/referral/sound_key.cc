#include "common/referral/sound_key.h"

#include <absl/strings/str_join.h>
#include <unicode/translit.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "common/base/status.h"

namespace accord::referral {
namespace {

// ICU's transliterators keep no state between calls, and may be used by several threads.
const icu::Transliterator& ToRoman() {
  static const icu::Transliterator* const roman = [] {
    UErrorCode error = U_ZERO_ERROR;
    std::unique_ptr<icu::Transliterator> made(icu::Transliterator::createInstance("Any-Latin; Latin-ASCII", UTRANS_FORWARD, error));
    ACCORD_CHECK(U_SUCCESS(error) && made != nullptr);
    return made.release();
  }();
  return *roman;
}

std::string Romanised(std::string_view name) {
  // ASCII is what it becomes: nothing is to be looked up for most names.
  if (std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return std::string(name);
  auto text = icu::UnicodeString::fromUTF8(icu::StringPiece(name.data(), static_cast<int32_t>(name.size())));
  ToRoman().transliterate(text);
  std::string roman;
  text.toUTF8String(roman);
  return roman;
}

// "y", and "j" with it, which are as often one: "Yulia", "Julia" and "Ulia" are one name from another script.
bool IsVowel(char c) { return std::string_view("aeiouy").find(c) != std::string_view::npos; }

// How a group of letters sounds; the first that fits counts. "h" is silent but at the beginning of a word.
struct Sound {
  std::string_view letters, code;
};
constexpr std::array kSounds = {
    Sound{"sch", "s"}, Sound{"tch", "s"}, Sound{"chr", "kr"}, Sound{"ch", "s"}, Sound{"sh", "s"}, Sound{"zh", "s"}, Sound{"ts", "s"},
    Sound{"tz", "s"},  Sound{"ph", "f"},  Sound{"kh", "h"},   Sound{"gh", "g"}, Sound{"ck", "k"}, Sound{"dj", "y"}, Sound{"qu", "k"},
    Sound{"x", "ks"},  Sound{"ce", "s"},  Sound{"ci", "s"},   Sound{"cy", "s"}, Sound{"c", "k"},  Sound{"q", "k"},  Sound{"z", "s"},
    Sound{"v", "f"},   Sound{"w", "f"},   Sound{"j", "y"},
};

// The sound at the beginning of `rest`, and how many letters it has.
std::pair<std::string, size_t> NextSound(std::string_view rest) {
  for (const Sound& sound : kSounds) {
    if (rest.starts_with(sound.letters)) return {std::string(sound.code), sound.letters.size()};
  }
  return {std::string(1, rest.front()), 1};
}

}  // namespace

std::vector<std::string> RomanWords(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : Romanised(name)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool capital = c >= 'A' && c <= 'Z';
    if (letter || capital) {
      words.back().push_back(capital ? static_cast<char>(c - 'A' + 'a') : c);
    } else if (c != '\'' && c != '`' && !words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::string SoundOf(std::string_view word) {
  std::string key;
  char last = 0;  // Of the letters before, as they sound; 0 after a vowel, so that only doubled letters are one.
  for (size_t at = 0; at < word.size();) {
    const auto [codes, letters] = NextSound(word.substr(at));
    for (const char code : codes) {
      const bool vowel = IsVowel(code), silent = code == 'h';
      if (key.empty()) {
        key.push_back(vowel ? 'a' : code);
      } else if (!vowel && !silent && code != last) {
        key.push_back(code);
      }
      last = vowel || silent ? 0 : code;
    }
    at += letters;
  }
  return key;
}

std::string SoundKey(std::string_view name) {
  std::vector<std::string> words = RomanWords(name);
  for (std::string& word : words) word = SoundOf(word);
  std::sort(words.begin(), words.end());
  return absl::StrJoin(words, " ");
}

}  // namespace accord::referral
