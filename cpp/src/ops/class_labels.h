// The labels that a classifier of ai.onnx.ml gives: strings or integers, one per class.
#ifndef ARSENAL_SRC_OPS_CLASS_LABELS_H_
#define ARSENAL_SRC_OPS_CLASS_LABELS_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "plan/constant.h"
#include "plan/op.h"

namespace arsenal::runtime {

class ClassLabels {
 public:
  // What the attributes `classlabels_strings` and `integers` list. Throws Failure unless one of them has entries.
  ClassLabels(OpBuilder& builder, const char* integers);

  std::int32_t dtype() const noexcept { return labels_.dtype(); }
  std::size_t size() const noexcept { return static_cast<std::size_t>(labels_.size()); }
  Constant constant() && { return std::move(labels_); }

  // Writes the label of class `which` as element `row` of `labels`, which may be nullptr: not asked for.
  void write(void* labels, std::size_t row, std::size_t which) const noexcept {
    if (labels == nullptr) return;
    if (labels_.dtype() == ARSENAL_STRING) {
      static_cast<arsenal_string*>(labels)[row] = labels_.as<arsenal_string>()[which];
    } else {
      static_cast<std::int64_t*>(labels)[row] = labels_.as<std::int64_t>()[which];
    }
  }

 private:
  Constant labels_;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_CLASS_LABELS_H_
