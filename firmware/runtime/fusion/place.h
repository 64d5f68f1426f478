#pragma once

#include <cstdint>

#include "firmware/runtime/fusion/fused_format.h"
#include "firmware/runtime/kernels/window.h"

/// Pixels of maps of which only some rows or columns are there.
namespace tinyrig::runtime {

/// Rows lo..hi of a map, both included.
struct RowSpan {
  int16_t lo;
  int16_t hi;
  int32_t count() const { return hi - lo + 1; }
};

/// A FusedPlace ready for use. Any row and column gives an address inside the place, whatever they
/// are: what is checked once is that the place lies in the arena.
struct PixelMap {
  int8_t* base;
  uint32_t row_slots;
  uint32_t row_step;
  uint32_t column_slots;
  uint32_t column_step;
  int32_t first_row;  ///< In slot 0.

  uint32_t RowSlot(int32_t y) const { return static_cast<uint32_t>(y - first_row) % row_slots; }
  uint32_t ColumnSlot(int32_t x) const { return static_cast<uint32_t>(x) % column_slots; }
  int8_t* At(int32_t y, int32_t x) const {
    return base + RowSlot(y) * row_step + ColumnSlot(x) * column_step;
  }
};

/// `map` gives width and channels; `first_row` is the iteration's, of use to columns only.
inline PixelMap MakePixelMap(std::byte* arena, const FusedPlace& place, const TensorRecord& map,
                             int32_t first_row) {
  const uint32_t width = map.dims[2];
  const uint32_t channels = map.dims[3];
  auto* base = reinterpret_cast<int8_t*>(arena + place.offset);
  if (place.columns == 0) return {base, place.rows, width * channels, width, channels, 0};
  return {base, place.rows, channels, place.columns, place.rows * channels, first_row};
}

/// The part of a window that lies in its map.
struct PixelWindow {
  const PixelMap& map;
  TapRange rows;
  TapRange columns;
  uint32_t first_row_slot;
  uint32_t first_column_slot;
  int32_t kernel_w;

  /// Values of the first tap that lies in the map.
  const int8_t* First() const {
    return map.base + first_row_slot * map.row_step + first_column_slot * map.column_step;
  }

  /// The window without all columns but the first.
  PixelWindow FirstColumn() const {
    PixelWindow window = *this;
    window.columns.end = columns.begin + 1;
    return window;
  }

  /// Calls use(values of a pixel, number of its tap) for all taps.
  template <typename Use>
  void ForEach(Use use) const {
    uint32_t row_slot = first_row_slot;
    for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
      const int8_t* row = map.base + row_slot * map.row_step;
      uint32_t slot = first_column_slot;
      for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
        use(row + slot * map.column_step, static_cast<uint32_t>(ky * kernel_w + kx));
        if (++slot == map.column_slots) slot = 0;
      }
      if (++row_slot == map.row_slots) row_slot = 0;
    }
  }
};

/// The window of a pointwise layer.
inline PixelWindow OnePixel(const PixelMap& map, int32_t y, int32_t x) {
  return {map, {0, 1}, {0, 1}, map.RowSlot(y), map.ColumnSlot(x), 1};
}

}  // namespace tinyrig::runtime
