#include "server/results/front_goals.h"

namespace tinyrig::server {

std::vector<GoalAxis> AxesOf(const v1::Goals& goals) {
  std::vector<GoalAxis> axes;
  for (const std::string& metric : goals.minimize()) axes.push_back({metric, false});
  for (const std::string& metric : goals.maximize()) axes.push_back({metric, true});
  if (axes.empty()) axes = {{"latency_us_p50", false}, {"flash_model_bytes", false}};
  return axes;
}

}  // namespace tinyrig::server
