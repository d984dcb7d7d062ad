#include "ops/letter_case.h"

#include <cstddef>
#include <cstring>
#include <iterator>

namespace arsenal::runtime {

namespace {

// Capitals first, first + step, ..., last, each of whose small letter is `to_small` further on.
struct Capitals {
  std::int32_t first;
  std::int32_t last;
  std::int32_t step;
  std::int32_t to_small;
};

// Unicode's simple case mappings, ascending; U+0130 and others that change their number of bytes are left out.
constexpr Capitals kCapitals[] = {
    {0x41, 0x5a, 1, 32},    {0xc0, 0xd6, 1, 32},   {0xd8, 0xde, 1, 32},   {0x100, 0x12e, 2, 1},
    {0x132, 0x136, 2, 1},   {0x139, 0x147, 2, 1},  {0x14a, 0x176, 2, 1},  {0x178, 0x178, 1, -121},
    {0x179, 0x17d, 2, 1},   {0x370, 0x372, 2, 1},  {0x376, 0x376, 1, 1},  {0x37f, 0x37f, 1, 116},
    {0x386, 0x386, 1, 38},  {0x388, 0x38a, 1, 37}, {0x38c, 0x38c, 1, 64}, {0x38e, 0x38f, 1, 63},
    {0x391, 0x3a1, 1, 32},  {0x3a3, 0x3ab, 1, 32}, {0x3cf, 0x3cf, 1, 8},  {0x3d8, 0x3ee, 2, 1},
    {0x3f7, 0x3f7, 1, 1},   {0x3f9, 0x3f9, 1, -7}, {0x3fa, 0x3fa, 1, 1},  {0x3fd, 0x3ff, 1, -130},
    {0x400, 0x40f, 1, 80},  {0x410, 0x42f, 1, 32}, {0x460, 0x480, 2, 1},  {0x48a, 0x4be, 2, 1},
    {0x4c0, 0x4c0, 1, 15},  {0x4c1, 0x4cd, 2, 1},  {0x4d0, 0x52e, 2, 1},  {0x1e00, 0x1e94, 2, 1},
    {0x1ea0, 0x1efe, 2, 1},
};

struct Letter {
  std::int32_t from;
  std::int32_t to;
};

// Variants of letters: their other case has another variant for its own.
constexpr Letter kToSmall[] = {{0x3f4, 0x3b8}};
constexpr Letter kToCapital[] = {
    {0xb5, 0x39c},                                                   // micro sign
    {0x3c2, 0x3a3},                                                  // final sigma
    {0x3d0, 0x392}, {0x3d1, 0x398}, {0x3d5, 0x3a6}, {0x3d6, 0x3a0},  // symbols
    {0x3f0, 0x39a}, {0x3f1, 0x3a1}, {0x3f5, 0x395}, {0x1e9b, 0x1e60},
};

template <std::size_t kCount>
std::int32_t variant(const Letter (&letters)[kCount], std::int32_t letter) noexcept {
  for (const Letter& known : letters) {
    if (known.from == letter) return known.to;
  }
  return letter;
}

std::int32_t small(std::int32_t letter) noexcept {
  for (const Capitals& capitals : kCapitals) {
    if (letter < capitals.first || letter > capitals.last) continue;
    return (letter - capitals.first) % capitals.step == 0 ? letter + capitals.to_small : letter;
  }
  return variant(kToSmall, letter);
}

std::int32_t capital(std::int32_t letter) noexcept {
  for (const Capitals& capitals : kCapitals) {
    const std::int32_t candidate = letter - capitals.to_small;
    if (candidate < capitals.first || candidate > capitals.last) continue;
    if ((candidate - capitals.first) % capitals.step == 0) return candidate;
  }
  return variant(kToCapital, letter);
}

bool continues(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// The character at the beginning of `text` if it has two or three bytes, and how many; `n_bytes` is 1 for all others.
std::int32_t decode(std::string_view text, std::size_t& n_bytes) noexcept {
  const auto bits = [&](std::size_t i, unsigned mask) { return static_cast<std::int32_t>(text[i] & mask); };
  const auto lead = static_cast<unsigned char>(text[0]);
  n_bytes = 1;
  if (lead >= 0xc2 && lead <= 0xdf && text.size() >= 2 && continues(text[1])) {
    n_bytes = 2;
    return bits(0, 0x1f) << 6 | bits(1, 0x3f);
  }
  if (lead >= 0xe1 && lead <= 0xef && text.size() >= 3 && continues(text[1]) && continues(text[2])) {
    n_bytes = 3;
    return bits(0, 0xf) << 12 | bits(1, 0x3f) << 6 | bits(2, 0x3f);
  }
  return lead < 0x80 ? lead : -1;
}

void encode(std::int32_t letter, std::size_t n_bytes, char* to) noexcept {
  constexpr unsigned kLead[] = {0, 0, 0xc0, 0xe0};
  for (std::size_t i = n_bytes - 1; i > 0; --i, letter >>= 6) to[i] = static_cast<char>(0x80 | (letter & 0x3f));
  to[0] = static_cast<char>(kLead[n_bytes] | static_cast<unsigned>(letter));
}

}  // namespace

void change_case(std::string_view text, LetterCase wanted, char* to) noexcept {
  if (wanted == LetterCase::kAsIs) {
    if (!text.empty()) std::memmove(to, text.data(), text.size());
    return;
  }
  while (!text.empty()) {
    std::size_t n_bytes;
    const std::int32_t letter = decode(text, n_bytes);
    const std::int32_t changed = wanted == LetterCase::kLower ? small(letter) : capital(letter);
    if (changed == letter) {
      std::memmove(to, text.data(), n_bytes);
    } else {
      encode(changed, n_bytes, to);
    }
    to += n_bytes;
    text.remove_prefix(n_bytes);
  }
}

}  // namespace arsenal::runtime
