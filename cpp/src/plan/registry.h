// Which operators there are: one table per family, each entry one version that changed an operator's meaning.
#ifndef ARSENAL_SRC_PLAN_REGISTRY_H_
#define ARSENAL_SRC_PLAN_REGISTRY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "plan/op.h"

namespace arsenal::runtime {

using OpFactory = std::unique_ptr<Op> (*)(OpBuilder& builder);

struct OpEntry {
  // "" is ai.onnx.
  const char* domain;
  const char* op_type;
  // The opset version that introduced this form; it holds until the operator's next entry.
  std::int64_t since;
  OpFactory make;
};

// A family's table.
struct OpTable {
  const OpEntry* entries;
  std::size_t count;
};

// The families, each defined in src/ops/<family>.cpp.
OpTable activation_ops() noexcept;
OpTable argmax_ops() noexcept;
OpTable arithmetic_ops() noexcept;
OpTable cast_ops() noexcept;
OpTable cdist_ops() noexcept;
OpTable column_ops() noexcept;
OpTable compare_ops() noexcept;
OpTable compress_ops() noexcept;
OpTable concat_ops() noexcept;
OpTable constant_ops() noexcept;
OpTable cum_sum_ops() noexcept;
OpTable dropout_ops() noexcept;
OpTable feature_ops() noexcept;
OpTable gather_ops() noexcept;
OpTable gather_nd_ops() noexcept;
OpTable gemm_ops() noexcept;
OpTable label_encoder_ops() noexcept;
OpTable linear_ops() noexcept;
OpTable lp_normalization_ops() noexcept;
OpTable matmul_ops() noexcept;
OpTable normalization_ops() noexcept;
OpTable one_hot_ops() noexcept;
OpTable pad_ops() noexcept;
OpTable power_ops() noexcept;
OpTable prelu_ops() noexcept;
OpTable quantize_ops() noexcept;
OpTable quantized_matmul_ops() noexcept;
OpTable range_ops() noexcept;
OpTable reduce_ops() noexcept;
OpTable scatter_ops() noexcept;
OpTable shape_ops() noexcept;
OpTable slice_ops() noexcept;
OpTable softmax_ops() noexcept;
OpTable string_ops() noexcept;
OpTable svm_ops() noexcept;
OpTable tf_idf_ops() noexcept;
OpTable tile_ops() noexcept;
OpTable top_k_ops() noexcept;
OpTable tree_ops() noexcept;
OpTable unary_ops() noexcept;
OpTable variadic_ops() noexcept;
OpTable zip_map_ops() noexcept;

// The newest opset of a domain that this runtime knows; 0 for a domain that it does not know.
std::int64_t newest_opset(std::string_view domain) noexcept;

// The form of an operator that `opset` selects. Throws Failure, naming operator, domain and version, if there is none.
const OpEntry& find_op(std::string_view domain, std::string_view op_type, std::int64_t opset);

// "ai.onnx" for "".
std::string_view domain_name(std::string_view domain) noexcept;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_PLAN_REGISTRY_H_
