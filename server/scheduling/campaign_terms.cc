#include "server/scheduling/campaign_terms.h"

#include "server/model/board_expression.h"

namespace tinyrig::server {

Result<std::shared_ptr<const CampaignTerms>> MakeTerms(CampaignId campaign, const std::string& user,
                                                       const v1::CampaignSpec& spec) {
  auto terms = std::make_shared<CampaignTerms>();
  terms->campaign = campaign;
  terms->user = user;
  terms->priority = spec.priority();
  terms->timeout_us = TimeUs{spec.attempt_timeout_s()} * 1'000'000;
  terms->queue_timeout_us = TimeUs{spec.queue_timeout_s()} * 1'000'000;
  const std::vector<std::string> entries(spec.board_types().begin(), spec.board_types().end());
  TRY_ASSIGN(Expression boards, ParseBoards(entries));
  if (NamesSingleBoards(boards)) terms->boards = std::move(boards);
  return std::shared_ptr<const CampaignTerms>(std::move(terms));
}

}  // namespace tinyrig::server
