#include "server/cli/campaign/git_state.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "server/cli/bench/tools.h"

namespace tinyrig::cli {
namespace {

constexpr std::chrono::seconds kGitTime{5};
constexpr size_t kCommitDigits = 40;

void AddLabel(const std::string& key, const std::string& value, v1::CampaignSpec& spec) {
  if (std::ranges::any_of(spec.labels(), [&](const auto& label) { return label.key() == key; })) {
    return;
  }
  v1::Label& label = *spec.add_labels();
  label.set_key(key);
  label.set_value(value);
}

}  // namespace

void AddGitLabels(const std::string& path, v1::CampaignSpec& spec) {
  const std::string git = FindTool("git", kGitTime).path;
  if (git.empty()) return;
  std::error_code error;
  const std::string dir = std::filesystem::absolute(path, error).parent_path().string();
  std::string commit = RunTool({git, "-C", dir, "rev-parse", "HEAD"}, kGitTime);
  while (commit.ends_with('\n')) commit.pop_back();
  // Anything else is a complaint: no repository, no commit yet.
  const bool is_commit = commit.size() == kCommitDigits &&
                         commit.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_commit) return;
  AddLabel("git.commit", commit, spec);
  const std::string changes =
      RunTool({git, "-C", dir, "status", "--porcelain", "--untracked-files=no"}, kGitTime);
  if (!changes.empty()) AddLabel("git.dirty", "true", spec);
}

}  // namespace tinyrig::cli
