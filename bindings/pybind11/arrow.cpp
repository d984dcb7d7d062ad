#include "arrow.hpp"

#include <cstring>
#include <limits>

namespace arsenal::python {
namespace {

using arrow::Array;
using arrow::Owned;
using arrow::Schema;
using arrow::Stream;

template <typename Struct>
Struct* from_capsule(py::handle capsule, const char* name) {
  auto* data = static_cast<Struct*>(PyCapsule_GetPointer(capsule.ptr(), name));
  if (data == nullptr) throw py::error_already_set();
  if (data->release == nullptr) value_error(std::string("the capsule '") + name + "' has been consumed already");
  return data;
}

[[noreturn]] void malformed(const std::string& what) { value_error("malformed Arrow data: " + what); }

const void* buffer(const Array& array, std::int64_t index, std::int64_t n_buffers) {
  if (array.n_buffers != n_buffers) {
    malformed("an array of its type has " + std::to_string(n_buffers) + " buffers, got " +
              std::to_string(array.n_buffers));
  }
  return n_buffers == 0 || array.buffers == nullptr ? nullptr : array.buffers[index];
}

/// A buffer that the rows need.
template <typename T>
const T* needed(const Array& array, std::int64_t index, std::int64_t n_buffers, std::int64_t rows) {
  const void* data = buffer(array, index, n_buffers);
  if (data == nullptr && rows > 0) malformed("buffer " + std::to_string(index) + " is missing");
  if (reinterpret_cast<std::uintptr_t>(data) % alignof(T) != 0) {
    malformed("buffer " + std::to_string(index) + " is not aligned");
  }
  return static_cast<const T*>(data);
}

void check_extent(const Array& array) {
  // Bits are addressed, too, so eight times the rows have to be countable.
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 32;
  if (array.length < 0 || array.offset < 0 || array.length > kMost || array.offset > kMost) {
    malformed("length " + std::to_string(array.length) + ", offset " + std::to_string(array.offset));
  }
}

Validity validity(const Array& array, std::int64_t first, std::int64_t rows) {
  if (array.null_count == 0 || rows == 0) return {};
  const auto* bits = array.buffers == nullptr ? nullptr : static_cast<const std::uint8_t*>(array.buffers[0]);
  if (bits == nullptr) {
    if (array.null_count > 0) malformed("nulls are counted but no validity bitmap is given");
    return {};
  }
  const Validity all = Validity::bitmap(bits, first);
  for (std::int64_t row = 0; row < rows; ++row) {
    if (!all[row]) return all;
  }
  return {};
}

std::int32_t number_dtype(const char* format) {
  if (format[0] == '\0' || format[1] != '\0') return ARSENAL_UNDEFINED;
  switch (format[0]) {
    case 'c':
      return ARSENAL_INT8;
    case 'C':
      return ARSENAL_UINT8;
    case 's':
      return ARSENAL_INT16;
    case 'S':
      return ARSENAL_UINT16;
    case 'i':
      return ARSENAL_INT32;
    case 'I':
      return ARSENAL_UINT32;
    case 'l':
      return ARSENAL_INT64;
    case 'L':
      return ARSENAL_UINT64;
    case 'e':
      return ARSENAL_FLOAT16;
    case 'f':
      return ARSENAL_FLOAT;
    case 'g':
      return ARSENAL_DOUBLE;
    default:
      return ARSENAL_UNDEFINED;
  }
}

std::unique_ptr<Part> part(const Schema& schema, const Array& array, std::int64_t first, std::int64_t rows);

std::unique_ptr<Part> text_part(const std::string& format, const Array& array, std::int64_t first, std::int64_t rows) {
  if (format == "u") {
    const auto* offsets = needed<std::int32_t>(array, 1, 3, rows);
    return utf8_part(rows, offsets + first, static_cast<const char*>(buffer(array, 2, 3)),
                     validity(array, first, rows));
  }
  if (format == "U") {
    const auto* offsets = needed<std::int64_t>(array, 1, 3, rows);
    return large_utf8_part(rows, offsets + first, static_cast<const char*>(buffer(array, 2, 3)),
                           validity(array, first, rows));
  }
  // "vu": validity, views, any number of text buffers, and last the sizes of those.
  if (array.n_buffers < 3)
    malformed("a string_view array has at least 3 buffers, got " + std::to_string(array.n_buffers));
  const auto* views = needed<std::byte>(array, 1, array.n_buffers, rows);
  const std::int64_t n_text = array.n_buffers - 3;
  const auto* sizes = needed<std::int64_t>(array, array.n_buffers - 1, array.n_buffers, n_text);
  return utf8_view_part(rows, views + first * 16, array.buffers + 2, sizes, n_text, validity(array, first, rows));
}

/// Rows [first, first + rows) of the buffers.
std::unique_ptr<Part> part(const Schema& schema, const Array& array, std::int64_t first, std::int64_t rows) {
  // Without rows the buffers may be anything.
  if (rows == 0) return null_part(0);
  const std::string format = schema.format == nullptr ? "" : schema.format;
  const std::int32_t dtype = number_dtype(format.c_str());
  if (schema.dictionary != nullptr) {
    if (dtype == ARSENAL_UNDEFINED || array.dictionary == nullptr) malformed("a dictionary without indices or entries");
    const Array& entries = *array.dictionary;
    check_extent(entries);
    const auto size = static_cast<std::int64_t>(arsenal_dtype_size(dtype));
    const auto* indices = needed<std::byte>(array, 1, 2, rows);
    return dictionary_part(rows, dtype, indices + first * size, size, validity(array, first, rows), false,
                           part(*schema.dictionary, entries, entries.offset, entries.length));
  }
  if (dtype != ARSENAL_UNDEFINED) {
    const auto size = static_cast<std::int64_t>(arsenal_dtype_size(dtype));
    const auto* values = needed<std::byte>(array, 1, 2, rows);
    return number_part(rows, dtype, values + first * size, size, validity(array, first, rows));
  }
  if (format == "b") {
    return bit_part(rows, needed<std::uint8_t>(array, 1, 2, rows), first, validity(array, first, rows));
  }
  if (format == "n") return null_part(rows);
  if (format == "u" || format == "U" || format == "vu") return text_part(format, array, first, rows);
  return opaque_part(rows, "of the Arrow type '" + format + "'");
}

}  // namespace

bool ArrowData::offered_by(py::handle source) {
  return py::hasattr(source, "__arrow_c_stream__") || py::hasattr(source, "__arrow_c_array__");
}

ArrowData::ArrowData(py::handle source) {
  if (py::hasattr(source, "__arrow_c_array__")) {
    const py::tuple capsules = source.attr("__arrow_c_array__")();
    if (capsules.size() != 2) malformed("__arrow_c_array__ gives a schema and an array");
    const py::object schema = capsules[0];
    const py::object array = capsules[1];
    schema_.take(from_capsule<Schema>(schema, "arrow_schema"));
    chunks_.emplace_back(from_capsule<Array>(array, "arrow_array"));
  } else {
    const py::object capsule = source.attr("__arrow_c_stream__")();
    take_stream(capsule);
  }
  for (const auto& chunk : chunks_) {
    check_extent(*chunk);
    if (is_table()) check_table(*chunk);
  }
}

void ArrowData::take_stream(py::handle capsule) {
  Owned<Stream> stream(from_capsule<Stream>(capsule, "arrow_array_stream"));
  const auto check = [&stream](int code) {
    if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    if (code == 0) return;
    const char* reason = stream->get_last_error(stream.get());
    value_error(std::string("the Arrow stream failed: ") + (reason != nullptr ? reason : std::strerror(code)));
  };
  check(stream->get_schema(stream.get(), schema_.get()));
  for (;;) {
    Owned<Array> chunk;
    check(stream->get_next(stream.get(), chunk.get()));
    if (chunk->release == nullptr) return;
    chunks_.push_back(std::move(chunk));
  }
}

void ArrowData::check_table(const Array& chunk) const {
  if (chunk.n_children != schema_->n_children) {
    malformed("the schema has " + std::to_string(schema_->n_children) + " columns, a batch " +
              std::to_string(chunk.n_children));
  }
  for (std::int64_t i = 0; i < chunk.n_children; ++i) {
    check_extent(*chunk.children[i]);
    if (chunk.children[i]->length < chunk.offset + chunk.length) {
      malformed("column '" + name(static_cast<std::size_t>(i)) + "' has " + std::to_string(chunk.children[i]->length) +
                " rows, its batch " + std::to_string(chunk.offset + chunk.length));
    }
  }
  if (!validity(chunk, chunk.offset, chunk.length).all())
    value_error("the Arrow data has rows that are null as a whole");
}

bool ArrowData::is_table() const { return schema_->format != nullptr && std::strcmp(schema_->format, "+s") == 0; }

std::string ArrowData::name(std::size_t column) const {
  const char* name = schema_->children[column]->name;
  return name == nullptr ? "" : name;
}

std::int64_t ArrowData::rows() const {
  std::int64_t rows = 0;
  for (const auto& chunk : chunks_) rows += chunk->length;
  return rows;
}

void ArrowData::add_to(Column& column, std::size_t index) const {
  for (const auto& chunk : chunks_) {
    const Array& child = *chunk->children[index];
    column.add(part(*schema_->children[index], child, child.offset + chunk->offset, chunk->length));
  }
}

void ArrowData::add_to(Column& column) const {
  for (const auto& chunk : chunks_) column.add(part(*schema_, *chunk, chunk->offset, chunk->length));
}

}  // namespace arsenal::python
