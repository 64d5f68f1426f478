#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "firmware/compiler/fusion/phase_search.h"

namespace tinyrig::compiler {

/// A block with what it costs by itself.
struct Candidate {
  FusedBlock block;
  int64_t cache = 0;
  int64_t excess = 0;  ///< MACs beyond NeededMacs() of its layers.
  /// Blocks of one class ask the same of a ring before them. -1: they cannot be fed by a ring.
  int32_t ring_class = -1;
  bool can_feed = false;     ///< Its height is one that rings' producers may have.
  bool can_end = false;      ///< ... that a phase's last block may have.
  int32_t height_index = 0;  ///< In Family::ring_heights, where can_feed.
};

/// All possible blocks of a family whose caches fit a limit.
class Candidates {
 public:
  Candidates(const Chain& chain, const CostRules& rules, const Family& family, int64_t ram_limit);

  const Candidate& operator[](int32_t i) const { return all_[static_cast<size_t>(i)]; }
  /// Blocks whose last layer this is.
  const std::vector<int32_t>& EndingAt(int32_t last) const {
    return by_last_[static_cast<size_t>(last)];
  }
  /// Bytes of a ring before a block of this class, by the index of its producer's height.
  const std::vector<int64_t>& RingBytes(int32_t ring_class) const {
    return ring_bytes_[static_cast<size_t>(ring_class)];
  }

 private:
  void Add(const FusedBlock& block, int64_t excess);
  int32_t RingClass(const FusedBlock& block);

  const Chain& chain_;
  const CostRules& rules_;
  const Family& family_;
  int64_t ram_limit_;
  std::vector<Candidate> all_;
  std::vector<std::vector<int32_t>> by_last_;
  std::vector<std::vector<int64_t>> ring_bytes_;
  std::map<std::vector<int64_t>, int32_t> classes_;  ///< By the map before and ring bytes.
};

}  // namespace tinyrig::compiler
