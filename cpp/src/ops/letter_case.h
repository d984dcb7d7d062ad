// Upper and lower case of letters in UTF-8.
#ifndef ARSENAL_SRC_OPS_LETTER_CASE_H_
#define ARSENAL_SRC_OPS_LETTER_CASE_H_

#include <cstdint>
#include <string_view>

namespace arsenal::runtime {

enum class LetterCase : std::uint8_t { kAsIs, kLower, kUpper };

// Writes `text` with its letters in that case to `to`, which has room for as many bytes as `text` has: one character
// becomes one character of as many bytes. Letters are those of the Latin (U+0000 to 017F, U+1E00 to 1EFF), Greek and
// Cyrillic (U+0370 to 052F) alphabets; all else stays as it is, as do letters that become several characters or
// characters of another length, and bytes that are no UTF-8. `to` may be where `text` is.
void change_case(std::string_view text, LetterCase wanted, char* to) noexcept;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_LETTER_CASE_H_
