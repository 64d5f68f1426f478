#include "proto/vectors/patterns.h"

#include <cstring>

namespace tinyrig::vectors {
namespace {

class Sequence {
 public:
  explicit Sequence(char letter) : letter_(letter) {}

  uint8_t Next() {
    if (letter_ == 'A') return static_cast<uint8_t>(7 * index_++ + 3);
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<uint8_t>(state_ >> 24);
  }

 private:
  char letter_;
  uint32_t index_ = 0;
  uint32_t state_ = 12345;
};

}  // namespace

bool IsPatternList(std::string_view letters) {
  return letters == "A" || letters == "B" || letters == "AB" || letters == "BA";
}

Result<std::vector<uint8_t>> MakePattern(char letter, std::span<const InputTensor> inputs) {
  if (letter != 'A' && letter != 'B') {
    return Status(Code::kInvalidArgument,
                  std::string("there is no pattern '") + letter + "'; use A, B or AB");
  }
  std::vector<uint8_t> bytes;
  for (const InputTensor& input : inputs) {
    Sequence sequence(letter);
    for (size_t i = 0; i < input.elements; ++i) {
      const uint8_t byte = sequence.Next();
      if (!input.is_float) {
        bytes.push_back(byte);
        continue;
      }
      const float value = static_cast<float>(static_cast<int8_t>(byte)) / 128.0f;
      uint8_t raw[sizeof(value)];
      std::memcpy(raw, &value, sizeof(value));
      bytes.insert(bytes.end(), raw, raw + sizeof(raw));
    }
  }
  return bytes;
}

}  // namespace tinyrig::vectors
