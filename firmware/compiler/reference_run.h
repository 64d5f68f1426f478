#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "firmware/runtime/model.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

/// All outputs of a model, one after the other, as the device returns them.
struct ReferenceOutput {
  std::vector<std::byte> bytes;
  std::vector<size_t> sizes;  ///< Of each output.
};

/// Runs a blob on this host, with the kernel set it was compiled for: portable code that gives the
/// device's bytes. `input` holds all inputs of the model, one after the other. Errors: those of
/// Model::Prepare(), and kInvalidArgument when `input` has another size than the model's inputs.
Result<ReferenceOutput> RunReference(std::span<const std::byte> blob,
                                     std::span<const std::byte> input,
                                     runtime::OpObserver* observer = nullptr);

/// The same many times: prepares once.
class ReferenceRunner {
 public:
  /// Takes a copy of the blob. Errors: those of Model::Prepare().
  static Result<ReferenceRunner> Make(std::span<const std::byte> blob);

  size_t input_bytes() const;
  Result<ReferenceOutput> Run(std::span<const std::byte> input,
                              runtime::OpObserver* observer = nullptr);

 private:
  explicit ReferenceRunner(const runtime::KernelSet& kernels) : model_(kernels) {}

  std::vector<uint64_t> blob_;  // uint64_t for alignment.
  std::vector<uint64_t> arena_;
  std::vector<std::byte> stream_;  // Of a model that streams its input.
  runtime::Model model_;
};

}  // namespace tinyrig::compiler
