#pragma once

#include <cstddef>
#include <cstdint>

namespace tinyrig::device {

/// FNV-1a, 32 bit: the hash by which operator outputs are compared with published goldens.
inline uint32_t Fnv1a32(const void* data, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 16777619u;
  return hash;
}

}  // namespace tinyrig::device
