// Names as they sound, for weak subject tokens (docs/formats.md §11): so that "Анна", "Anna" and "Ana" meet. Pure. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace accord::referral {

// `name` in the letters a to z and digits, as its words, in their order: transliterated (ICU "Any-Latin; Latin-ASCII"), case folded, marks and
// apostrophes dropped. Words of which nothing is left are left out.
std::vector<std::string> RomanWords(std::string_view name);

// The consonants of a word that RomanWords gave, as they sound in the languages that share names; a first vowel is kept as "a".
// "mohammed", "muhammad" and "mohamed" are one; so are "yusuf" and "jousef". Empty for an empty word alone.
std::string SoundOf(std::string_view word);

// SoundOf every word, sorted, joined by one space.
std::string SoundKey(std::string_view name);

}  // namespace accord::referral
