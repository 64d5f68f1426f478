#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tinyrig::agent {

/// Keeps the first and the last bytes of a stream of any length: what a tool says first (versions,
/// identity) and last (what went wrong) matters. Holds at most `limit` bytes and a short note.
class BoundedOutput {
 public:
  explicit BoundedOutput(size_t limit) : half_(limit / 2) {}

  void Append(std::string_view text) {
    const size_t room = half_ - head_.size();
    head_.append(text.substr(0, room));
    if (text.size() <= room) return;
    tail_.append(text.substr(room));
    if (tail_.size() > 2 * half_) Trim();
  }

  /// The text, with a line in the middle that says how much was left out, if any.
  std::string Take() {
    Trim();
    if (left_out_ > 0) head_ += "\n[... " + std::to_string(left_out_) + " bytes left out ...]\n";
    return head_ + tail_;
  }

 private:
  void Trim() {
    if (tail_.size() <= half_) return;
    left_out_ += tail_.size() - half_;
    tail_.erase(0, tail_.size() - half_);
  }

  size_t half_;
  std::string head_;
  std::string tail_;
  size_t left_out_ = 0;
};

}  // namespace tinyrig::agent
