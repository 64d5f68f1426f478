#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "firmware/compiler/graph.h"
#include "proto/status/status.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "proto/tinyrig/v1/types.pb.h"
#include "proto/vectors/vector_set.h"
#include "server/model/bundle.h"
#include "server/model/plan_record.h"
#include "server/results/evaluate.h"

namespace tinyrig::server {

/// Plan of one variant with the bytes that are to be stored as artifacts.
struct PlannedVariant {
  PlanRecord record;
  std::vector<std::byte> blob;  ///< Empty when not feasible.
};

/// One model, read once and planned for many variants. Pure: bytes in, plans out; the same input
/// gives the same plan. Movable; planning calls are const and may run on several threads.
class ModelPlanner {
 public:
  /// `name` is for messages. Errors: those of the .tflite reader, prefixed with the name: such a
  /// model cannot be part of a campaign.
  static Result<ModelPlanner> Read(std::string name, std::string sha256,
                                   std::vector<std::byte> tflite);

  /// Compiles for the bundle's port, adds costs, checks that it fits the board and assembles the
  /// image. What the compiler refuses (an operator, a pair of settings) and what does not fit is
  /// not an error: record.feasible is false and record.reason says why. Errors: kInternal only.
  Result<PlannedVariant> Plan(const v1::Variant& variant, const Bundle& bundle) const;

  /// A fusion setting that stands for a whole front ("tiny:front") as one setting a point, from the
  /// most RAM to the least. Errors: those of compiler::FindChain(), when there is nothing to fuse.
  Result<std::vector<std::string>> PointsOfFront(const std::string& fusion) const;

  /// The vectors of the set: computed patterns for this model's inputs, or the arrays of an .npz.
  Result<vectors::VectorSet> MakeVectors(const v1::VectorSetRef& ref,
                                         std::span<const std::byte> npz) const;
  /// Reference outputs for `set`. kUnimplemented when the reference kernels cannot run the model.
  Result<Expected> Expect(const vectors::VectorSet& set) const;

 private:
  ModelPlanner() = default;

  std::string name_;
  std::string sha256_;
  std::unique_ptr<std::vector<std::byte>> tflite_;  // The graph borrows from it.
  compiler::Graph graph_;
};

/// Whether the compiler knows the fusion settings of a campaign. Errors: kInvalidArgument or
/// kUnimplemented saying what is possible.
Status CheckFusion(const v1::VariantMatrix& matrix);

/// SHA-256 over the segments in order: address (4 bytes, little-endian), then the bytes.
std::string ImageSha256(uint32_t firmware_address, std::span<const std::byte> firmware,
                        uint32_t blob_address, std::span<const std::byte> blob);

}  // namespace tinyrig::server
