#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"

namespace tinyrig::vectors {

enum class ElementType : uint8_t {
  kInt8,
  kUint8,
  kInt16,
  kInt32,
  kInt64,
  kFloat32,
  kFloat64,
};

/// NumPy's name, e.g. "int8".
std::string_view ElementTypeName(ElementType type);
/// Bytes of one element.
size_t ElementBytes(ElementType type);

/// An array in memory: row-major, little-endian.
struct Array {
  ElementType type = ElementType::kInt8;
  std::vector<uint64_t> shape;  ///< At most kMaxRank entries; the product fits `data`.
  std::vector<uint8_t> data;

  /// Number of elements: the product of `shape`, 1 for a scalar.
  uint64_t elements() const { return data.size() / ElementBytes(type); }
  /// Element `index` as an integer. REQUIRES: an integer type and index < elements().
  int64_t IntegerAt(size_t index) const;
};

inline constexpr size_t kMaxRank = 8;

/// Reads one array in .npy format (version 1, 2 or 3). `name` is only used in messages.
/// Errors:  kInvalidArgument: not .npy, cut off, trailing bytes, big-endian, Fortran order, an
///          element type that is not in ElementType (objects are never unpickled).
/// Source:  NumPy enhancement proposal 1, "A simple file format for NumPy arrays".
Result<Array> ParseNpy(std::span<const uint8_t> bytes, std::string_view name);

}  // namespace tinyrig::vectors
