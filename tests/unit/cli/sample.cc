#include "tests/unit/cli/sample.h"

#include <algorithm>

namespace tinyrig::cli {
namespace {

void Add(v1::JobResult& result, const char* metric, double value, const char* unit,
         const char* method) {
  v1::Measurement& m = *result.add_measurements();
  m.set_metric(metric);
  m.set_value(value);
  m.set_unit(unit);
  m.set_fidelity(v1::FIDELITY_EMULATED);
  m.set_method(method);
}

v1::JobResult Ended(uint64_t id, v1::JobState state, v1::FailureOwner owner,
                    const std::string& message) {
  v1::JobResult result;
  result.set_job_id(id);
  result.set_campaign_id(3);
  result.set_model("digits_cnn.tflite");
  result.set_model_sha256(std::string(64, 'a'));
  result.mutable_variant()->set_kernels("dsp");
  result.mutable_variant()->set_weights("int16");
  result.mutable_variant()->set_fusion("none");
  result.mutable_variant()->set_synthesis("none");
  result.set_board_type("virtual_m4");
  result.set_state(state);
  result.set_ended_us(1'795'200'600'000'000);
  if (owner != v1::FAILURE_OWNER_UNSPECIFIED) {
    result.mutable_failure()->set_owner(owner);
    result.mutable_failure()->set_message(message);
  }
  return result;
}

}  // namespace

v1::JobResult Measured(uint64_t id, const std::string& model, const std::string& kernels,
                       const std::string& weights, double instructions, double flash,
                       double accuracy) {
  v1::JobResult result = Ended(id, v1::JOB_STATE_SUCCEEDED, v1::FAILURE_OWNER_UNSPECIFIED, "");
  result.set_model(model);
  result.mutable_variant()->set_kernels(kernels);
  result.mutable_variant()->set_weights(weights);
  result.set_board_id(id % 2 == 0 ? "m4-2" : "m4-1");
  result.set_attempt(1);
  result.set_fidelity(v1::FIDELITY_EMULATED);
  result.set_image_sha256(std::string(64, static_cast<char>('0' + id % 10)));
  result.set_vector_set("digits_test.npz");
  Add(result, "instructions_p50", instructions, "instructions", "counted on the device");
  Add(result, "latency_us_p50", instructions / 15.625, "us", "virtual time from instructions");
  Add(result, "latency_us_p99", instructions / 15.625, "us", "virtual time from instructions");
  Add(result, "flash_model_bytes", flash, "B", "linker map and blob");
  Add(result, "ram_model_bytes", 4512, "B", "plan, linker map, painted stack");
  Add(result, "arena_bytes", 3168, "B", "plan");
  Add(result, "accuracy_top1", accuracy, "1", "labels of the vector set");
  Add(result, "output_mismatches", 0, "1", "compared with the host reference");
  return result;
}

CampaignRecord SampleCampaign() {
  CampaignRecord record;
  v1::CampaignSpec& spec = *record.campaign.mutable_spec();
  record.campaign.set_campaign_id(3);
  record.campaign.set_user("ada");
  record.campaign.set_created_us(1'795'200'000'000'000);
  record.campaign.set_ended(false);
  spec.set_name("demo");
  spec.set_warmup(1);
  spec.set_repetitions(1);
  for (const char* model : {"digits_cnn.tflite", "digits_ds.tflite"}) {
    v1::ArtifactRef& artifact = *spec.add_models();
    artifact.set_name(model);
    artifact.set_size_bytes(16'800);
    artifact.set_sha256(std::string(64, 'a'));
  }
  spec.mutable_vectors()->mutable_npz()->set_name("digits_test.npz");
  spec.mutable_vectors()->mutable_npz()->set_sha256(std::string(64, 'b'));
  spec.mutable_goals()->add_minimize("instructions_p50");
  spec.mutable_goals()->add_minimize("flash_model_bytes");
  spec.mutable_goals()->add_maximize("accuracy_top1");

  std::vector<v1::JobResult> results = {
      Measured(1, "digits_cnn.tflite", "reference", "int8", 5'120'331, 26'404, 359.0 / 360),
      Measured(2, "digits_cnn.tflite", "dsp", "int8", 961'204, 29'876, 359.0 / 360),
      Measured(3, "digits_cnn.tflite", "dsp", "int16", 812'466, 41'020, 359.0 / 360),
      Measured(4, "digits_ds.tflite", "reference", "int8", 1'633'870, 16'930, 356.0 / 360),
      Measured(5, "digits_ds.tflite", "dsp", "int8", 402'115, 19'444, 356.0 / 360),
      Measured(6, "digits_ds.tflite", "dsp", "int16", 361'900, 22'068, 356.0 / 360),
  };
  v1::Front& front = record.fronts.emplace_back();
  *front.mutable_goals() = spec.goals();
  for (const v1::JobResult& result : results) {
    *(result.job_id() == 1 ? front.add_dominated() : front.add_points()) = result;
  }
  results.push_back(
      Ended(7, v1::JOB_STATE_INFEASIBLE, v1::FAILURE_OWNER_INFEASIBLE,
            "needs 1,203,004 B of flash, virtual_m4 has 1,048,576 B; choose weights=int8"));
  results.push_back(
      Ended(8, v1::JOB_STATE_FAILED, v1::FAILURE_OWNER_VARIANT, "wrong output: " + kHostile));
  results.back().mutable_failure()->add_evidence("vector 17: expected 03 fd, found 04 fd");
  results.back().mutable_failure()->add_evidence(kHostile);
  results.push_back(
      Ended(9, v1::JOB_STATE_FAILED, v1::FAILURE_OWNER_BENCH, "no HELLO from m4-2 in 3 s"));
  results.push_back(Ended(10, v1::JOB_STATE_CANCELLED, v1::FAILURE_OWNER_UNSPECIFIED, ""));

  std::vector<v1::Job> jobs;
  for (uint64_t id = 1; id <= 11; ++id) {
    v1::Job& job = jobs.emplace_back();
    job.set_job_id(id);
    job.set_campaign_id(3);
    job.mutable_model()->set_name("digits_ds.tflite");
    job.mutable_variant()->set_kernels("dsp");
    job.mutable_variant()->set_weights("int8");
    job.set_board_type("virtual_m4");
    job.set_state(v1::JOB_STATE_QUEUED);
    if (id == 1) {
      v1::Attempt& attempt = *job.add_attempts();
      attempt.set_attempt(1);
      attempt.set_started_us(1'795'200'001'000'000);
      attempt.set_ended_us(1'795'200'003'500'000);
    }
  }
  record.jobs = JoinJobs(jobs, results);
  return record;
}

}  // namespace tinyrig::cli
