// ReduceSum, ReduceMean, ReduceMax and their kind: many elements along some axes become one.
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/math.h"
#include "ops/constants.h"
#include "ops/sums.h"
#include "ops/truncate.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// A reduction starts with start(), takes one element after the other by add(), in the order of memory, and ends with
// finish(), which is told how many there were.
template <typename T>
struct Summed {
  using Element = T;
  using Sum = Wide<T>;
  static Sum start() noexcept { return 0; }
  static Sum add(Sum sum, T x) noexcept { return sum + static_cast<Sum>(x); }
  static T finish(Sum sum, std::int64_t) noexcept { return narrowed<T>(sum); }
};

template <typename T>
struct Averaged : Summed<T> {
  static T finish(Wide<T> sum, std::int64_t count) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(sum / static_cast<double>(count));
    } else {
      return count == 0 ? T{0} : static_cast<T>(static_cast<std::int64_t>(sum) / count);
    }
  }
};

template <typename T>
struct Absolute : Summed<T> {
  static Wide<T> add(Wide<T> sum, T x) noexcept {
    return x < 0 ? sum - static_cast<Wide<T>>(x) : sum + static_cast<Wide<T>>(x);
  }
};

template <typename T>
struct Squared : Summed<T> {
  static Wide<T> add(Wide<T> sum, T x) noexcept { return sum + static_cast<Wide<T>>(x) * static_cast<Wide<T>>(x); }
};

template <typename T>
struct Length : Squared<T> {
  static T finish(Wide<T> sum, std::int64_t) noexcept { return static_cast<T>(std::sqrt(static_cast<double>(sum))); }
};

// Integers get the logarithm's integral part.
template <typename T>
T logarithm(double x) noexcept {
  if constexpr (std::is_integral_v<T>) return truncated<T>(x);
  return static_cast<T>(x);
}

template <typename T>
struct LogOfSum : Summed<T> {
  static T finish(Wide<T> sum, std::int64_t) noexcept {
    // Sums of integers are kept in unsigned numbers.
    using Exact = std::conditional_t<std::is_integral_v<T>, T, double>;
    return logarithm<T>(log(static_cast<double>(static_cast<Exact>(sum))));
  }
};

// In one pass: the sum is kept as exp(largest) times another, which is scaled anew when a larger element comes.
template <typename T>
struct LogOfSumOfExp {
  using Element = T;
  struct Sum {
    double largest;
    double scaled;
  };
  static Sum start() noexcept { return {-std::numeric_limits<double>::infinity(), 0}; }
  static Sum add(Sum sum, T element) noexcept {
    const auto x = static_cast<double>(element);
    // Infinities are equal to themselves, and their difference is NaN.
    if (x == sum.largest) return {x, sum.scaled + 1};
    if (x > sum.largest) return {x, sum.scaled * exp(sum.largest - x) + 1};
    return {sum.largest, sum.scaled + exp(x - sum.largest)};
  }
  static T finish(Sum sum, std::int64_t) noexcept { return logarithm<T>(sum.largest + log(sum.scaled)); }
};

template <typename T>
struct Multiplied : Summed<T> {
  static Wide<T> start() noexcept { return 1; }
  static Wide<T> add(Wide<T> product, T x) noexcept { return product * static_cast<Wide<T>>(x); }
};

// NaN where an element is NaN; over no element the end of the range.
template <typename T>
struct Largest {
  using Element = T;
  using Sum = T;
  static T start() noexcept {
    if constexpr (std::is_floating_point_v<T>) return -std::numeric_limits<T>::infinity();
    return std::numeric_limits<T>::lowest();
  }
  static T add(T best, T x) noexcept { return x > best || x != x ? x : best; }
  static T finish(T best, std::int64_t) noexcept { return best; }
};

template <typename T>
struct Smallest : Largest<T> {
  static T start() noexcept {
    if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::infinity();
    return std::numeric_limits<T>::max();
  }
  static T add(T best, T x) noexcept { return x < best || x != x ? x : best; }
};

// bool has an order, false below true, and is one byte.
template <>
struct Largest<Bool> {
  using Element = Bool;
  using Sum = Bool;
  static Bool start() noexcept { return Bool::kFalse; }
  static Bool add(Bool best, Bool x) noexcept { return to_bool(best != Bool::kFalse || x != Bool::kFalse); }
  static Bool finish(Bool best, std::int64_t) noexcept { return best; }
};

template <>
struct Smallest<Bool> : Largest<Bool> {
  static Bool start() noexcept { return Bool::kTrue; }
  static Bool add(Bool best, Bool x) noexcept { return to_bool(best != Bool::kFalse && x != Bool::kFalse); }
};

// Which axes go. Where none are named that is all of them, or, by attribute, none.
struct ReducedAxes {
  std::vector<std::int64_t> axes;
  bool all;
  bool keep;
};

// One axis of the input, in the order of memory.
struct ReducedAxis {
  std::int64_t extent;
  std::int64_t stride;
};

template <typename Reduction>
class Reduce final : public Op {
  using T = typename Reduction::Element;

 public:
  explicit Reduce(ReducedAxes axes) : axes_(std::move(axes)) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    bool gone[ARSENAL_MAX_RANK];
    if (!find_axes(from, gone, issue)) return false;
    Shape to{0, {}};
    for (std::int32_t d = 0; d < from.rank; ++d) {
      if (!gone[d]) {
        to.dims[to.rank++] = from.dims[d];
      } else if (axes_.keep) {
        to.dims[to.rank++] = 1;
      }
    }
    out[0].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    bool gone[ARSENAL_MAX_RANK];
    Issue issue;
    return inputs[0].shape.rank > 0 && find_axes(inputs[0].shape, gone, issue) && !gone[0];
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    bool gone[ARSENAL_MAX_RANK];
    if (!find_axes(from, gone, issue)) return false;
    Axes kept, reduced;
    std::int64_t stride = 1;
    for (std::int32_t d = from.rank - 1; d >= 0; --d) {
      (gone[d] ? reduced : kept).push(from.dims[d], stride);
      stride *= from.dims[d];
    }
    T* to = out[0].template mutable_as<T>();
    const T* elements = in[0].template as<T>();
    const std::int64_t count = reduced.count();
    const std::int64_t n_results = kept.count();
    for (std::int64_t i = 0; i < n_results; ++i) {
      const T* first = elements + kept.offset(i);
      typename Reduction::Sum sum = Reduction::start();
      if (reduced.rank == 1) {
        for (std::int64_t k = 0; k < count; ++k) sum = Reduction::add(sum, first[k * reduced.axes[0].stride]);
      } else {
        for (std::int64_t k = 0; k < count; ++k) sum = Reduction::add(sum, first[reduced.offset(k)]);
      }
      to[i] = Reduction::finish(sum, count);
    }
    return true;
  }

 private:
  // Some of the input's axes, from the innermost outwards; neighbours are merged.
  struct Axes {
    ReducedAxis axes[ARSENAL_MAX_RANK];
    std::int32_t rank = 0;

    void push(std::int64_t extent, std::int64_t stride) noexcept {
      if (rank > 0 && axes[rank - 1].extent * axes[rank - 1].stride == stride) {
        axes[rank - 1].extent *= extent;
      } else {
        axes[rank++] = {extent, stride};
      }
    }

    std::int64_t count() const noexcept {
      std::int64_t product = 1;
      for (std::int32_t d = 0; d < rank; ++d) product *= axes[d].extent;
      return product;
    }

    // Where the i-th element lies.
    std::int64_t offset(std::int64_t i) const noexcept {
      std::int64_t sum = 0;
      for (std::int32_t d = 0; d + 1 < rank; ++d) {
        sum += i % axes[d].extent * axes[d].stride;
        i /= axes[d].extent;
      }
      return rank == 0 ? 0 : sum + i * axes[rank - 1].stride;
    }
  };

  bool find_axes(const Shape& shape, bool* gone, Issue& issue) const noexcept {
    for (std::int32_t d = 0; d < shape.rank; ++d) gone[d] = axes_.all;
    for (const std::int64_t given : axes_.axes) {
      std::int32_t axis;
      if (!resolve_axis(given, shape.rank, axis)) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld does not exist in shape %s", static_cast<long long>(given),
                         ShapeText(shape).text);
      }
      gone[axis] = true;
    }
    return true;
  }

  ReducedAxes axes_;
};

// `kAxesInput`: the version from which on axes are an input.
template <template <typename> typename Reduction, std::int64_t kAxesInput, typename List>
std::unique_ptr<Op> make(OpBuilder& builder) {
  const bool has_axes_input = builder.version() >= kAxesInput;
  builder.want_inputs(1, has_axes_input ? 2 : 1);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  bool given = false;
  ReducedAxes axes;
  axes.axes = axes_of(builder, kAxesInput, given);
  axes.keep = builder.integer("keepdims", 1) != 0;
  const bool none = has_axes_input && builder.integer("noop_with_empty_axes", 0) != 0;
  axes.all = axes.axes.empty() && !none;
  return for_dtype_of(builder, 0, List(),
                      [&](auto zero) { return std::make_unique<Reduce<Reduction<decltype(zero)>>>(std::move(axes)); });
}

using WithBool = Dtypes<float, double, std::int32_t, std::int64_t, std::int8_t, std::uint8_t, Bool>;

constexpr OpEntry kEntries[] = {
    {"", "ReduceSum", 1, make<Summed, 13, Summable>},
    {"", "ReduceSum", 11, make<Summed, 13, Summable>},
    {"", "ReduceSum", 13, make<Summed, 13, Summable>},
    {"", "ReduceMean", 1, make<Averaged, 18, Summable>},
    {"", "ReduceMean", 11, make<Averaged, 18, Summable>},
    {"", "ReduceMean", 13, make<Averaged, 18, Summable>},
    {"", "ReduceMean", 18, make<Averaged, 18, Summable>},
    {"", "ReduceProd", 1, make<Multiplied, 18, Summable>},
    {"", "ReduceProd", 11, make<Multiplied, 18, Summable>},
    {"", "ReduceProd", 13, make<Multiplied, 18, Summable>},
    {"", "ReduceProd", 18, make<Multiplied, 18, Summable>},
    {"", "ReduceL1", 1, make<Absolute, 18, Summable>},
    {"", "ReduceL1", 11, make<Absolute, 18, Summable>},
    {"", "ReduceL1", 13, make<Absolute, 18, Summable>},
    {"", "ReduceL1", 18, make<Absolute, 18, Summable>},
    {"", "ReduceL2", 1, make<Length, 18, Summable>},
    {"", "ReduceL2", 11, make<Length, 18, Summable>},
    {"", "ReduceL2", 13, make<Length, 18, Summable>},
    {"", "ReduceL2", 18, make<Length, 18, Summable>},
    {"", "ReduceSumSquare", 1, make<Squared, 18, Summable>},
    {"", "ReduceSumSquare", 11, make<Squared, 18, Summable>},
    {"", "ReduceSumSquare", 13, make<Squared, 18, Summable>},
    {"", "ReduceSumSquare", 18, make<Squared, 18, Summable>},
    {"", "ReduceMax", 1, make<Largest, 18, Numbers>},
    {"", "ReduceMax", 11, make<Largest, 18, Numbers>},
    {"", "ReduceMax", 12, make<Largest, 18, Numbers>},
    {"", "ReduceMax", 13, make<Largest, 18, Numbers>},
    {"", "ReduceMax", 18, make<Largest, 18, Numbers>},
    {"", "ReduceMax", 20, make<Largest, 18, WithBool>},
    {"", "ReduceMin", 1, make<Smallest, 18, Numbers>},
    {"", "ReduceMin", 11, make<Smallest, 18, Numbers>},
    {"", "ReduceMin", 12, make<Smallest, 18, Numbers>},
    {"", "ReduceMin", 13, make<Smallest, 18, Numbers>},
    {"", "ReduceMin", 18, make<Smallest, 18, Numbers>},
    {"", "ReduceMin", 20, make<Smallest, 18, WithBool>},
    {"", "ReduceLogSum", 1, make<LogOfSum, 18, Summable>},
    {"", "ReduceLogSum", 11, make<LogOfSum, 18, Summable>},
    {"", "ReduceLogSum", 13, make<LogOfSum, 18, Summable>},
    {"", "ReduceLogSum", 18, make<LogOfSum, 18, Summable>},
    {"", "ReduceLogSum", 28, make<LogOfSum, 18, Reals>},
    {"", "ReduceLogSumExp", 1, make<LogOfSumOfExp, 18, Summable>},
    {"", "ReduceLogSumExp", 11, make<LogOfSumOfExp, 18, Summable>},
    {"", "ReduceLogSumExp", 13, make<LogOfSumOfExp, 18, Summable>},
    {"", "ReduceLogSumExp", 18, make<LogOfSumOfExp, 18, Summable>},
    {"", "ReduceLogSumExp", 28, make<LogOfSumOfExp, 18, Reals>},
};

}  // namespace

OpTable reduce_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
