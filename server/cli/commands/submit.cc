#include "server/cli/commands/submit.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "server/cli/client/request.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {

void SayWhatIsMissing(const Client& client, const v1::CampaignSpec& spec) {
  const auto boards =
      client.Call(&v1::BoardService::Stub::ListBoards, v1::ListBoardsRequest(), "boards");
  if (!boards.ok()) return;
  for (const std::string& type : spec.board_types()) {
    const bool any = std::ranges::any_of(boards->boards(), [&](const v1::Board& board) {
      return board.board_type() == type && board.state() != v1::BOARD_STATE_OFFLINE;
    });
    if (!any) {
      fmt::print(stderr,
                 "tinyrig: no board of type {} is connected; its jobs wait until one is (tinyrig "
                 "boards)\n",
                 Printable(type));
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
