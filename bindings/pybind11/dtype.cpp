#include "dtype.hpp"

#include "arsenal/runtime.h"
#include "python.hpp"

namespace arsenal::python {
namespace {

struct Names {
  std::int32_t dtype;
  const char* onnx;
  const char* numpy;
  int numpy_type;
  char kind;
  std::size_t size;
};

constexpr Names kNames[] = {
    {ARSENAL_FLOAT, "float", "float32", NPY_FLOAT, 'f', 4},
    {ARSENAL_DOUBLE, "double", "float64", NPY_DOUBLE, 'f', 8},
    {ARSENAL_STRING, "string", "str", NPY_OBJECT, '\0', 0},
    {ARSENAL_INT64, "int64", "int64", NPY_INT64, 'i', 8},
    {ARSENAL_BOOL, "bool", "bool", NPY_BOOL, 'b', 1},
    {ARSENAL_INT32, "int32", "int32", NPY_INT32, 'i', 4},
    {ARSENAL_FLOAT16, "float16", "float16", NPY_HALF, 'f', 2},
    {ARSENAL_UINT8, "uint8", "uint8", NPY_UINT8, 'u', 1},
    {ARSENAL_INT8, "int8", "int8", NPY_INT8, 'i', 1},
    {ARSENAL_UINT16, "uint16", "uint16", NPY_UINT16, 'u', 2},
    {ARSENAL_INT16, "int16", "int16", NPY_INT16, 'i', 2},
    {ARSENAL_UINT32, "uint32", "uint32", NPY_UINT32, 'u', 4},
    {ARSENAL_UINT64, "uint64", "uint64", NPY_UINT64, 'u', 8},
};

const Names* find(std::int32_t dtype) {
  for (const Names& names : kNames) {
    if (names.dtype == dtype) return &names;
  }
  return nullptr;
}

}  // namespace

std::string tensor_type(std::int32_t dtype) {
  const Names* names = find(dtype);
  return std::string("tensor(") + (names ? names->onnx : "undefined") + ")";
}

const char* dtype_name(std::int32_t dtype) {
  const Names* names = find(dtype);
  return names ? names->numpy : "undefined";
}

int numpy_type(std::int32_t dtype) {
  const Names* names = find(dtype);
  return names ? names->numpy_type : -1;
}

std::int32_t dtype_of_numpy(char kind, std::size_t item_size) {
  for (const Names& names : kNames) {
    if (names.kind == kind && names.size == item_size) return names.dtype;
  }
  return ARSENAL_UNDEFINED;
}

bool is_floating(std::int32_t dtype) {
  return dtype == ARSENAL_FLOAT || dtype == ARSENAL_DOUBLE || dtype == ARSENAL_FLOAT16;
}

}  // namespace arsenal::python
