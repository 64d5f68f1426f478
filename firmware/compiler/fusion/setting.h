#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/compiler/fusion/fusion_plan.h"

/// What a user writes as `fusion`:
///   none                     every layer by itself
///   head_patch               patch-based head: its layers computed patch by patch, overlap twice
///   head_stream              streamed head: rings of rows before its windows, nothing twice
///   msf:GOAL                 one-row blocks with a cache of columns, as in the literature
///   tiny:GOAL                blocks of any height, rings of rows between them, channel slices
///   [0-6h4 ~ 7-9] [10] ...   a block list (notation.h)
/// GOAL: f_max=1.3 (least RAM with so many times the MACs), ram=32kB (fewest MACs in so much RAM),
/// min_ram, front (every plan that no other beats).
/// Behind any of them: :input=outside|resident|rows|slabs and :output=outside|resident|pooled, what
/// the arena holds of the network's input and output; outside is not counted, as in the literature.
namespace tinyrig::compiler {

struct FusionSetting {
  enum class Kind : uint8_t { kNone, kHeadPatch, kHeadStream, kSearch, kBlocks };
  enum class Goal : uint8_t { kFactor, kRam, kMinRam, kFront };

  Kind kind = Kind::kNone;
  FamilyKind family = FamilyKind::kFull;
  Goal goal = Goal::kMinRam;
  double f_max = 0;
  int64_t ram = 0;
  std::string blocks;
  InputPlace input = InputPlace::kElsewhere;
  OutputPlace output = OutputPlace::kElsewhere;
};

/// Errors: kInvalidArgument saying what is possible, or which block of a list is wrong.
Result<FusionSetting> ParseFusionSetting(std::string_view text);

/// Whether it asks for all plans of a front.
bool IsFront(const FusionSetting& setting);

/// A front as one setting a point, each a limit of RAM (preset `exact`), from the most RAM to the
/// least. REQUIRES: IsFront(). Errors: those of ParseFusionSetting().
Result<std::vector<std::string>> SettingsOfFront(const Chain& chain, std::string_view text);

/// The plans that a setting asks for: one, or a front from the most RAM to the least. `preset` as
/// in CostPreset(). Errors: kInvalidArgument for a block list that does not fit the chain, or a
/// preset that does not price the setting; kResourceExhausted when no plan keeps the limit, naming
/// the nearest possible one.
Result<std::vector<FusionPlan>> PlanFusion(const Chain& chain, const FusionSetting& setting,
                                           std::string_view preset);

}  // namespace tinyrig::compiler
