#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <random>
#include <string>

namespace tinyrig::server {

/// Messages and bytes that nobody should send: the same ones in every run.
class Noise {
 public:
  explicit Noise(uint32_t seed) : random_(seed) {}

  uint32_t Below(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random_); }
  std::string Bytes(size_t most);
  /// Empty, endless, no UTF-8, a path, SQL, half an expression, ...
  std::string Text();
  /// At and beyond the ends of what integers hold.
  uint64_t Number();

  /// Sets two of three fields to anything, down to the sixth level.
  void Fill(google::protobuf::Message* message, int depth = 0);
  /// Sets, repeats or clears one field somewhere in the message; the rest stays as it is.
  void Tamper(google::protobuf::Message* message);
  /// Up to three bytes changed, cut off, inserted or repeated.
  std::string Mutated(std::string bytes);

 private:
  void FillField(google::protobuf::Message* message, const google::protobuf::FieldDescriptor* field,
                 int depth);

  std::mt19937 random_;
};

}  // namespace tinyrig::server
