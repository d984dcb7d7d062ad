#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

using Family = OpTable (*)();

// What models of trees and linear models are made of; then everything else.
constexpr Family kFamilies[] = {
    argmax_ops,
    arithmetic_ops,
    cast_ops,
    column_ops,
    concat_ops,
    feature_ops,
    gather_ops,
    gemm_ops,
    label_encoder_ops,
    linear_ops,
    matmul_ops,
    shape_ops,
    softmax_ops,
    tree_ops,
    unary_ops,
    zip_map_ops,
#ifndef ARSENAL_ONLY_TREES
    activation_ops,
    cdist_ops,
    compare_ops,
    compress_ops,
    constant_ops,
    cum_sum_ops,
    dropout_ops,
    gather_nd_ops,
    lp_normalization_ops,
    normalization_ops,
    one_hot_ops,
    pad_ops,
    power_ops,
    prelu_ops,
    quantize_ops,
    quantized_matmul_ops,
    range_ops,
    reduce_ops,
    scatter_ops,
    slice_ops,
    string_ops,
    svm_ops,
    tf_idf_ops,
    tile_ops,
    top_k_ops,
    variadic_ops,
#endif
};

#ifdef ARSENAL_ONLY_TREES
constexpr const char* kScope = ": this build has those of trees and linear models alone (ARSENAL_OPERATORS)";
#else
constexpr const char* kScope = "";
#endif

}  // namespace

std::int64_t newest_opset(std::string_view domain) noexcept {
  if (domain.empty()) return 28;
  if (domain == "ai.onnx.ml") return 5;
  return 0;
}

std::string_view domain_name(std::string_view domain) noexcept { return domain.empty() ? "ai.onnx" : domain; }

const OpEntry& find_op(std::string_view domain, std::string_view op_type, std::int64_t opset) {
  const OpEntry* best = nullptr;
  bool known = false;
  for (const Family family : kFamilies) {
    const OpTable table = family();
    for (std::size_t i = 0; i < table.count; ++i) {
      const OpEntry& entry = table.entries[i];
      if (op_type != entry.op_type || domain != entry.domain) continue;
      known = true;
      if (entry.since <= opset && (best == nullptr || entry.since > best->since)) best = &entry;
    }
  }
  if (best != nullptr) return *best;
  fail(ARSENAL_UNSUPPORTED, "operator %s of domain %s, opset %lld, is not supported%s", quoted(op_type).c_str(),
       quoted(domain_name(domain)).c_str(), static_cast<long long>(opset),
       known ? ": it is older than the versions that this runtime has" : kScope);
}

}  // namespace arsenal::runtime
