// Element types under their three names: ONNX's, NumPy's and the runtime's.
#ifndef ARSENAL_PYTHON_DTYPE_HPP_
#define ARSENAL_PYTHON_DTYPE_HPP_

#include <cstddef>
#include <cstdint>
#include <string>

namespace arsenal::python {

/// ONNX Runtime's name of a tensor type, such as "tensor(float)".
std::string tensor_type(std::int32_t dtype);

/// NumPy's name of an element type, such as "float32".
const char* dtype_name(std::int32_t dtype);

/// NumPy's type number; NPY_OBJECT for strings, -1 where NumPy has none.
int numpy_type(std::int32_t dtype);

/// The element type of a NumPy array by the descriptor's kind and size; ARSENAL_UNDEFINED where ONNX has none.
std::int32_t dtype_of_numpy(char kind, std::size_t item_size);

/// Whether `dtype` has NaN, which stands for a missing value.
bool is_floating(std::int32_t dtype);

}  // namespace arsenal::python

#endif  // ARSENAL_PYTHON_DTYPE_HPP_
