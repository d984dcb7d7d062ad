#include "trial.h"

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace arsenal::test {

namespace {

constexpr std::int64_t kMostElements = 100000;

std::optional<std::int64_t> element_count(const std::vector<std::int64_t>& dims) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0 || dim > kMostElements || (count *= dim) > kMostElements) return std::nullopt;
  }
  return count;
}

arsenal_string word(std::uint64_t number) {
  static const std::vector<std::string> kWords = {"x",    "",   "zzz",  "a",           "b", "no", "yes",  "1", "-2.5",
                                                  "1e99", "\n", "ä ß!", "\xff\xfe\0z", "X", "yy", "word", " ", "0"};
  return string_element(kWords[number % kWords.size()]);
}

// A tensor in a block of exactly its size.
class Block {
 public:
  Block(std::int32_t dtype, std::vector<std::int64_t> dims, const Trial& trial)
      : dtype_(dtype), dims_(std::move(dims)), element_(arsenal_dtype_size(dtype)) {
    count_ = static_cast<std::size_t>(*element_count(dims_));
    memory_.resize(trial.misaligned + count_ * element_);
    auto stride = static_cast<std::int64_t>(element_);
    strides_.resize(dims_.size());
    for (std::size_t d = dims_.size(); d-- > 0;) {
      strides_[d] = stride;
      stride *= dims_[d];
    }
    first_ = static_cast<std::ptrdiff_t>(trial.misaligned);
    if (trial.is_reversed && !dims_.empty() && count_ > 0) {
      first_ += strides_[0] * (dims_[0] - 1);
      strides_[0] = -strides_[0];
    }
  }

  void fill(const Trial& trial) {
    for (std::size_t i = 0; i < count_; ++i) {
      char* const to = memory_.data() + trial.misaligned + i * element_;
      const std::uint64_t bits = trial.next();
      if (dtype_ == ARSENAL_STRING) {
        const arsenal_string text = word(bits);
        std::memcpy(to, &text, sizeof(text));
      } else if (dtype_ == ARSENAL_BOOL) {
        *to = static_cast<char>(bits & 1);
      } else {
        std::memcpy(to, &bits, element_);
      }
    }
  }

  arsenal_input input() const { return {address(), dtype_, rank(), dims_.data(), strides_.data()}; }
  arsenal_output output() { return {address(), dtype_, rank(), dims_.data(), strides_.data()}; }
  Extents extents() const { return {dims_.data(), dims_.size()}; }

 private:
  std::int32_t rank() const { return static_cast<std::int32_t>(dims_.size()); }
  char* address() const { return const_cast<char*>(memory_.data()) + first_; }

  std::int32_t dtype_;
  std::vector<std::int64_t> dims_;
  std::size_t element_;
  std::size_t count_ = 0;
  std::vector<char> memory_;
  std::ptrdiff_t first_ = 0;
  std::vector<std::int64_t> strides_;
};

std::optional<std::vector<Block>> feed(const Session& session, const Trial& trial) {
  std::vector<Block> blocks;
  for (const ValueInfo& info : session.inputs()) {
    std::vector<std::int64_t> dims = {trial.n_rows, 2};
    if (info.has_rank) dims = info.dims;
    for (std::int64_t& dim : dims) dim = dim < 0 ? trial.n_rows : dim;
    if (!dims.empty()) dims.back() += trial.more_columns;
    if (!element_count(dims)) return std::nullopt;
    blocks.emplace_back(info.dtype, std::move(dims), trial);
    blocks.back().fill(trial);
  }
  return blocks;
}

void run_output(const Session& session, const std::vector<Block>& blocks, std::size_t output, const Trial& trial) {
  std::vector<Extents> shapes;
  std::vector<arsenal_input> inputs;
  for (const Block& block : blocks) {
    shapes.push_back(block.extents());
    inputs.push_back(block.input());
  }
  const auto binding = session.bind(shapes, {output});
  const Extents& shape = binding.output_shapes[0];
  std::vector<std::int64_t> dims(shape.data(), shape.data() + shape.size());
  if (!element_count(dims)) return;
  Block result(session.outputs()[output].dtype, std::move(dims), trial);
  const arsenal_output written = result.output();
  check(arsenal_session_run(session.get(), inputs.data(), inputs.size(), &output, &written, 1, nullptr, 0));
}

}  // namespace

bool run_trial(const Session& session, const Trial& trial) {
  const auto blocks = feed(session, trial);
  if (!blocks) return false;
  for (std::size_t output = 0; output < session.outputs().size(); ++output) {
    try {
      run_output(session, *blocks, output, trial);
    } catch (const Error& error) {
      const bool is_defect = error.status() == ARSENAL_INTERNAL_ERROR || error.status() == ARSENAL_INVALID_ARGUMENT;
      if (is_defect || error.what()[0] == '\0') throw std::logic_error(std::string("a run ended so: ") + error.what());
    }
  }
  return true;
}

}  // namespace arsenal::test
