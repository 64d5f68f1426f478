#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/device/crc32c.h"
#include "tests/integration/server/client.h"
#include "tests/integration/server/fake_agent.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

// One server, one agent with two boards that measures what it is offered.
class CampaignTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Start());
    agent_.on_offer = [this](const v1::LeaseOffer& offer) {
      agent_.Progress(offer, "stream", 1, 2, "a line of the log");
      agent_.Finish(agent_.Measure(offer));
    };
  }

  v1::Campaign MustSubmit(const v1::CampaignSpec& spec, const std::string& key = "") {
    v1::Campaign campaign;
    const grpc::Status status = client_.Submit(spec, key, &campaign);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return campaign;
  }

  ServerProcess server_;
  Client client_{server_.address()};
  FakeAgent agent_{server_.address(), {"b1", "b2"}};
};

TEST_F(CampaignTest, RunsEveryVariantAndFindsTheFront) {
  ASSERT_TRUE(agent_.Connect());
  const v1::Campaign campaign = MustSubmit(DigitsCampaign(client_), "once");
  EXPECT_EQ(campaign.counts().queued() + campaign.counts().leased() + campaign.counts().succeeded(),
            6u);
  const auto events = client_.Watch(campaign.campaign_id(), 60);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().counts().succeeded(), 6u);
  EXPECT_EQ(MustSubmit(DigitsCampaign(client_), "once").campaign_id(), campaign.campaign_id());

  const auto results = client_.Results(campaign.campaign_id());
  ASSERT_EQ(results.size(), 6u);
  for (const v1::JobResult& result : results) {
    EXPECT_EQ(result.state(), v1::JOB_STATE_SUCCEEDED) << result.failure().message();
    EXPECT_EQ(result.fidelity(), v1::FIDELITY_EMULATED);
    EXPECT_EQ(MetricOf(result, "output_mismatches"), 0);
    EXPECT_EQ(MetricOf(result, "vectors"), 360);
    EXPECT_GT(MetricOf(result, "accuracy_top1"), 0.9);
    EXPECT_GT(MetricOf(result, "flash_model_bytes"), MetricOf(result, "blob_bytes"));
    EXPECT_EQ(MetricOf(result, "ram_model_bytes"), MetricOf(result, "arena_bytes") + 400);
    EXPECT_EQ(MetricOf(result, "instructions_p50"), 1'000'000 - MetricOf(result, "blob_bytes"));
  }

  auto context = Client::Context();
  v1::GetFrontRequest request;
  request.set_campaign_id(campaign.campaign_id());
  v1::Front front;
  ASSERT_TRUE(client_.results->GetFront(context.get(), request, &front).ok());
  EXPECT_EQ(front.points_size() + front.dominated_size(), 6);
  EXPECT_GE(front.points_size(), 2);
  EXPECT_EQ(front.goals().minimize(0), "instructions_p50");

  std::vector<std::string> rows;
  ASSERT_TRUE(
      client_.Query("SELECT count(*) AS n FROM results WHERE metric='instructions_p50'", &rows)
          .ok());
  EXPECT_EQ(rows, (std::vector<std::string>{"n", "6"}));
}

TEST_F(CampaignTest, ManifestAndLogsTellWhatWasRun) {
  ASSERT_TRUE(agent_.Connect());
  v1::CampaignSpec spec = DigitsCampaign(client_);
  spec.mutable_models()->RemoveLast();
  spec.mutable_variants()->mutable_kernels()->RemoveLast();
  const v1::Campaign campaign = MustSubmit(spec);
  client_.Watch(campaign.campaign_id(), 60);
  const uint64_t job_id = client_.Results(campaign.campaign_id()).at(0).job_id();

  auto context = Client::Context();
  v1::GetManifestRequest request;
  request.set_job_id(job_id);
  v1::Manifest manifest;
  ASSERT_TRUE(client_.jobs->GetManifest(context.get(), request, &manifest).ok());
  const auto json = nlohmann::json::parse(manifest.json());
  EXPECT_EQ(json["model"]["name"], "digits_cnn.tflite");
  EXPECT_EQ(json["variant"]["kernels"], "reference");
  EXPECT_EQ(json["image"]["segments"].size(), 2u);
  EXPECT_THAT(json["toolchain"]["compiler"].get<std::string>(), testing::HasSubstr("g++"));
  EXPECT_THAT(json["toolchain"]["flags"].get<std::string>(), testing::HasSubstr("-mcpu=cortex-m4"));
  EXPECT_EQ(json["board_configuration"]["clock_hz"], 15'625'000);
  EXPECT_EQ(json["board_configuration"]["caches"], "none emulated");
  EXPECT_EQ(json["measured"]["nonce"], "1122334455667788");
  EXPECT_EQ(json["measured"]["tools"][0], "fake 1.0");
  EXPECT_THAT(json["measured"]["board_id"].get<std::string>(), testing::AnyOf("b1", "b2"));
  for (const auto& segment : json["image"]["segments"]) {
    EXPECT_EQ(client_.Download(segment["artifact"]["sha256"]).size(),
              segment["artifact"]["size_bytes"]);
  }

  auto log_context = Client::Context();
  v1::StreamLogsRequest log_request;
  log_request.set_job_id(job_id);
  log_request.set_follow(true);
  auto reader = client_.jobs->StreamLogs(log_context.get(), log_request);
  std::vector<std::string> lines;
  v1::LogLine line;
  while (reader->Read(&line)) lines.push_back(line.text());
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(lines, (std::vector<std::string>{"measured on the host"}));
}

TEST_F(CampaignTest, ARerunRunsTheSameImageOnce) {
  std::mutex mutex;
  std::vector<std::string> images;
  agent_.on_offer = [&](const v1::LeaseOffer& offer) {
    const std::lock_guard lock(mutex);
    images.push_back(offer.image().SerializeAsString());
    agent_.Finish(agent_.Measure(offer));
  };
  ASSERT_TRUE(agent_.Connect());
  v1::CampaignSpec spec = DigitsCampaign(client_);
  spec.mutable_models()->RemoveLast();
  spec.mutable_variants()->mutable_kernels()->RemoveLast();
  const v1::Campaign campaign = MustSubmit(spec);
  client_.Watch(campaign.campaign_id(), 60);
  v1::RerunJobRequest request;
  request.set_job_id(client_.Results(campaign.campaign_id()).at(0).job_id());
  request.set_idempotency_key("again");
  v1::Job first, second;
  auto context = Client::Context();
  ASSERT_TRUE(client_.jobs->RerunJob(context.get(), request, &first).ok());
  auto repeated = Client::Context();
  ASSERT_TRUE(client_.jobs->RerunJob(repeated.get(), request, &second).ok());
  EXPECT_EQ(first.job_id(), second.job_id());
  EXPECT_NE(first.job_id(), request.job_id());
  client_.Watch(campaign.campaign_id(), 60);
  EXPECT_EQ(client_.GetCampaign(campaign.campaign_id()).counts().succeeded(), 2u);
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0], images[1]);
}

TEST_F(CampaignTest, WhatCannotFitCostsNoBoardTime) {
  ASSERT_TRUE(agent_.Connect());
  v1::CampaignSpec spec = DigitsCampaign(client_);
  spec.mutable_variants()->clear_exclude();  // reference with int16 does not compile.
  spec.mutable_limits()->set_flash_model_bytes(20);
  const v1::Campaign campaign = MustSubmit(spec);
  EXPECT_TRUE(campaign.ended());
  EXPECT_EQ(campaign.counts().infeasible(), 8u);
  const auto results = client_.Results(campaign.campaign_id());
  ASSERT_EQ(results.size(), 8u);
  EXPECT_EQ(results[0].failure().owner(), v1::FAILURE_OWNER_INFEASIBLE);
  EXPECT_NE(results[0].failure().message().find("allows 20 B"), std::string::npos)
      << results[0].failure().message();
  EXPECT_GT(MetricOf(results[0], "flash_model_bytes"), 20);
  EXPECT_NE(results[1].failure().message().find("int16"), std::string::npos)
      << results[1].failure().message();
  EXPECT_EQ(agent_.offers, 0);
}

TEST_F(CampaignTest, ABadSubmissionIsRefusedAsAWhole) {
  const v1::CampaignSpec good = DigitsCampaign(client_);
  const auto expect = [&](const v1::CampaignSpec& spec, grpc::StatusCode code,
                          const std::string& says) {
    v1::Campaign campaign;
    const grpc::Status status = client_.Submit(spec, "", &campaign);
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_NE(status.error_message().find(says), std::string::npos) << status.error_message();
  };
  v1::CampaignSpec spec = good;
  spec.mutable_models(0)->set_sha256(std::string(64, '0'));
  expect(spec, grpc::FAILED_PRECONDITION, "digits_cnn.tflite");
  spec = good;
  spec.set_board_types(0, "esp32");
  expect(spec, grpc::FAILED_PRECONDITION, "virtual_m4");
  spec = good;
  *spec.mutable_models(0) = client_.UploadFile(Zoo() / "README.md");
  expect(spec, grpc::INVALID_ARGUMENT, "README.md");
  spec = good;
  *spec.mutable_vectors()->mutable_npz() = client_.UploadFile(Zoo() / "README.md");
  expect(spec, grpc::INVALID_ARGUMENT, "README.md");
  spec = good;
  spec.set_repetitions(100'000);
  expect(spec, grpc::RESOURCE_EXHAUSTED, "1000000");
  expect(v1::CampaignSpec(), grpc::INVALID_ARGUMENT, "models");
  EXPECT_TRUE(client_.Results(0).empty());
}

TEST_F(CampaignTest, BenchFailuresAreRetriedElsewhereVariantFailuresAreNot) {
  std::mutex mutex;
  std::map<uint64_t, std::vector<std::string>> boards_of_job;
  uint64_t wrong_job = 0;
  agent_.on_offer = [&](const v1::LeaseOffer& offer) {
    if (IsReference(offer)) return agent_.Finish(agent_.Measure(offer));
    const std::lock_guard lock(mutex);
    auto& boards = boards_of_job[offer.key().job_id()];
    boards.push_back(offer.board_id());
    if (offer.image().kernels() == "reference") {
      return agent_.Finish(FakeAgent::Failed(offer, v1::FAILURE_OWNER_BENCH,
                                             boards.size() == 1 ? "probe lost" : "no answer"));
    }
    v1::AttemptResult result = agent_.Measure(offer);
    if (wrong_job == 0) wrong_job = offer.key().job_id();
    if (wrong_job == offer.key().job_id()) {
      (*result.mutable_outputs(5)->mutable_data())[0] ^= 1;
      result.mutable_samples(5)->set_output_crc32c(0);
      for (auto& sample : *result.mutable_samples()) {
        if (sample.vector_index() == 5) {
          const std::string& data = result.outputs(5).data();
          sample.set_output_crc32c(device::Crc32c(data.data(), data.size()));
        }
      }
    }
    agent_.Finish(result);
  };
  ASSERT_TRUE(agent_.Connect());
  v1::CampaignSpec spec = DigitsCampaign(client_);
  spec.mutable_models()->RemoveLast();
  const v1::Campaign campaign = MustSubmit(spec);
  client_.Watch(campaign.campaign_id(), 60);
  const auto results = client_.Results(campaign.campaign_id());
  ASSERT_EQ(results.size(), 3u);
  for (const v1::JobResult& result : results) {
    const auto& boards = boards_of_job[result.job_id()];
    if (result.variant().kernels() == "reference") {
      EXPECT_EQ(result.state(), v1::JOB_STATE_FAILED);
      EXPECT_EQ(result.failure().owner(), v1::FAILURE_OWNER_BENCH);
      ASSERT_EQ(boards.size(), 3u);
      EXPECT_NE(boards[0], boards[1]);
      // The last failure is the job's; what the earlier attempts saw is its evidence.
      EXPECT_EQ(result.failure().message(), "no answer");
      ASSERT_EQ(result.failure().evidence_size(), 2);
      EXPECT_EQ(result.failure().evidence(0), "attempt 1 on " + boards[0] + " (bench): probe lost");
      EXPECT_EQ(client_.GetJob(result.job_id()).attempts_size(), 3);
    } else if (result.job_id() == wrong_job) {
      EXPECT_EQ(result.failure().owner(), v1::FAILURE_OWNER_VARIANT);
      EXPECT_EQ(result.failure().evidence(0), "first differing vector: 5, byte 0 of 10");
      EXPECT_EQ(MetricOf(result, "output_mismatches"), 1);
      EXPECT_EQ(boards.size(), 1u);
    } else {
      EXPECT_EQ(result.state(), v1::JOB_STATE_SUCCEEDED);
    }
  }
}

TEST_F(CampaignTest, ARefusedOfferComesAgainAndCountsNothing) {
  std::atomic<int> refused{0};
  agent_.on_offer = [&](const v1::LeaseOffer& offer) {
    if (refused++ == 0) return agent_.Refuse(offer, "busy with something else");
    agent_.Finish(agent_.Measure(offer));
  };
  ASSERT_TRUE(agent_.Connect());
  v1::CampaignSpec spec = DigitsCampaign(client_);
  spec.set_max_attempts(1);
  const v1::Campaign campaign = MustSubmit(spec);
  client_.Watch(campaign.campaign_id(), 60);
  EXPECT_EQ(client_.GetCampaign(campaign.campaign_id()).counts().succeeded(), 6u);
}

TEST_F(CampaignTest, CancelStopsTheAgentAndIgnoresWhatComesAfter) {
  std::mutex mutex;
  std::vector<v1::LeaseOffer> offers;
  agent_.on_offer = [&](const v1::LeaseOffer& offer) {
    const std::lock_guard lock(mutex);
    offers.push_back(offer);
  };
  ASSERT_TRUE(agent_.Connect());
  const v1::Campaign campaign = MustSubmit(DigitsCampaign(client_));
  ASSERT_TRUE(Eventually([&] { return agent_.offers >= 2; }));
  auto context = Client::Context();
  v1::CancelCampaignRequest request;
  request.set_campaign_id(campaign.campaign_id());
  v1::Campaign cancelled;
  ASSERT_TRUE(client_.campaigns->CancelCampaign(context.get(), request, &cancelled).ok());
  EXPECT_TRUE(cancelled.ended());
  EXPECT_EQ(cancelled.counts().cancelled(), 6u);
  ASSERT_TRUE(Eventually([&] { return agent_.cancels >= 2; }));
  agent_.Finish(agent_.Measure(offers.at(0)));
  ASSERT_TRUE(Eventually([&] { return agent_.acks >= 1; }));
  EXPECT_EQ(client_.GetCampaign(campaign.campaign_id()).counts().cancelled(), 6u);
  // The boards are free for the next campaign.
  agent_.on_offer = [&](const v1::LeaseOffer& offer) { agent_.Finish(agent_.Measure(offer)); };
  const v1::Campaign next = MustSubmit(DigitsCampaign(client_));
  client_.Watch(next.campaign_id(), 60);
  EXPECT_EQ(client_.GetCampaign(next.campaign_id()).counts().succeeded(), 6u);
}

TEST_F(CampaignTest, PatternsGiveLayerNamesAndNoAccuracy) {
  agent_.on_offer = [&](const v1::LeaseOffer& offer) {
    v1::AttemptResult result = agent_.Measure(offer);
    v1::LayerSample& layer = *result.add_layers();
    layer.set_vector_index(1);
    layer.set_fnv1a32(7);
    agent_.Finish(result);
  };
  ASSERT_TRUE(agent_.Connect());
  v1::CampaignSpec spec = DigitsCampaign(client_);
  spec.mutable_vectors()->set_patterns("AB");
  spec.set_layer_hashes(true);
  const v1::Campaign campaign = MustSubmit(spec);
  client_.Watch(campaign.campaign_id(), 60);
  const auto results = client_.Results(campaign.campaign_id(), true);
  ASSERT_EQ(results.size(), 6u);
  for (const v1::JobResult& result : results) {
    ASSERT_EQ(result.state(), v1::JOB_STATE_SUCCEEDED) << result.failure().message();
    EXPECT_EQ(result.layers(0).vector(), "B");
    EXPECT_EQ(result.layers(0).op_name(), "CONV_2D");
    for (const v1::Measurement& m : result.measurements()) EXPECT_NE(m.metric(), "accuracy_top1");
  }
}

}  // namespace
}  // namespace tinyrig::server
