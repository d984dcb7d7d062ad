#include "column.hpp"

#include <algorithm>

#include "dtype.hpp"

namespace arsenal::python {

char* TextKeeper::room(std::size_t size) {
  if (blocks_.empty() || block_size_ - used_ < size) {
    block_size_ = std::max<std::size_t>(size, std::size_t{1} << 16);
    blocks_.push_back(std::make_unique<char[]>(block_size_));
    used_ = 0;
  }
  char* start = blocks_.back().get() + used_;
  used_ += size;
  return start;
}

void TextKeeper::hold(PyObject* text) {
  held_.push_back(text);
  Py_INCREF(text);
}

void TextKeeper::clear() {
  for (PyObject* text : held_) Py_DECREF(text);
  held_.clear();
  // The last block is as large as any that is usually needed, and is used again.
  if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), blocks_.end() - 1);
  used_ = 0;
}

void Column::add(std::unique_ptr<Part> part) {
  rows_ += part->rows();
  needs_gil_ = needs_gil_ || part->needs_gil();
  parts_.push_back(std::move(part));
}

std::unique_ptr<Part> Column::only_part() && {
  if (parts_.empty()) return null_part(0);
  if (parts_.size() > 1) {
    value_error("the categories of column '" + name_ + "' come in " + std::to_string(parts_.size()) +
                " chunks, wanted one");
  }
  return std::move(parts_.front());
}

const std::byte* Column::in_place(std::int32_t dtype, std::int64_t begin, std::int64_t end,
                                  std::int64_t* stride) const {
  std::int64_t first = 0;
  for (const auto& part : parts_) {
    if (begin < first + part->rows()) {
      return end <= first + part->rows() ? part->in_place(dtype, begin - first, stride) : nullptr;
    }
    first += part->rows();
  }
  return nullptr;
}

void Column::read(std::int64_t begin, std::int64_t end, std::int32_t dtype, std::byte* out, std::int64_t out_stride,
                  TextKeeper& keeper) const {
  std::int64_t first = 0;
  for (const auto& part : parts_) {
    const std::int64_t from = std::max(begin, first);
    const std::int64_t to = std::min(end, first + part->rows());
    if (from < to) {
      std::byte* target = out + (from - begin) * out_stride;
      try {
        if (dtype == ARSENAL_STRING) {
          part->text(from - first, to - from, reinterpret_cast<arsenal_string*>(target),
                     out_stride / static_cast<std::int64_t>(sizeof(arsenal_string)), keeper);
        } else {
          part->numbers(from - first, to - from, dtype, target, out_stride);
        }
      } catch (const BadCell& cell) {
        throw Error(cell.status, "column '" + name_ + "', row " + std::to_string(first + cell.row) + ": " +
                                     cell.message + "; the model takes " + tensor_type(dtype));
      } catch (const WrongKind&) {
        type_error("column '" + name_ + "' is " + part->type() + "; the model takes " + tensor_type(dtype));
      }
    }
    first += part->rows();
  }
}

}  // namespace arsenal::python
