#pragma once

#include "server/store/reader.h"
#include "server/store/store.h"
#include "tests/unit/server/temp_dir.h"

namespace tinyrig::server {

/// A database in a temporary folder and campaigns to put into it.
class StoreFixture : public testing::Test {
 protected:
  StoreFixture() : store_(Store::Open(file_).value()), reader_(Reader::Open(file_).value()) {}

  /// `feasible` jobs that wait, then `infeasible` ones that do not.
  static NewCampaign Campaign(size_t feasible, size_t infeasible, const std::string& key = "") {
    NewCampaign campaign;
    campaign.idempotency_key = key;
    campaign.user = "ann";
    campaign.spec.set_name("nightly");
    campaign.spec.mutable_vectors()->set_patterns("AB");
    campaign.spec.set_attempt_timeout_s(60);
    campaign.spec.set_max_attempts(3);
    campaign.spec.add_board_types("m4");
    PlanRecord good;
    good.model_sha256 = std::string(64, 'a');
    good.variant.set_kernels("dsp");
    good.board_type = "m4";
    good.build_id = "build";
    good.feasible = true;
    good.image.set_sha256("image");
    good.facts.macs = 123;
    PlanRecord bad = good;
    bad.feasible = false;
    bad.image.Clear();
    bad.variant.set_kernels("reference");
    bad.reason = "too big";
    campaign.plans = {std::make_shared<const PlanRecord>(good),
                      std::make_shared<const PlanRecord>(bad)};
    campaign.expected = {{good.model_sha256, "patterns:AB", std::string(64, 'e')}};
    for (size_t i = 0; i < feasible + infeasible; ++i) {
      NewJob job;
      v1::ArtifactRef model;
      model.set_sha256(good.model_sha256);
      model.set_name("m" + std::to_string(i) + ".tflite");
      job.spec.model = std::make_shared<const v1::ArtifactRef>(std::move(model));
      job.spec.board_type = "m4";
      job.fidelity = v1::FIDELITY_EMULATED;
      if (i < feasible) {
        job.spec.variant = std::make_shared<const v1::Variant>(good.variant);
        job.expected = 0;
      } else {
        job.spec.variant = std::make_shared<const v1::Variant>(bad.variant);
        job.plan = 1;
        job.infeasible.emplace();
        job.infeasible->set_owner(v1::FAILURE_OWNER_INFEASIBLE);
        job.infeasible->set_message("too big");
        job.planned = {Metric("macs", 123)};
      }
      campaign.jobs.push_back(job);
    }
    return campaign;
  }

  static v1::Measurement Metric(const std::string& name, double value) {
    v1::Measurement m;
    m.set_metric(name);
    m.set_value(value);
    m.set_unit("B");
    m.set_method("plan");
    return m;
  }

  static Lease LeaseOf(const QueuedJob& job, uint32_t attempt, uint64_t fence) {
    Lease lease;
    lease.key = {job.job, attempt, Fence(fence)};
    lease.campaign = job.terms->campaign;
    lease.board = BoardId("b1");
    lease.agent = AgentId("bench");
    lease.deadline_us = 999;
    return lease;
  }

  static EndedAttempt Success(const LeaseKey& key) {
    EndedAttempt ended;
    ended.key = key;
    ended.started_us = 20;
    ended.ended_us = 30;
    ended.measurements = {Metric("instructions_p50", 5000), Metric("arena_bytes", 16)};
    ended.next = v1::JOB_STATE_SUCCEEDED;
    ended.log = {{21, "flashed"}, {22, "done"}};
    ended.timeline.emplace_back();
    ended.timeline.back().set_name("flash");
    ended.link.emplace().set_vector_bytes(1024);
    ended.flash.emplace().set_bytes_saved(4096);
    v1::LayerHash layer;
    layer.set_fnv1a32(0xffffffff);
    layer.set_op_name("CONV_2D");
    layer.set_ticks(160);
    layer.set_counted(100);
    layer.set_macs(uint64_t{1} << 40);
    layer.add_output_shape(1);
    layer.add_output_shape(25);
    layer.set_form("packed int8");
    v1::LayerHash bare;
    bare.set_op_index(1);
    ended.layers = {layer, bare};
    return ended;
  }

  static EndedAttempt Failed(const LeaseKey& key, v1::FailureOwner owner, v1::JobState next) {
    EndedAttempt ended;
    ended.key = key;
    ended.failure.emplace();
    ended.failure->set_owner(owner);
    ended.failure->set_message("it broke");
    ended.next = next;
    return ended;
  }

  TempDir dir_;
  std::filesystem::path file_ = dir_.path() / "tinyrig.db";
  Store store_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace tinyrig::server
