#pragma once

#include <string>

#include "proto/tinyrig/v1/campaigns.pb.h"

namespace tinyrig::cli {

/// Labels with the state of the git repository that `path` lies in: git.commit, and git.dirty
/// "true" when tracked files were changed since. Manifests have them. None where there is no
/// repository or no git; labels that are there already stay.
void AddGitLabels(const std::string& path, v1::CampaignSpec& spec);

}  // namespace tinyrig::cli
