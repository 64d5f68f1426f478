#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tinyrig::cli {

/// What settings such as tiny:front stand for, planned here as a server does when it takes the
/// campaign.
class Fronts {
 public:
  /// One setting for each job: the points of a front, or `fusion` itself when it is none, or one
  /// that cannot be planned: the server says why.
  const std::vector<std::string>& Expand(const std::string& model_path, const std::string& fusion);

 private:
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> known_;
};

}  // namespace tinyrig::cli
