#include <memory>

#include "server/cli/client/fetch.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/follow.h"

namespace tinyrig::cli {

Runner DefineWatch(CLI::App& app) {
  auto campaign = std::make_shared<uint64_t>(0);
  app.add_option("CAMPAIGN", *campaign, "Number of the campaign (default: the newest)")
      ->check(CLI::PositiveNumber);
  return [campaign](const Common& common) -> Result<int> {
    Interrupts interrupts;
    TRY_ASSIGN(const Session session,
               Session::Open(common.server, common.state, NeedsOfMeasuring("m4,m4", interrupts)));
    TRY_ASSIGN(const v1::Campaign found, FetchCampaign(session.client(), *campaign));
    return FollowCampaign(session, found.campaign_id(), common, interrupts);
  };
}

}  // namespace tinyrig::cli
