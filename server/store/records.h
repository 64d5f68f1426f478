#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/tinyrig/v1/agent.pb.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "proto/tinyrig/v1/jobs.pb.h"
#include "proto/tinyrig/v1/results.pb.h"
#include "server/model/board_expression.h"
#include "server/model/campaign.h"
#include "server/model/ids.h"
#include "server/model/plan_record.h"
#include "server/scheduling/health.h"

/// What goes into the store and comes out of it, where the API has no message for it.
namespace tinyrig::server {

struct NewJob {
  JobSpec spec;
  v1::Fidelity fidelity = v1::FIDELITY_UNSPECIFIED;
  size_t plan = 0;                 ///< Index in NewCampaign::plans.
  std::optional<size_t> expected;  ///< Index in NewCampaign::expected; none when not feasible.
  std::optional<v1::Failure> infeasible;
  std::vector<v1::Measurement> planned;  ///< Stored now when infeasible.
};

struct NewCampaign {
  v1::CampaignSpec spec;
  std::string user;
  std::string idempotency_key;  ///< Empty: none.
  std::vector<std::shared_ptr<const PlanRecord>> plans;
  std::vector<ExpectedRecord> expected;
  std::vector<NewJob> jobs;
  /// Of the server's own: left out of lists and views unless it is named. Its jobs are pinned.
  bool system = false;
  BoardId pinned;
};

/// All that offering, judging and explaining a job needs.
struct JobContext {
  JobId job;
  CampaignId campaign;
  v1::CampaignSpec spec;
  v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
  v1::Fidelity fidelity = v1::FIDELITY_UNSPECIFIED;
  PlanRecord plan;
  ExpectedRecord expected;
  BoardId pinned;  ///< Of a reference job.
};

struct LogEntry {
  TimeUs time_us = 0;
  std::string text;
};

/// What a good board counted in a reference job.
struct ReferenceRecord {
  std::string board_type;
  std::string image_sha256;
  ReferenceCount count;
  std::string board_id;
  JobId job;
};

/// The end of an attempt, whoever saw it.
struct EndedAttempt {
  LeaseKey key;
  std::optional<v1::Failure> failure;
  /// How earlier attempts ended, a line each: evidence of the job's failure when `next` is final.
  std::vector<std::string> earlier_failures;
  TimeUs started_us = 0;  ///< 0: keep when the lease began.
  TimeUs ended_us = 0;
  std::vector<v1::Span> timeline;
  std::optional<v1::LinkStats> link;
  std::optional<v1::FlashStats> flash;
  std::string raw_sha256;  ///< Artifact with the agent's AttemptResult, zstd; may be empty.
  std::vector<v1::Measurement> measurements;  ///< Stored only when `next` is final.
  std::vector<v1::LayerHash> layers;          ///< The same.
  std::vector<LogEntry> log;
  v1::JobState next = v1::JOB_STATE_QUEUED;  ///< Queued again, or a final state.
  std::optional<ReferenceRecord> teaches;    ///< Of a reference job: stored with it or not at all.
};

struct AgentRecord {
  std::string agent_id;
  std::string bench;
  std::string version;
  bool connected = false;
  TimeUs last_seen_us = 0;
  bool draining = false;
  std::string drain_reason;
};

struct BoardRecord {
  std::string board_id;
  std::string board_type;
  std::string agent_id;
  std::string probe_serial;
  std::string mcu_uid;
  Labels labels;
  uint32_t jobs_since_reference = 0;
  TimeUs last_reference_us = 0;  ///< The first time it was seen, before it had one.
  BoardCondition condition;
  bool maintenance = false;
  std::string maintenance_reason;
  std::string reserved_by;
  std::string reserve_reason;
  TimeUs reserved_until_us = 0;
};

}  // namespace tinyrig::server
