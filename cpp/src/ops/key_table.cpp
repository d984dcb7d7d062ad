#include "ops/key_table.h"

#include <algorithm>
#include <limits>

#include "failure.h"

namespace arsenal::runtime {

namespace {

constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15ULL;

std::uint64_t mixed(std::uint64_t h) noexcept {
  h ^= h >> 32;
  h *= kOdd;
  h ^= h >> 29;
  h *= kOdd;
  return h ^ h >> 32;
}

template <typename Keys>
std::vector<std::uint64_t> hashes_of(const Keys& keys) {
  if (keys.size() >= std::numeric_limits<std::uint32_t>::max()) {
    fail(ARSENAL_LIMIT_EXCEEDED, "it has %zu keys, supported are fewer than 2^32 - 1", keys.size());
  }
  std::vector<std::uint64_t> hashes;
  hashes.reserve(keys.size());
  for (const auto& key : keys) hashes.push_back(hash_of(key));
  return hashes;
}

}  // namespace

std::uint64_t hash_of(std::string_view key) noexcept {
  std::uint64_t h = kOdd * (key.size() + 1);
  const char* at = key.data();
  std::size_t left = key.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    h = mixed(h ^ word);
  }
  if (left > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, left);
    h ^= word;
  }
  return mixed(h);
}

std::uint64_t hash_of(std::int64_t key) noexcept { return mixed(static_cast<std::uint64_t>(key) + kOdd); }

HashIndex::HashIndex(const std::vector<std::uint64_t>& hashes) {
  // About two buckets per key.
  unsigned bits = 1;
  while (bits < 31 && (std::size_t{1} << bits) < 2 * hashes.size()) ++bits;
  shift_ = 64 - bits;
  entries_.reserve(hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) entries_.push_back({hashes[i], static_cast<std::uint32_t>(i)});
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.position < b.position;
  });
  starts_.resize((std::size_t{1} << bits) + 1);
  std::size_t next = 0;
  for (std::size_t bucket = 0; bucket < starts_.size(); ++bucket) {
    while (next < entries_.size() && entries_[next].hash >> shift_ < bucket) ++next;
    starts_[bucket] = static_cast<std::uint32_t>(next);
  }
}

StringKeys::StringKeys(const std::vector<std::string_view>& keys) : index_(hashes_of(keys)), ends_{0} {
  std::size_t bytes = 0;
  for (const std::string_view key : keys) ends_.push_back(bytes += key.size());
  text_ = std::make_unique<char[]>(bytes + 1);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!keys[i].empty()) std::memcpy(text_.get() + ends_[i], keys[i].data(), keys[i].size());
  }
}

IntegerKeys::IntegerKeys(std::vector<std::int64_t> keys) : index_(hashes_of(keys)), keys_(std::move(keys)) {}

namespace {

std::vector<std::int64_t> mapped(const std::vector<double>& keys, std::int64_t (*map)(double)) {
  std::vector<std::int64_t> bits;
  bits.reserve(keys.size());
  for (const double key : keys) bits.push_back(map(key));
  return bits;
}

}  // namespace

RealKeys::RealKeys(const std::vector<double>& keys)
    : bits_(mapped(keys, [](double key) { return canonical_bits(key); })) {}

std::int64_t RealKeys::canonical_bits(double key) noexcept {
  if (key == 0) key = 0;
  if (key != key) key = std::numeric_limits<double>::quiet_NaN();
  return BitKeys::bits_of(key);
}

BitKeys::BitKeys(const std::vector<double>& keys) : bits_(mapped(keys, [](double key) { return bits_of(key); })) {}

std::int64_t BitKeys::bits_of(double key) noexcept {
  std::int64_t bits;
  std::memcpy(&bits, &key, sizeof(bits));
  return bits;
}

}  // namespace arsenal::runtime
