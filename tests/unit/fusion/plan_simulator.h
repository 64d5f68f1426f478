#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "firmware/compiler/fusion/fusion_plan.h"

namespace tinyrig::compiler {

/// Executes a plan without numbers: every byte of the arena knows which channel of which pixel of
/// which map it holds. Reads say when they meet something else, so that a plan's places, ring sizes
/// and overlaps are proven by the order of accesses, not by the formulas they come from. Knows
/// windows, rings and sweeps; takes nothing but sizes and offsets from the plan.
class PlanSimulator {
 public:
  PlanSimulator(const Chain& chain, const CostRules& rules, const FusionPlan& plan);

  /// Empty when every read met what it should and the output is there; else the first mistake.
  std::string Run();
  int64_t macs() const { return macs_; }  ///< Of the pixels that were made.

 private:
  using Id = int64_t;
  struct Sweep;  ///< One iteration of a block.

  Id IdOf(int32_t map, int32_t y, int32_t x) const;
  void Fail(const std::string& what);
  void Write(int64_t at, int32_t map, int32_t y, int32_t x);
  void Check(int64_t at, int32_t map, int32_t y, int32_t x);
  const ArenaPart* Find(PartKind kind, int32_t map, int32_t block = -1, int32_t sum = -1) const;

  void RunPhase(const PlannedPhase& phase);
  void Pull(size_t block, int32_t row);
  void Iterate(size_t block);
  void SliceChannels(Sweep& sweep);
  void SweepColumns(Sweep& sweep);
  void MakeColumn(Sweep& sweep, int32_t map);
  void MakePixel(Sweep& sweep, int32_t map, int32_t y, int32_t x);
  void ReadOperand(Sweep& sweep, int32_t map, int32_t y, int32_t x);
  void ReadBlockInput(Sweep& sweep, int32_t y, int32_t x);
  void ReadSkip(Sweep& sweep, const Skip& skip, int32_t y, int32_t x);
  void KeepForSums(Sweep& sweep, int32_t map, int32_t y, int32_t x);
  void KeepInputRows(Sweep& sweep);
  void WriteOutput(Sweep& sweep, int32_t y, int32_t x);

  const Chain& chain_;
  const CostRules& rules_;
  const FusionPlan& plan_;
  const PlannedPhase* phase_ = nullptr;
  std::vector<Id> arena_;
  std::vector<Id> first_id_;        ///< Of each map.
  std::vector<int32_t> iteration_;  ///< Of each block of the phase, the next one.
  std::vector<int32_t> rows_kept_;  ///< By skip, rows that its ring has been given.
  int32_t rows_loaded_ = 0;         ///< Of the network's input, streamed.
  int64_t outputs_ = 0;
  int64_t macs_ = 0;
  std::string mistake_;
};

}  // namespace tinyrig::compiler
