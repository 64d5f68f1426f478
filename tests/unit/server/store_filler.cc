#include "tests/unit/server/store_filler.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace tinyrig::server {
namespace {

constexpr size_t kModels = 20;
constexpr std::array<const char*, 4> kBoardTypes = {"virtual_m4", "virtual_m7", "virtual_f4",
                                                    "nucleo_f412zg"};
constexpr std::array<const char*, StoreFiller::kMetricsOfJob> kMetrics = {
    "instructions_p50",  "instructions_min", "instructions_mean",
    "instructions_p90",  "instructions_p99", "instructions_max",
    "instructions_sd",   "latency_us_p50",   "latency_us_min",
    "latency_us_mean",   "latency_us_p90",   "latency_us_p99",
    "latency_us_max",    "latency_us_sd",    "macs",
    "arena_bytes",       "arena_used_bytes", "stack_used_bytes",
    "ram_model_bytes",   "ram_rig_bytes",    "blob_bytes",
    "flash_model_bytes", "flash_rig_bytes",  "accuracy_top1",
    "output_mismatches"};

std::string Hash(uint64_t number) { return fmt::format("{:064x}", number); }

std::string ModelName(size_t model) {
  return model == 0 ? "kws.tflite" : fmt::format("model{}.tflite", model);
}

}  // namespace

NewCampaign StoreFiller::Campaign(size_t jobs) {
  ++campaigns_;
  NewCampaign campaign;
  campaign.user = campaigns_ % 3 == 0 ? "ann" : "ci";
  campaign.spec.set_name(fmt::format("nightly {}", campaigns_));
  campaign.spec.mutable_vectors()->set_patterns("AB");
  campaign.spec.set_attempt_timeout_s(120);
  campaign.spec.add_board_types("virtual_m4");
  campaign.spec.set_max_attempts(3);
  campaign.spec.mutable_goals()->add_minimize("instructions_p50");
  campaign.spec.mutable_goals()->add_minimize("flash_model_bytes");
  campaign.spec.mutable_goals()->add_maximize("accuracy_top1");
  for (size_t i = 0; i < std::min(jobs, kModels * 8 * kBoardTypes.size()); ++i) {
    PlanRecord plan;
    plan.model_sha256 = Hash(i % kModels * 1000 + campaigns_ / 30);  // A new file every month.
    const size_t variant = i / kModels % 8;
    plan.variant.set_kernels(variant % 2 == 0 ? "dsp" : "reference");
    plan.variant.set_weights(variant / 2 % 2 == 0 ? "int8" : "int16");
    plan.variant.set_fusion(variant / 4 == 0 ? "none" : "file");
    plan.variant.set_synthesis("none");
    plan.board_type = kBoardTypes[i / kModels / 8];
    plan.build_id = "build";
    plan.feasible = i % 50 != 49;
    if (plan.feasible) plan.image.set_sha256(Hash(i));
    campaign.plans.push_back(std::make_shared<const PlanRecord>(std::move(plan)));
  }
  for (size_t i = 0; i < jobs; ++i) {
    NewJob job;
    job.plan = i % campaign.plans.size();
    const PlanRecord& plan = *campaign.plans[job.plan];
    v1::ArtifactRef model;
    model.set_name(ModelName(job.plan % kModels));
    model.set_sha256(plan.model_sha256);
    job.spec.model = std::make_shared<const v1::ArtifactRef>(std::move(model));
    job.spec.variant = std::make_shared<const v1::Variant>(plan.variant);
    job.spec.board_type = plan.board_type;
    job.fidelity = v1::FIDELITY_EMULATED;
    if (!plan.feasible) {
      job.infeasible.emplace();
      job.infeasible->set_owner(v1::FAILURE_OWNER_INFEASIBLE);
      job.infeasible->set_message("needs 300000 B of RAM, the board has 262144 B");
    }
    campaign.jobs.push_back(std::move(job));
  }
  jobs_ += jobs;
  return campaign;
}

EndedAttempt StoreFiller::Outcome(const Lease& lease, size_t index) {
  EndedAttempt ended;
  ended.key = lease.key;
  ended.started_us = now_;
  now_ += 20'000'000 + static_cast<TimeUs>(random_() % 80'000'000);
  ended.ended_us = now_;
  ended.raw_sha256 = Hash(lease.key.fence.value);
  ended.log = {{now_, "flashed 0 of 24 sectors"}, {now_, "streamed 2 vectors"}};
  if (index % 31 == 7) {
    const bool bench = index % 2 == 0 && lease.key.attempt == 1;
    ended.failure.emplace();
    ended.failure->set_owner(bench ? v1::FAILURE_OWNER_BENCH : v1::FAILURE_OWNER_VARIANT);
    ended.failure->set_message(bench ? "the probe did not answer" : "output 3 differs");
    ended.next = bench ? v1::JOB_STATE_QUEUED : v1::JOB_STATE_FAILED;
    return ended;
  }
  ended.next = v1::JOB_STATE_SUCCEEDED;
  const double size = 1000.0 * static_cast<double>(1 + random_() % 500);
  for (size_t i = 0; i < kMetrics.size(); ++i) {
    v1::Measurement m;
    m.set_metric(kMetrics[i]);
    m.set_value(kMetrics[i] == std::string_view("accuracy_top1")
                    ? static_cast<double>(random_() % 1000) / 1000
                    : size * static_cast<double>(1 + i) + static_cast<double>(random_() % 1000));
    m.set_unit("1");
    m.set_method(i < 7 ? "counted by the board" : i < 14 ? "virtual time" : "plan");
    ended.measurements.push_back(std::move(m));
  }
  if (index % 40 != 16) return ended;
  for (uint32_t op = 0; op < 12; ++op) {
    v1::LayerHash layer;
    layer.set_vector("A");
    layer.set_op_index(op);
    layer.set_tflite_index(op);
    layer.set_op_name(op % 2 == 0 ? "CONV_2D" : "DEPTHWISE_CONV_2D");
    layer.set_counted(random_() % 1'000'000);
    layer.set_macs(random_() % 100'000);
    ended.layers.push_back(std::move(layer));
  }
  return ended;
}

Status StoreFiller::TakeLeases(const std::vector<QueuedJob>& jobs, uint32_t attempt,
                               std::vector<Lease>* leases) {
  for (size_t start = 0; start < jobs.size(); start += group_) {
    std::vector<Lease> group;
    for (size_t i = start; i < std::min(jobs.size(), start + group_); ++i) {
      Lease lease;
      lease.key = {jobs[i].job, attempt, Fence((uint64_t{1} << 53) + ++fence_)};
      lease.campaign = jobs[i].terms->campaign;
      lease.board = BoardId(fmt::format("{}-{}", jobs[i].board_type, i % 25));
      lease.agent = AgentId(fmt::format("bench{}", i % 5));
      group.push_back(std::move(lease));
    }
    TRY(store_.AddLeases(group, now_));
    leases->insert(leases->end(), group.begin(), group.end());
  }
  return {};
}

Status StoreFiller::End(const std::vector<Lease>& leases, std::vector<QueuedJob>* again) {
  for (size_t start = 0; start < leases.size(); start += group_) {
    std::vector<EndedAttempt> results;
    for (size_t i = start; i < std::min(leases.size(), start + group_); ++i) {
      results.push_back(Outcome(leases[i], i));
      measurements_ += results.back().measurements.size();
      if (results.back().next != v1::JOB_STATE_QUEUED) continue;
      QueuedJob job;
      job.job = leases[i].key.job;
      job.terms = terms_;
      job.board_type = "virtual_m4";
      again->push_back(std::move(job));
    }
    const auto before = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    TRY_ASSIGN(Store::Group group, store_.BeginGroup());
    for (const EndedAttempt& ended : results) {
      TRY_ASSIGN(const Store::Outcome outcome, store_.EndAttempt(ended, ended.ended_us));
      if (outcome != Store::Outcome::kStored) return {Code::kInternal, "a result was not stored"};
    }
    TRY(group.Commit());
    ending_ += std::chrono::steady_clock::now() - before;
    ending_cpu_s_ += static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  }
  return {};
}

Status StoreFiller::AddCampaign() {
  TRY_ASSIGN(Store::Added added, store_.AddCampaign(Campaign(jobs_of_campaign_), now_));
  std::vector<QueuedJob> queued = std::move(added.queued);
  if (queued.empty()) return {};
  terms_ = queued.front().terms;
  // Every hundredth job is taken back.
  for (size_t i = 50; i < queued.size(); i += 100)
    TRY(store_.CancelJob(queued[i].job, now_).status());
  std::vector<QueuedJob> running;
  for (size_t i = 0; i < queued.size(); ++i) {
    if (i % 100 != 50) running.push_back(queued[i]);
  }
  for (uint32_t attempt = 1; !running.empty(); ++attempt) {
    std::vector<Lease> leases;
    TRY(TakeLeases(running, attempt, &leases));
    running.clear();
    TRY(End(leases, &running));
  }
  return {};
}

Status StoreFiller::AddWaiting(size_t jobs) {
  return store_.AddCampaign(Campaign(jobs), now_).status();
}

}  // namespace tinyrig::server
