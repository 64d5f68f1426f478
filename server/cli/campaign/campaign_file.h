#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/campaigns.pb.h"

/// Campaigns as people write them: a YAML file, or a model and flags. Format: server/cli/README.md.
namespace tinyrig::cli {

/// A campaign whose artifacts are still files on this machine: the spec has their names and neither
/// hash nor size (see UploadArtifacts()).
struct LocalCampaign {
  v1::CampaignSpec spec;
  std::vector<std::string> model_paths;  ///< One for each of spec.models.
  std::string vectors_path;              ///< Empty when the vectors are patterns.
};

/// Reads the campaign file at `path`; paths inside it start at its folder.
/// Errors: kNotFound when it cannot be read, else kInvalidArgument "FILE:LINE: what, what to try".
Result<LocalCampaign> LoadCampaign(const std::string& path);

/// The same from text. `file` is for messages, `folder` is where relative paths start.
Result<LocalCampaign> ParseCampaign(const std::string& text, const std::string& file,
                                    const std::string& folder);

/// What `tinyrig run MODEL.tflite` asks for. Empty means the default given here.
struct ModelRun {
  std::string model_path;
  std::vector<std::string> board_types;  ///< virtual_m4
  std::string vectors;                   ///< Path of an .npz or "A", "B", "AB"; AB.
  std::vector<std::string> variants;     ///< "kernels=dsp,weights=int8" each; that one.
  uint32_t repetitions = 1;
  bool layer_hashes = true;
  bool profile = false;
};
/// Errors: kInvalidArgument for a bad variant, kNotFound for a file that is not there.
Result<LocalCampaign> CampaignOfModel(const ModelRun& run);

/// Sets the vectors of a campaign from what a person wrote (path or pattern letters).
Status SetVectors(const std::string& vectors, const std::string& folder, LocalCampaign& campaign);

}  // namespace tinyrig::cli
