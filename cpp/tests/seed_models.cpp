#include "seed_models.h"

#include <cmath>

#include "arsenal/runtime.h"
#include "forest.h"

namespace arsenal::test {

std::vector<std::string> seed_models() {
  std::vector<std::string> models;
  ForestShape shape{4, 6, 3, 2, {"BRANCH_LEQ", "BRANCH_GT", "BRANCH_EQ"}, 8, true};
  models.push_back(regressor_model(random_forest<float>(shape)));
  models.push_back(regressor_model(random_forest<double>(shape)));
  const auto labels = attribute("classlabels_strings", std::vector<std::string>{"a", "b"});
  models.push_back(classifier_model(random_forest<float>(shape), {labels, attribute("post_transform", "SOFTMAX")}));
  shape.n_targets = 1;
  shape.member_every = 2;
  models.push_back(ensemble_model(random_forest<float>(shape)));
  const auto forest = random_forest<double>(shape);

  ModelSpec table;
  table.inputs = {value_info("a", ARSENAL_DOUBLE, {"N", 1}), value_info("b", ARSENAL_INT64, {"N", 1}),
                  value_info("c", ARSENAL_STRING, {"N", 1})};
  table.initializers = {tensor("one", {}, std::vector<double>{1}),
                        tensor("classes", {2}, std::vector<std::string>{"no", "yes"})};
  table.nodes = {
      node("LabelEncoder", {"c"}, {"code"},
           {attribute("keys_strings", std::vector<std::string>{"x", "yy", "zzz"}),
            attribute("values_tensor", tensor("", {3}, std::vector<double>{1, 2, 3}))},
           "ml"),
      node("Cast", {"b"}, {"number"}, {attribute("to", ARSENAL_DOUBLE)}),
      node("Concat", {"a", "number", "code"}, {"row"}, {attribute("axis", 1)}),
      node("TreeEnsemble", {"row"}, {"raw"}, indexed_attributes(forest), "ml"),
      node("Sigmoid", {"raw"}, {"p"}),
      node("Sub", {"one", "p"}, {"q"}),
      node("Concat", {"q", "p"}, {"probabilities"}, {attribute("axis", 1)}),
      node("ArgMax", {"probabilities"}, {"index"}, {attribute("axis", 1), attribute("keepdims", 0)}),
      node("Gather", {"classes", "index"}, {"label"}),
  };
  table.outputs = {value_info("label", ARSENAL_STRING, {"N"}), value_info("probabilities", ARSENAL_DOUBLE, {"N", 2})};
  table.metadata = {{"key", "value"}};
  models.push_back(model(table));

  ModelSpec shapes;
  shapes.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 2, 3})};
  shapes.initializers = {tensor("target", {2}, std::vector<std::int64_t>{-1, 6}),
                         tensor("axes", {1}, std::vector<std::int64_t>{1}),
                         tensor("half", {1, 6}, std::vector<float>{1, 2, 3, 4, 5, 6})};
  shapes.nodes = {
      node("Reshape", {"X", "target"}, {"flat"}),
      node("Constant", {}, {"two"}, {attribute("value_floats", std::vector<float>{2})}),
      node("Mul", {"flat", "two"}, {"m"}),
      node("Div", {"m", "half"}, {"d"}),
      node("Add", {"d", "flat"}, {"s"}),
      node("Greater", {"s", "flat"}, {"g"}),
      node("Where", {"g", "s", "flat"}, {"w"}),
      node("Softmax", {"w"}, {"p"}),
      node("Unsqueeze", {"p", "axes"}, {"u"}),
      node("Squeeze", {"u", "axes"}, {"q"}),
      node("Flatten", {"q"}, {"f"}),
      node("Neg", {"f"}, {"n"}),
      node("Exp", {"n"}, {"e"}),
      node("Identity", {"e"}, {"Y"}),
      node("Less", {"flat", "two"}, {"L"}),
  };
  shapes.outputs = {value_info("Y", ARSENAL_FLOAT), value_info("L", ARSENAL_BOOL)};
  models.push_back(model(shapes));

  ModelSpec columns;
  columns.opset = 18;
  columns.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 6})};
  columns.initializers = {tensor("ends", {1}, std::vector<std::int64_t>{5}),
                          tensor("ones", {1}, std::vector<std::int64_t>{1}),
                          tensor("wide", {2}, std::vector<std::int64_t>{1, 4}),
                          tensor("low", {}, std::vector<float>{-2}),
                          tensor("high", {}, std::vector<float>{2}),
                          tensor("places", {1, 2}, std::vector<std::int64_t>{0, -1})};
  columns.nodes = {
      node("Slice", {"X", "ones", "ends", "ones"}, {"s"}),
      node("Split", {"s"}, {"left", "right"}, {attribute("axis", 1), attribute("num_outputs", 2)}),
      node("Clip", {"left", "low", "high"}, {"clipped"}),
      node("Abs", {"right"}, {"size"}),
      node("Sqrt", {"size"}, {"root"}),
      node("Log", {"root"}, {"log"}),
      node("Pow", {"clipped", "log"}, {"power"}),
      node("Max", {"power", "left", "low"}, {"most"}),
      node("Mean", {"most", "right"}, {"mean"}),
      node("IsNaN", {"mean"}, {"nan"}),
      node("IsInf", {"mean"}, {"inf"}),
      node("LessOrEqual", {"left", "right"}, {"le"}),
      node("Equal", {"left", "right"}, {"eq"}),
      node("Or", {"nan", "inf"}, {"bad"}),
      node("And", {"le", "bad"}, {"both"}),
      node("Not", {"both"}, {"good"}),
      node("Xor", {"good", "eq"}, {"odd"}),
      node("Where", {"odd", "left", "mean"}, {"w"}),
      node("ReduceSum", {"w", "ones"}, {"sum"}),
      node("ReduceMax", {"w"}, {"peak"}),
      node("Expand", {"sum", "wide"}, {"Y"}),
      node("Transpose", {"w"}, {"turned"}),
      node("GatherElements", {"turned", "places"}, {"corner"}, {attribute("axis", 0)}),
      node("Shape", {"turned"}, {"extents"}),
  };
  columns.outputs = {value_info("Y", ARSENAL_FLOAT), value_info("peak", ARSENAL_FLOAT),
                     value_info("corner", ARSENAL_FLOAT), value_info("extents", ARSENAL_INT64)};
  models.push_back(model(columns));

  ModelSpec arrangements;
  arrangements.opset = 22;
  arrangements.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 3})};
  arrangements.initializers = {tensor("pads", {4}, std::vector<std::int64_t>{0, 1, 0, 2}),
                               tensor("repeats", {2}, std::vector<std::int64_t>{1, 2}),
                               raw_tensor("condition", {5}, ARSENAL_BOOL, std::string("\1\0\1\1\1", 5)),
                               tensor("depth", {}, std::vector<std::int64_t>{3}),
                               tensor("values", {2}, std::vector<float>{-1, 1}),
                               tensor("one", {1}, std::vector<std::int64_t>{1}),
                               tensor("shape", {2}, std::vector<std::int64_t>{1, 8}),
                               tensor("start", {}, std::vector<float>{0.5f}),
                               tensor("limit", {}, std::vector<float>{4.5f}),
                               tensor("delta", {}, std::vector<float>{0.5f})};
  arrangements.nodes = {
      node("Pad", {"X", "pads"}, {"padded"}, {attribute("mode", "reflect")}),
      node("Compress", {"padded", "condition"}, {"some"}, {attribute("axis", 1)}),
      node("Tile", {"some", "repeats"}, {"tiled"}),
      node("CumSum", {"tiled", "one"}, {"sums"}, {attribute("reverse", 1)}),
      node("ConstantOfShape", {"shape"}, {"zeros"}),
      node("Range", {"start", "limit", "delta"}, {"steps"}),
      node("Add", {"zeros", "steps"}, {"offsets"}),
      node("Add", {"sums", "offsets"}, {"moved"}),
      node("LeakyRelu", {"moved"}, {"leaky"}, {attribute("alpha", 0.5f)}),
      node("Gelu", {"leaky"}, {"gelu"}, {attribute("approximate", "tanh")}),
      node("Mod", {"gelu", "start"}, {"rest"}, {attribute("fmod", 1)}),
      node("Dropout", {"rest"}, {"kept", "mask"}),
      node("LogSoftmax", {"kept"}, {"shares"}),
      node("ReduceLogSumExp", {"shares", "one"}, {"total"}),
      node("CastLike", {"total", "depth"}, {"index"}),
      node("OneHot", {"index", "depth", "values"}, {"Y"}),
      node("Size", {"Y"}, {"size"}),
  };
  arrangements.outputs = {value_info("Y", ARSENAL_FLOAT), value_info("mask", ARSENAL_BOOL),
                          value_info("size", ARSENAL_INT64)};
  models.push_back(model(arrangements));

  ModelSpec classic;
  classic.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 3}), value_info("W", ARSENAL_STRING, {"N", 4})};
  classic.initializers = {tensor("chosen", {2}, std::vector<std::int64_t>{2, 0})};
  const auto two = attribute("classlabels_ints", std::vector<std::int64_t>{0, 1});
  classic.nodes = {
      node("Imputer", {"X"}, {"filled"},
           {attribute("imputed_value_floats", std::vector<float>{1, 2, 3}), attribute("replaced_value_float", NAN)},
           "ml"),
      node("Scaler", {"filled"}, {"scaled"},
           {attribute("offset", std::vector<float>{1, 2, 3}), attribute("scale", std::vector<float>{2})}, "ml"),
      node("Normalizer", {"scaled"}, {"unit"}, {attribute("norm", "L2")}, "ml"),
      node("Binarizer", {"unit"}, {"bits"}, {attribute("threshold", 0.5f)}, "ml"),
      node("ArrayFeatureExtractor", {"bits", "chosen"}, {"some"}, {}, "ml"),
      node("FeatureVectorizer", {"some", "scaled"}, {"wide"},
           {attribute("inputdimensions", std::vector<std::int64_t>{2, 3})}, "ml"),
      node("LinearClassifier", {"wide"}, {"label", "scores"},
           {attribute("coefficients", std::vector<float>{1, -2, 3, -4, 5}),
            attribute("intercepts", std::vector<float>{0.5f}), attribute("post_transform", "LOGISTIC"), two},
           "ml"),
      node("ZipMap", {"scores"}, {"maps"}, {attribute("classlabels_strings", std::vector<std::string>{"no", "yes"})},
           "ml"),
      node("OneHotEncoder", {"label"}, {"shares"}, {attribute("cats_int64s", std::vector<std::int64_t>{1, 0})}, "ml"),
      node("SVMRegressor", {"scaled"}, {"distance"},
           {attribute("coefficients", std::vector<float>{1, -1}),
            attribute("support_vectors", std::vector<float>{1, 2, 3, 4, 5, 6}), attribute("n_supports", 2),
            attribute("rho", std::vector<float>{0.25f}), attribute("kernel_type", "RBF"),
            attribute("kernel_params", std::vector<float>{0.3f, 0, 3})},
           "ml"),
      node(
          "SVMClassifier", {"scaled"}, {"voted", "chances"},
          {attribute("coefficients", std::vector<float>{1, -1, 2}),
           attribute("support_vectors", std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9}),
           attribute("vectors_per_class", std::vector<std::int64_t>{1, 2}), attribute("rho", std::vector<float>{0.25f}),
           attribute("prob_a", std::vector<float>{-1.5f}), attribute("prob_b", std::vector<float>{0.1f}),
           attribute("kernel_type", "POLY"), attribute("kernel_params", std::vector<float>{0.3f, 1, 3}), two},
          "ml"),
      node("TfIdfVectorizer", {"W"}, {"counts"},
           {attribute("pool_strings", std::vector<std::string>{"x", "zzz", "x", "a"}),
            attribute("ngram_counts", std::vector<std::int64_t>{0, 2}),
            attribute("ngram_indexes", std::vector<std::int64_t>{1, 0, 2}), attribute("mode", "TFIDF"),
            attribute("weights", std::vector<float>{1, 2, 3}), attribute("min_gram_length", 1),
            attribute("max_gram_length", 2), attribute("max_skip_count", 1)}),
  };
  classic.outputs = {value_info("maps", ARSENAL_FLOAT),     value_info("shares", ARSENAL_FLOAT),
                     value_info("distance", ARSENAL_FLOAT), value_info("voted", ARSENAL_INT64),
                     value_info("chances", ARSENAL_FLOAT),  value_info("counts", ARSENAL_FLOAT)};
  models.push_back(model(classic));

  ModelSpec words;
  words.inputs = {value_info("W", ARSENAL_STRING, {"N"}), value_info("V", ARSENAL_STRING, {1, 1})};
  words.nodes = {
      node("StringNormalizer", {"W"}, {"upper"}, {attribute("case_change_action", "UPPER"), attribute("locale", "de")}),
      node("LabelEncoder", {"upper"}, {"code"},
           {attribute("keys_strings", std::vector<std::string>{"X", "YY"}),
            attribute("values_int64s", std::vector<std::int64_t>{1, 2})},
           "ml"),
      node("StringNormalizer", {"V"}, {"one"},
           {attribute("stopwords", std::vector<std::string>{"x", "NO"}), attribute("is_case_sensitive", 0)}),
  };
  words.outputs = {value_info("upper", ARSENAL_STRING), value_info("code", ARSENAL_INT64),
                   value_info("one", ARSENAL_STRING)};
  models.push_back(model(words));

  ModelSpec places;
  places.microsoft_opset = 1;
  places.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 3}), value_info("I", ARSENAL_INT64, {"N", 1})};
  places.initializers = {tensor("slope", {3}, std::vector<float>{0.5f, 0, -1}),
                         tensor("points", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}),
                         tensor("zero", {1}, std::vector<std::int64_t>{0}),
                         tensor("cells", {2, 2}, std::vector<std::int64_t>{0, 1, -1, 2}),
                         tensor("one", {1}, std::vector<std::int64_t>{1})};
  places.nodes = {
      node("PRelu", {"X", "slope"}, {"bent"}),
      node("CDist", {"bent", "points"}, {"distances"}, {attribute("metric", "euclidean")}, "com.microsoft"),
      node("Mul", {"I", "zero"}, {"first"}),
      node("GatherND", {"distances", "first"}, {"nearest"}, {attribute("batch_dims", 1)}),
      node("Unsqueeze", {"nearest", "one"}, {"update"}),
      node("ScatterElements", {"bent", "first", "update"}, {"Y"},
           {attribute("axis", 1), attribute("reduction", "max")}),
      node("GatherND", {"points", "cells"}, {"known"}),
  };
  places.outputs = {value_info("Y", ARSENAL_FLOAT), value_info("known", ARSENAL_FLOAT)};
  models.push_back(model(places));

  ModelSpec calls;
  calls.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 2})};
  calls.functions = {function({"Inner",
                               {"x", "bound"},
                               {"y", "x"},
                               {node("Max", {"x", "x"}, {"t"}), node("Clip", {"t", "bound"}, {"u"}),
                                node("Concat", {"u", "x"}, {"y"}, {attribute_reference("axis", "axis", 2)})},
                               {},
                               {attribute("axis", 1)}}),
                     function({"Outer",
                               {"x"},
                               {"y"},
                               {node("Inner", {"x"}, {"t", "s"}, {attribute_reference("axis", "a", 2)}, "own"),
                                node("Inner", {"t"}, {"y"}, {}, "own")},
                               {"a"}})};
  calls.nodes = {node("Outer", {"X"}, {"t"}, {attribute("a", 1)}, "own"), node("Outer", {"t"}, {"Y"}, {}, "own")};
  calls.outputs = {value_info("Y", ARSENAL_FLOAT)};
  models.push_back(model(calls));
  return models;
}

}  // namespace arsenal::test
