#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware/runtime/blob_format.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

/// What a user may choose about how a model becomes an image. MakeVariant() and ParseVariant() only
/// return combinations that the compiler and the runtime know.
struct Variant {
  runtime::KernelSetId kernels = runtime::KernelSetId::kDsp;  ///< `kernels`: reference, dsp.
  runtime::WeightForm weights =
      runtime::WeightForm::kPackedInt8;  ///< `weights`: int8, int16 (dsp only).
  /// `fusion`: none (operator by operator, after the graph passes), file (the file's own operators
  /// in its own order, nothing folded), or a setting of fusion/setting.h that gives one plan:
  /// msf:GOAL, tiny:GOAL, a block list.
  std::string fusion = "none";
  std::string synthesis = "none";  ///< `synthesis`: none.

  /// Canonical text, e.g. "kernels=dsp,weights=int8"; keys at "none" are left out. ParseVariant()
  /// reads it back.
  std::string ToString() const;
  /// Whether graph passes and reordering are wanted.
  bool folds() const { return fusion != "file"; }
  /// Whether layers run together.
  bool fuses() const { return fusion != "file" && fusion != "none"; }
  bool operator==(const Variant&) const = default;
};

/// Reads "key=value,key=value"; keys that are missing keep their defaults, an empty text is the
/// default variant. Errors: kInvalidArgument for an unknown key or value, a key given twice, or a
/// pair that does not go together; the message lists what is possible.
Result<Variant> ParseVariant(std::string_view text);

/// The same from pairs, as a campaign has them.
Result<Variant> MakeVariant(const std::vector<std::pair<std::string, std::string>>& settings);

}  // namespace tinyrig::compiler
