// How the runtime reports what went wrong.
//
// Loading throws Failure; a run never throws and fills an Issue instead, because it may not allocate. Both end in the
// thread-local text that arsenal_last_error() returns.
#ifndef ARSENAL_SRC_FAILURE_H_
#define ARSENAL_SRC_FAILURE_H_

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "arsenal/runtime.h"

namespace arsenal::runtime {

// Thrown while a model is loaded.
class Failure : public std::exception {
 public:
  Failure(arsenal_status status, std::string message) : status_(status), message_(std::move(message)) {}

  arsenal_status status() const noexcept { return status_; }
  const char* what() const noexcept override { return message_.c_str(); }

  // Says where it happened: "graph.node[3]: " before the message.
  void prefix(const std::string& place) { message_ = place + ": " + message_; }

 private:
  arsenal_status status_;
  std::string message_;
};

// Throws a Failure with a printf-style message.
[[noreturn, gnu::format(printf, 2, 3)]] void fail(arsenal_status status, const char* format, ...);

// Runs `body`; a Failure that leaves it gets `place()` as prefix.
template <typename Place, typename Body>
auto within(const Place& place, const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (Failure& failure) {
    failure.prefix(place());
    throw;
  }
}

// What stopped a run. Plain memory: made on the stack of the thread that works.
struct Issue {
  arsenal_status status = ARSENAL_OK;
  char text[480] = "";

  // Records a printf-style message and returns false, so that callers can `return issue.set(...)`.
  [[gnu::format(printf, 3, 4)]] bool set(arsenal_status code, const char* format, ...) noexcept;
};

// A name from a model, in quotes and fit for a message: at most 80 bytes, control and non-ASCII bytes as escapes.
std::string quoted(std::string_view name);

// Makes `text` what arsenal_last_error() returns on this thread; returns `status`.
arsenal_status record_error(arsenal_status status, const char* text) noexcept;

// What record_error() stored last on this thread.
const char* recorded_error() noexcept;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_FAILURE_H_
