#include "failure.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace arsenal::runtime {

namespace {
thread_local char last_error[1024] = "";
}

void fail(arsenal_status status, const char* format, ...) {
  char text[1024];
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  throw Failure(status, text);
}

bool Issue::set(arsenal_status code, const char* format, ...) noexcept {
  status = code;
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  return false;
}

std::string quoted(std::string_view name) {
  constexpr std::size_t kLongest = 80;
  std::string text = "'";
  for (const char c : name.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      char escape[5];
      std::snprintf(escape, sizeof(escape), "\\x%02x", byte);
      text += escape;
    }
  }
  return text + (name.size() > kLongest ? "…'" : "'");
}

arsenal_status record_error(arsenal_status status, const char* text) noexcept {
  std::strncpy(last_error, text, sizeof(last_error) - 1);
  return status;
}

const char* recorded_error() noexcept { return last_error; }

}  // namespace arsenal::runtime
