#include "server/cli/commands/submit.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "server/cli/client/fetch.h"
#include "server/cli/client/request.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {

void SayWhatIsMissing(const Client& client, const v1::CampaignSpec& spec) {
  for (const std::string& wanted : spec.board_types()) {
    const Result<std::vector<v1::Board>> boards = FetchBoards(client, wanted);
    if (!boards.ok()) continue;
    const bool any = std::ranges::any_of(
        *boards, [&](const v1::Board& board) { return board.state() != v1::BOARD_STATE_OFFLINE; });
    if (!any) {
      fmt::print(stderr,
                 "tinyrig: no board that is '{}' is connected; its jobs wait until one is (tinyrig "
                 "boards)\n",
                 Printable(wanted));
    }
  }
}

Result<v1::Campaign> SubmitCampaign(const Client& client, const v1::CampaignSpec& spec) {
  v1::SubmitCampaignRequest request;
  *request.mutable_spec() = spec;
  request.set_idempotency_key(NewIdempotencyKey());
  request.set_user(UserName());
  constexpr int kTries = 3;
  // Planning every variant of a large campaign takes its time.
  constexpr std::chrono::minutes kTimeout{10};
  for (int i = 1;; ++i) {
    auto campaign = client.Call(&v1::CampaignService::Stub::SubmitCampaign, request,
                                fmt::format("submitting '{}'", spec.name()), kTimeout);
    if (campaign.ok() || i == kTries || campaign.status().code() != Code::kUnavailable)
      return campaign;
  }
}

}  // namespace tinyrig::cli
