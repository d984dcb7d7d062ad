#include "ops/class_labels.h"

#include <algorithm>

namespace arsenal::runtime {

namespace {

Constant labels_of(OpBuilder& builder, const char* name) {
  const std::vector<std::string_view>& strings = builder.strings("classlabels_strings");
  const std::vector<std::int64_t>& integers = builder.integers(name);
  if (strings.empty() == integers.empty()) {
    fail(ARSENAL_INVALID_MODEL, "it has %zu string labels and %zu int64 labels, wanted one kind", strings.size(),
         integers.size());
  }
  if (!strings.empty()) {
    return Constant::of_strings(strings, make_shape({static_cast<std::int64_t>(strings.size())}));
  }
  Constant labels(ARSENAL_INT64, make_shape({static_cast<std::int64_t>(integers.size())}));
  std::copy(integers.begin(), integers.end(), labels.mutable_as<std::int64_t>());
  return labels;
}

}  // namespace

ClassLabels::ClassLabels(OpBuilder& builder, const char* integers) : labels_(labels_of(builder, integers)) {}

}  // namespace arsenal::runtime
