#include "firmware/zoo/nets/images.h"

#include <algorithm>

#include "firmware/zoo/nets/seeded.h"

namespace tinyrig::zoo {
namespace {

/// Random values on a lattice of `cell` pixels, linear in between. In [-amplitude, amplitude].
class Lattice {
 public:
  Lattice(int32_t size, int32_t cell, int32_t amplitude, Seeded& random)
      : cell_(cell), columns_(size / cell + 2) {
    values_.resize(static_cast<size_t>(columns_) * static_cast<size_t>(columns_));
    for (int32_t& value : values_) value = random.In(-amplitude, amplitude);
  }
  int32_t At(int32_t y, int32_t x) const {
    const int32_t dy = y % cell_;
    const int32_t dx = x % cell_;
    const int32_t above = Node(y, x) * (cell_ - dx) + Node(y, x + cell_) * dx;
    const int32_t below = Node(y + cell_, x) * (cell_ - dx) + Node(y + cell_, x + cell_) * dx;
    return (above * (cell_ - dy) + below * dy) / (cell_ * cell_);
  }

 private:
  int32_t Node(int32_t y, int32_t x) const {
    return values_[static_cast<size_t>(y / cell_ * columns_ + x / cell_)];
  }
  int32_t cell_;
  int32_t columns_;
  std::vector<int32_t> values_;
};

}  // namespace

std::vector<int8_t> SeededImage(int32_t size, int32_t channels, uint32_t seed) {
  Seeded random(seed);
  std::vector<int8_t> image(static_cast<size_t>(size) * static_cast<size_t>(size) *
                            static_cast<size_t>(channels));
  const Lattice light(size, size / 4, 70, random);  // In all channels alike.
  for (int32_t channel = 0; channel < channels; ++channel) {
    const Lattice shapes(size, size / 10, 70, random);
    const Lattice details(size, 3, 40, random);
    for (int32_t y = 0; y < size; ++y) {
      for (int32_t x = 0; x < size; ++x) {
        const int32_t value =
            light.At(y, x) + shapes.At(y, x) + details.At(y, x) + random.In(-8, 8);
        image[static_cast<size_t>((y * size + x) * channels + channel)] =
            static_cast<int8_t>(std::clamp(value, -128, 127));
      }
    }
  }
  return image;
}

}  // namespace tinyrig::zoo
