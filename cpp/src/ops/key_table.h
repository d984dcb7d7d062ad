// Finds the position of a key in a fixed list: the heart of LabelEncoder.
#ifndef ARSENAL_SRC_OPS_KEY_TABLE_H_
#define ARSENAL_SRC_OPS_KEY_TABLE_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace arsenal::runtime {

// Keys sorted by hash, and where each bucket of hashes begins: built in O(n log n) whatever the keys are, so a model
// made to collide cannot stall a load.
class HashIndex {
 public:
  // `hashes[i]` is the hash of key i.
  explicit HashIndex(const std::vector<std::uint64_t>& hashes);

  // The first key in list order for which the hash is `hash` and is_key(position) holds; -1 if there is none.
  template <typename IsKey>
  std::int64_t find(std::uint64_t hash, const IsKey& is_key) const noexcept {
    const std::uint64_t bucket = hash >> shift_;
    for (std::uint32_t i = starts_[bucket]; i < starts_[bucket + 1]; ++i) {
      if (entries_[i].hash == hash && is_key(entries_[i].position)) return entries_[i].position;
    }
    return -1;
  }

 private:
  struct Entry {
    std::uint64_t hash;
    std::uint32_t position;
  };

  unsigned shift_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> starts_;
};

std::uint64_t hash_of(std::string_view key) noexcept;
std::uint64_t hash_of(std::int64_t key) noexcept;

class StringKeys {
 public:
  explicit StringKeys(const std::vector<std::string_view>& keys);

  std::int64_t find(std::string_view key) const noexcept {
    return index_.find(hash_of(key), [&](std::uint32_t position) {
      const std::size_t start = ends_[position];
      const std::size_t size = ends_[position + 1] - start;
      return size == key.size() && (size == 0 || std::memcmp(text_.get() + start, key.data(), size) == 0);
    });
  }

 private:
  HashIndex index_;
  // Key i is text_[ends_[i]] to text_[ends_[i + 1]].
  std::vector<std::size_t> ends_;
  std::unique_ptr<char[]> text_;
};

class IntegerKeys {
 public:
  explicit IntegerKeys(std::vector<std::int64_t> keys);

  std::int64_t find(std::int64_t key) const noexcept {
    return index_.find(hash_of(key), [&](std::uint32_t position) { return keys_[position] == key; });
  }

 private:
  HashIndex index_;
  std::vector<std::int64_t> keys_;
};

// NaN finds NaN, and -0 finds 0.
class RealKeys {
 public:
  explicit RealKeys(const std::vector<double>& keys);

  std::int64_t find(double key) const noexcept { return bits_.find(canonical_bits(key)); }

 private:
  static std::int64_t canonical_bits(double key) noexcept;

  IntegerKeys bits_;
};

// Bit by bit: NaN finds the same NaN alone, and -0 is not 0.
class BitKeys {
 public:
  explicit BitKeys(const std::vector<double>& keys);

  std::int64_t find(double key) const noexcept { return bits_.find(bits_of(key)); }

  static std::int64_t bits_of(double key) noexcept;

 private:
  IntegerKeys bits_;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_KEY_TABLE_H_
