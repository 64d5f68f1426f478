#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/status/status.h"

namespace tinyrig::zoo {

struct NamedArray {
  std::string name;
  std::vector<uint64_t> shape;
  std::vector<int8_t> data;  ///< Row-major.
};

/// An .npz as numpy.savez writes it: a ZIP of stored .npy members, without a date. Errors:
/// kInternal with libzip's reason.
Result<std::vector<uint8_t>> WriteNpz(const std::vector<NamedArray>& arrays);

}  // namespace tinyrig::zoo
