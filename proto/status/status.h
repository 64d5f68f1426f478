#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "proto/status/code.h"

namespace tinyrig {

/// Name of a code as gRPC spells it, e.g. "NOT_FOUND".
std::string_view CodeName(Code code);

/// What went wrong: a code for programs, a message for people.
/// The message says what happened, where, and ends with what to try.
class [[nodiscard]] Status {
 public:
  /// Success.
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  /// The same failure seen from further out: "context: message". Success stays success.
  Status WithContext(std::string_view context) const;

  /// "NOT_FOUND: message", or "OK".
  std::string ToString() const;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

inline Status OkStatus() { return {}; }

/// A value or the Status that says why there is none. The Status is never OK.
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Status> {
 public:
  using Base = tl::expected<T, Status>;
  Result(T value) : Base(std::move(value)) {}
  Result(Status status) : Base(tl::unexpect, std::move(status)) {}
  Result(Code code, std::string message) : Result(Status(code, std::move(message))) {}

  bool ok() const { return this->has_value(); }
  /// The failure, or an OK status when there is a value.
  Status status() const { return ok() ? Status() : this->error(); }
};

namespace internal {
inline const Status& ToStatus(const Status& status) { return status; }
template <typename T>
Status ToStatus(const Result<T>& result) {
  return result.status();
}
}  // namespace internal

}  // namespace tinyrig

#define TINYRIG_CONCAT_INNER(a, b) a##b
#define TINYRIG_CONCAT(a, b) TINYRIG_CONCAT_INNER(a, b)

/// Returns from the function when `expr` (a Status or Result) failed.
#define TRY(expr)                                                           \
  do {                                                                      \
    auto&& try_result = (expr);                                             \
    if (!try_result.ok()) return ::tinyrig::internal::ToStatus(try_result); \
  } while (false)

#define TINYRIG_TRY_ASSIGN(tmp, lhs, expr, ret) \
  auto tmp = (expr);                            \
  if (!tmp.ok()) ret tmp.status();              \
  lhs = std::move(*tmp)

/// TRY_ASSIGN(auto plan, MakePlan(model)); declares `plan` or returns the failure.
#define TRY_ASSIGN(lhs, expr) \
  TINYRIG_TRY_ASSIGN(TINYRIG_CONCAT(try_assign_, __LINE__), lhs, expr, return )

/// The same two inside a coroutine.
#define CO_TRY(expr)                                                           \
  do {                                                                         \
    auto&& try_result = (expr);                                                \
    if (!try_result.ok()) co_return ::tinyrig::internal::ToStatus(try_result); \
  } while (false)
#define CO_TRY_ASSIGN(lhs, expr) \
  TINYRIG_TRY_ASSIGN(TINYRIG_CONCAT(try_assign_, __LINE__), lhs, expr, co_return )
