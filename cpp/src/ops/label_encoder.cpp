// LabelEncoder and CategoryMapper: look each element up in a list of keys.
#include <algorithm>
#include <cstring>
#include <optional>
#include <type_traits>

#include "ops/key_table.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

template <typename Key>
auto lookup_key(const Key& key) noexcept {
  if constexpr (std::is_same_v<Key, arsenal_string>) {
    return std::string_view(key.data, key.size);
  } else if constexpr (std::is_integral_v<Key>) {
    return static_cast<std::int64_t>(key);
  } else {
    return static_cast<double>(key);
  }
}

// Copies the value for each key; an element of kBytes bytes.
template <std::size_t kBytes, typename Key, typename Keys>
void look_up(const Keys& keys, const char* values, std::int64_t fallback, const Key* from, std::int64_t count,
             char* to) noexcept {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t found = keys.find(lookup_key(from[i]));
    const std::int64_t position = found < 0 ? fallback : found;
    std::memcpy(to + static_cast<std::size_t>(i) * kBytes, values + static_cast<std::size_t>(position) * kBytes,
                kBytes);
  }
}

template <typename Key, typename Keys>
class LabelEncoder final : public Op {
 public:
  // `values` has one element per key, and the default behind them.
  LabelEncoder(Keys keys, Constant values) : keys_(std::move(keys)), values_(std::move(values)) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return true; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const std::int64_t count = element_count(in[0].shape);
    const std::int64_t fallback = values_.size() - 1;
    const char* values = values_.as<char>();
    const Key* from = in[0].as<Key>();
    char* to = out[0].mutable_as<char>();
    switch (dtype_size(values_.dtype())) {
      case 2:
        look_up<2>(keys_, values, fallback, from, count, to);
        break;
      case 4:
        look_up<4>(keys_, values, fallback, from, count, to);
        break;
      case 8:
        look_up<8>(keys_, values, fallback, from, count, to);
        break;
      default:
        look_up<sizeof(arsenal_string)>(keys_, values, fallback, from, count, to);
    }
    return true;
  }

 private:
  Keys keys_;
  Constant values_;
};

Shape list_shape(std::size_t size) { return make_shape({static_cast<std::int64_t>(size)}); }

template <typename T>
Constant list_of(std::int32_t dtype, const std::vector<T>& values) {
  Constant constant(dtype, list_shape(values.size()));
  if (!values.empty()) std::memcpy(constant.mutable_as<char>(), values.data(), values.size() * sizeof(T));
  return constant;
}

std::vector<std::string_view> strings_of(const Constant& constant) {
  std::vector<std::string_view> strings;
  for (std::int64_t i = 0; i < constant.size(); ++i) {
    const arsenal_string& element = constant.as<arsenal_string>()[i];
    strings.emplace_back(element.data, element.size);
  }
  return strings;
}

// The list that `<role>_strings`, `_int64s`, `_floats` or `_tensor` gives; exactly one of them must be there.
Constant listed(OpBuilder& builder, const std::string& role) {
  std::optional<Constant> list;
  const auto set = [&](Constant found) {
    if (list.has_value()) fail(ARSENAL_INVALID_MODEL, "it has more than one kind of %s", role.c_str());
    list.emplace(std::move(found));
  };
  if (builder.has(role + "_strings")) {
    const auto& values = builder.strings(role + "_strings");
    set(Constant::of_strings(values, list_shape(values.size())));
  }
  if (builder.has(role + "_int64s")) set(list_of(ARSENAL_INT64, builder.integers(role + "_int64s")));
  if (builder.has(role + "_floats")) set(list_of(ARSENAL_FLOAT, builder.reals(role + "_floats")));
  if (builder.version() >= 4) {
    if (const onnx::TensorProto* tensor = builder.tensor(role + "_tensor")) set(Constant::of_proto(*tensor));
  }
  if (!list.has_value()) fail(ARSENAL_INVALID_MODEL, "it has no %s", role.c_str());
  if (list->shape().rank != 1) fail(ARSENAL_INVALID_MODEL, "its %s are no list", role.c_str());
  return std::move(*list);
}

// `values` with the default appended.
Constant with_default(OpBuilder& builder, const Constant& values) {
  const std::string_view string = builder.string("default_string", "_Unused");
  const std::int64_t integer = builder.integer("default_int64", -1);
  const float real = builder.real("default_float", -0.0f);
  const onnx::TensorProto* proto = builder.version() >= 4 ? builder.tensor("default_tensor") : nullptr;
  std::optional<Constant> given;
  if (proto != nullptr) {
    given.emplace(Constant::of_proto(*proto));
    if (given->dtype() != values.dtype() || given->size() != 1) {
      fail(ARSENAL_INVALID_MODEL, "its default_tensor has %lld elements of dtype %s, wanted 1 of dtype %s",
           static_cast<long long>(given->size()), dtype_name(given->dtype()), dtype_name(values.dtype()));
    }
  }
  const auto count = static_cast<std::size_t>(values.size());
  if (values.dtype() == ARSENAL_STRING) {
    std::vector<std::string_view> all = strings_of(values);
    all.push_back(given.has_value() ? strings_of(*given)[0] : string);
    return Constant::of_strings(all, list_shape(all.size()));
  }
  Constant all(values.dtype(), list_shape(count + 1));
  const std::size_t element = dtype_size(values.dtype());
  if (count != 0) std::memcpy(all.mutable_as<char>(), values.as<char>(), count * element);
  char* last = all.mutable_as<char>() + count * element;
  const auto put = [&](auto value) { std::memcpy(last, &value, sizeof(value)); };
  if (given.has_value()) {
    std::memcpy(last, given->as<char>(), element);
    return all;
  }
  switch (values.dtype()) {
    case ARSENAL_INT16:
      put(static_cast<std::int16_t>(-1));
      break;
    case ARSENAL_INT32:
      put(static_cast<std::int32_t>(-1));
      break;
    case ARSENAL_INT64:
      put(integer);
      break;
    case ARSENAL_FLOAT:
      put(real);
      break;
    default:
      put(static_cast<double>(real));
  }
  return all;
}

template <typename T, typename Wide>
std::vector<Wide> widened(const Constant& keys) {
  return {keys.as<T>(), keys.as<T>() + keys.size()};
}

// The list from its end to its start; `n` of its elements, what is behind them stays.
Constant reversed(const Constant& list, std::int64_t n) {
  if (list.dtype() == ARSENAL_STRING) {
    std::vector<std::string_view> strings = strings_of(list);
    std::reverse(strings.begin(), strings.begin() + n);
    return Constant::of_strings(strings, list.shape());
  }
  Constant turned(list.dtype(), list.shape());
  const std::size_t element = dtype_size(list.dtype());
  for (std::int64_t i = 0; i < list.size(); ++i) {
    const std::int64_t from = i < n ? n - 1 - i : i;
    std::memcpy(turned.mutable_as<char>() + static_cast<std::size_t>(i) * element,
                list.as<char>() + static_cast<std::size_t>(from) * element, element);
  }
  return turned;
}

// Before version 4 of LabelEncoder the text has floats compared bit by bit.
std::unique_ptr<Op> bitwise_encoder(const Constant& keys, Constant values) {
  return std::make_unique<LabelEncoder<float, BitKeys>>(BitKeys(widened<float, double>(keys)), std::move(values));
}

std::unique_ptr<Op> encoder(const Constant& keys, Constant values) {
  switch (keys.dtype()) {
    case ARSENAL_STRING:
      return std::make_unique<LabelEncoder<arsenal_string, StringKeys>>(StringKeys(strings_of(keys)),
                                                                        std::move(values));
    case ARSENAL_INT64:
      return std::make_unique<LabelEncoder<std::int64_t, IntegerKeys>>(
          IntegerKeys(widened<std::int64_t, std::int64_t>(keys)), std::move(values));
    case ARSENAL_INT32:
      return std::make_unique<LabelEncoder<std::int32_t, IntegerKeys>>(
          IntegerKeys(widened<std::int32_t, std::int64_t>(keys)), std::move(values));
    case ARSENAL_INT16:
      return std::make_unique<LabelEncoder<std::int16_t, IntegerKeys>>(
          IntegerKeys(widened<std::int16_t, std::int64_t>(keys)), std::move(values));
    case ARSENAL_FLOAT:
      return std::make_unique<LabelEncoder<float, RealKeys>>(RealKeys(widened<float, double>(keys)), std::move(values));
    default:
      return std::make_unique<LabelEncoder<double, RealKeys>>(RealKeys(widened<double, double>(keys)),
                                                              std::move(values));
  }
}

void want_listed_dtype(const Constant& list, const char* role) {
  switch (list.dtype()) {
    case ARSENAL_STRING:
    case ARSENAL_INT64:
    case ARSENAL_INT32:
    case ARSENAL_INT16:
    case ARSENAL_FLOAT:
    case ARSENAL_DOUBLE:
      return;
    default:
      fail(ARSENAL_UNSUPPORTED, "its %s have dtype %s", role, dtype_name(list.dtype()));
  }
}

std::unique_ptr<Op> make_encoder(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  const Constant keys = listed(builder, "keys");
  const Constant values = listed(builder, "values");
  want_listed_dtype(keys, "keys");
  want_listed_dtype(values, "values");
  if (keys.size() != values.size()) {
    fail(ARSENAL_INVALID_MODEL, "it has %lld keys and %lld values", static_cast<long long>(keys.size()),
         static_cast<long long>(values.size()));
  }
  builder.want_dtype(0, {keys.dtype()});
  builder.add_output(values.dtype());
  Constant all = with_default(builder, values);
  if (!builder.follows_text()) return encoder(keys, std::move(all));
  if (builder.version() < 4) {
    return keys.dtype() == ARSENAL_FLOAT ? bitwise_encoder(keys, std::move(all)) : encoder(keys, std::move(all));
  }
  // Of equal keys the text has the last one count; a table finds the first.
  return encoder(reversed(keys, keys.size()), reversed(all, keys.size()));
}

// Version 1: strings to their position in `classes_strings`, or the other way round. Of equal strings the last counts,
// where later versions take the first.
std::unique_ptr<Op> make_encoder_v1(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.want_dtype(0, {ARSENAL_STRING, ARSENAL_INT64});
  std::vector<std::string_view> classes = builder.strings("classes_strings");
  std::vector<std::int64_t> positions(classes.size());
  for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int64_t>(i);
  const bool encodes = builder.input(0).dtype == ARSENAL_STRING;
  if (encodes) {
    std::reverse(classes.begin(), classes.end());
    std::reverse(positions.begin(), positions.end());
  }
  const Constant strings = Constant::of_strings(classes, list_shape(classes.size()));
  const Constant integers = list_of(ARSENAL_INT64, positions);
  const Constant& keys = encodes ? strings : integers;
  const Constant& values = encodes ? integers : strings;
  builder.add_output(values.dtype());
  return encoder(keys, with_default(builder, values));
}

// Strings to integers or the other way round, by two lists side by side.
std::unique_ptr<Op> make_category_mapper(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.want_dtype(0, {ARSENAL_STRING, ARSENAL_INT64});
  const std::vector<std::string_view>& names = builder.strings("cats_strings");
  const std::vector<std::int64_t>& numbers = builder.integers("cats_int64s");
  if (names.size() != numbers.size() || names.empty()) {
    fail(ARSENAL_INVALID_MODEL, "it has %zu strings and %zu int64, wanted as many of each and at least 1", names.size(),
         numbers.size());
  }
  const Constant strings = Constant::of_strings(names, list_shape(names.size()));
  const Constant integers = list_of(ARSENAL_INT64, numbers);
  const bool encodes = builder.input(0).dtype == ARSENAL_STRING;
  const Constant& keys = encodes ? strings : integers;
  const Constant& values = encodes ? integers : strings;
  builder.add_output(values.dtype());
  return encoder(keys, with_default(builder, values));
}

constexpr OpEntry kEntries[] = {
    {"ai.onnx.ml", "CategoryMapper", 1, make_category_mapper},
    {"ai.onnx.ml", "LabelEncoder", 1, make_encoder_v1},
    {"ai.onnx.ml", "LabelEncoder", 2, make_encoder},
    {"ai.onnx.ml", "LabelEncoder", 4, make_encoder},
};

}  // namespace

OpTable label_encoder_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
