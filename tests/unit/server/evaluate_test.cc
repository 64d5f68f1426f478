#include "server/results/evaluate.h"

#include <gtest/gtest.h>

#include "proto/device/crc32c.h"
#include "proto/device/messages.h"
#include "server/results/metrics.h"

namespace tinyrig::server {
namespace {

std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (int v : values) bytes.push_back(static_cast<std::byte>(v));
  return bytes;
}

// Three vectors of four int8 outputs; two repetitions; largest outputs at 1, 3, 0.
class EvaluateTest : public testing::Test {
 protected:
  EvaluateTest() {
    expected_.vector_count = 3;
    expected_.output_bytes = 4;
    expected_.vector_set_crc32c = 77;
    expected_.input_crc32c = {10, 11, 12};
    expected_.outputs = Bytes({1, 9, 3, 4, /**/ 0, -1, -2, 5, /**/ 2, 2, 1, 0});
    expected_.labels = {1, 3, 2};
    facts_.arena_bytes = 1000;
    facts_.ram_static_bytes = 20;
    facts_.flash_model_bytes = 300;
    facts_.flash_total_bytes = 500;
    facts_.first_output_bytes = 4;
    facts_.ops = {{"CONV_2D", 5, 9}};
    request_.repetitions = 2;
    request_.fidelity = v1::FIDELITY_EMULATED;
    result_.set_vector_set_crc32c(77);
    result_.mutable_identity()->set_clock_hz(15'625'000);
    result_.mutable_identity()->set_counter_hz(25'000'000);
    result_.mutable_identity()->set_counter_kind(1);
    result_.mutable_marks()->set_arena_used_bytes(990);
    result_.mutable_marks()->set_stack_used_bytes(80);
    for (uint32_t vector = 0; vector < 3; ++vector) {
      const auto output = expected_.Output(vector);
      auto* sent = result_.add_outputs();
      sent->set_vector_index(vector);
      sent->set_data(std::string(reinterpret_cast<const char*>(output.data()), output.size()));
      for (uint32_t repetition = 0; repetition < 2; ++repetition) {
        auto* sample = result_.add_samples();
        sample->set_vector_index(vector);
        sample->set_repetition(repetition);
        sample->set_ticks(1600 + 16 * vector);
        sample->set_input_crc32c(10 + vector);
        sample->set_output_crc32c(device::Crc32c(output.data(), output.size()));
      }
    }
  }

  void Answer(uint32_t vector, std::vector<std::byte> bytes) {
    result_.mutable_outputs(static_cast<int>(vector))
        ->set_data(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    for (auto& sample : *result_.mutable_samples()) {
      if (sample.vector_index() == vector)
        sample.set_output_crc32c(device::Crc32c(bytes.data(), bytes.size()));
    }
  }

  Evaluation Run() { return Evaluate(result_, facts_, expected_, request_); }
  static double Value(const Evaluation& evaluation, std::string_view metric) {
    for (const auto& m : evaluation.measurements) {
      if (m.metric() == metric) return m.value();
    }
    ADD_FAILURE() << "no " << metric;
    return -1;
  }
  static bool Has(const Evaluation& evaluation, std::string_view metric) {
    for (const auto& m : evaluation.measurements) {
      if (m.metric() == metric) return true;
    }
    return false;
  }

  v1::AttemptResult result_;
  PlanFacts facts_;
  Expected expected_;
  EvaluationRequest request_;
};

TEST_F(EvaluateTest, CountsInstructionsMemoryAndAccuracy) {
  const Evaluation e = Run();
  ASSERT_FALSE(e.failure) << e.failure->message();
  EXPECT_EQ(Value(e, "instructions_min"), 1000);
  EXPECT_EQ(Value(e, "instructions_p50"), 1010);
  EXPECT_EQ(Value(e, "instructions_max"), 1020);
  EXPECT_EQ(Value(e, "latency_us_max"), 1020 * 0.064);
  EXPECT_FALSE(Has(e, "cycles_p50"));
  EXPECT_EQ(Value(e, "ram_model_bytes"), 1100);
  EXPECT_EQ(Value(e, "flash_rig_bytes"), 200);
  EXPECT_EQ(Value(e, "output_mismatches"), 0);
  EXPECT_DOUBLE_EQ(Value(e, "accuracy_top1"), 2.0 / 3);
  for (const auto& m : e.measurements) {
    EXPECT_NE(FindMetric(m.metric()), nullptr) << m.metric();
    EXPECT_EQ(m.fidelity(), v1::FIDELITY_EMULATED);
    EXPECT_FALSE(m.method().empty()) << m.metric();
    EXPECT_FALSE(m.unit().empty()) << m.metric();
  }
}

TEST_F(EvaluateTest, CyclesOnlyWhereHardwareCountedThem) {
  result_.mutable_identity()->set_counter_kind(2);
  result_.mutable_identity()->set_counter_hz(15'625'000);
  // An emulated board that says it counts cycles is not what the bench file says.
  ASSERT_TRUE(Run().failure);
  EXPECT_EQ(Run().failure->owner(), v1::FAILURE_OWNER_BENCH);
  EXPECT_FALSE(Has(Run(), "cycles_min"));
  request_.fidelity = v1::FIDELITY_HARDWARE;
  const Evaluation e = Run();
  EXPECT_EQ(Value(e, "cycles_min"), 1600);
  EXPECT_FALSE(Has(e, "instructions_min"));
  request_.fidelity = v1::FIDELITY_NATIVE;
  result_.mutable_identity()->set_counter_kind(3);
  result_.mutable_identity()->set_counter_hz(1'000'000'000);
  const Evaluation native = Run();
  EXPECT_EQ(Value(native, "latency_us_min"), 1.6);
  EXPECT_FALSE(Has(native, "cycles_min"));
}

TEST_F(EvaluateTest, AWindowThatTheCounterCannotHoldGivesNoNumber) {
  result_.mutable_samples(3)->set_ticks(device::kTicksOverflow);
  const Evaluation e = Run();
  ASSERT_TRUE(e.failure);
  EXPECT_EQ(e.failure->owner(), v1::FAILURE_OWNER_INFEASIBLE);
  EXPECT_NE(e.failure->message().find("171.8 s"), std::string::npos) << e.failure->message();
  EXPECT_FALSE(Has(e, "instructions_min"));
  EXPECT_FALSE(Has(e, "latency_us_min"));
}

TEST_F(EvaluateTest, WarmupDoesNotCount) {
  auto* sample = result_.add_samples();
  sample->set_warmup(true);
  sample->set_ticks(1);
  EXPECT_EQ(Value(Run(), "instructions_min"), 1000);
}

TEST_F(EvaluateTest, NoLabelsNoAccuracy) {
  expected_.labels.clear();
  EXPECT_FALSE(Has(Run(), "accuracy_top1"));
}

TEST_F(EvaluateTest, AnotherOutputIsTheVariantsFailureWithEvidence) {
  Answer(1, Bytes({0, -1, 7, 5}));
  const Evaluation e = Run();
  ASSERT_TRUE(e.failure);
  EXPECT_EQ(e.failure->owner(), v1::FAILURE_OWNER_VARIANT);
  EXPECT_EQ(Value(e, "output_mismatches"), 1);
  EXPECT_EQ(e.failure->evidence(0), "first differing vector: 1, byte 2 of 4");
  EXPECT_EQ(e.failure->evidence(1), "host reference: 00fffe05");
  EXPECT_EQ(e.failure->evidence(2), "device: 00ff0705");
  EXPECT_FALSE(Has(e, "instructions_min"));
}

TEST_F(EvaluateTest, ShortOutputIsAMismatchNotACrash) {
  Answer(2, Bytes({2, 2}));
  EXPECT_EQ(Value(Run(), "output_mismatches"), 1);
}

TEST_F(EvaluateTest, DigestOfTheRightBytesIsEnough) {
  result_.mutable_outputs()->Clear();
  const Evaluation e = Run();
  EXPECT_FALSE(e.failure);
  EXPECT_DOUBLE_EQ(Value(e, "accuracy_top1"), 2.0 / 3);
  for (auto& sample : *result_.mutable_samples()) sample.set_output_crc32c(1);
  EXPECT_EQ(Value(Run(), "output_mismatches"), 3);
}

TEST_F(EvaluateTest, ABoardWhosePllDidNotStartIsTheBenchs) {
  request_.clock_hz = 15'625'000;
  EXPECT_FALSE(Run().failure);
  request_.clock_hz = 100'000'000;
  const Evaluation e = Run();
  ASSERT_TRUE(e.failure);
  EXPECT_EQ(e.failure->owner(), v1::FAILURE_OWNER_BENCH);
  EXPECT_NE(e.failure->message().find("15625000 Hz"), std::string::npos);
  EXPECT_FALSE(Has(e, "latency_us_min"));
}

TEST_F(EvaluateTest, AnAnswerThatChangesIsTheVariantsFailure) {
  result_.mutable_samples(1)->set_output_crc32c(1);
  const Evaluation e = Run();
  ASSERT_TRUE(e.failure);
  EXPECT_EQ(e.failure->owner(), v1::FAILURE_OWNER_VARIANT);
  EXPECT_NE(e.failure->message().find("repetition 1"), std::string::npos);
}

TEST_F(EvaluateTest, WrongBytesOnTheLinkAreTheBenchs) {
  result_.mutable_samples(3)->set_input_crc32c(99);
  EXPECT_EQ(Run().failure->owner(), v1::FAILURE_OWNER_BENCH);
  result_.mutable_samples(3)->set_input_crc32c(11);
  result_.mutable_outputs(0)->set_data("xxxx");
  EXPECT_EQ(Run().failure->owner(), v1::FAILURE_OWNER_BENCH);
}

TEST_F(EvaluateTest, IncompleteOrInventedSamplesAreTheServices) {
  const auto owner = [this] {
    return Run().failure ? Run().failure->owner() : v1::FAILURE_OWNER_UNSPECIFIED;
  };
  result_.mutable_samples()->RemoveLast();
  EXPECT_EQ(owner(), v1::FAILURE_OWNER_SERVICE);
  *result_.add_samples() = result_.samples(0);
  EXPECT_EQ(owner(), v1::FAILURE_OWNER_SERVICE);
  result_.mutable_samples(5)->set_vector_index(4'000'000'000u);
  EXPECT_EQ(owner(), v1::FAILURE_OWNER_SERVICE);
  result_.set_vector_set_crc32c(1);
  EXPECT_EQ(owner(), v1::FAILURE_OWNER_SERVICE);
}

TEST_F(EvaluateTest, MissingClockIsNoCrash) {
  result_.mutable_identity()->set_counter_hz(0);
  EXPECT_EQ(Run().failure->owner(), v1::FAILURE_OWNER_SERVICE);
}

TEST_F(EvaluateTest, TheAgentsFailureIsPassedOnWithPlannedCosts) {
  result_.mutable_failure()->set_owner(v1::FAILURE_OWNER_BENCH);
  result_.mutable_failure()->set_message("probe lost");
  const Evaluation e = Run();
  EXPECT_EQ(e.failure->message(), "probe lost");
  EXPECT_EQ(Value(e, "arena_bytes"), 1000);
}

TEST_F(EvaluateTest, MeasuredRamBeyondTheLimitIsInfeasible) {
  request_.limits.set_ram_model_bytes(1099);
  EXPECT_EQ(Run().failure->owner(), v1::FAILURE_OWNER_INFEASIBLE);
  request_.limits.set_ram_model_bytes(1100);
  EXPECT_FALSE(Run().failure);
}

TEST_F(EvaluateTest, FusedMacsAreCountedAndMustBeThePlans) {
  facts_.fused_macs = 130;
  facts_.fused_macs_unfused = 100;
  EXPECT_FALSE(Has(Run(), "fused_macs")) << "no run showed the layers";
  for (const uint64_t macs : {50, 80}) {
    auto* layer = result_.add_layers();
    layer->set_macs(macs);
  }
  auto* other_vector = result_.add_layers();
  other_vector->set_vector_index(1);
  other_vector->set_macs(1);
  const Evaluation sound = Run();
  EXPECT_FALSE(sound.failure);
  EXPECT_EQ(Value(sound, "fused_macs"), 130);
  EXPECT_EQ(Value(sound, "mac_factor"), 1.3);
  facts_.fused_macs = 131;
  const Evaluation other = Run();
  ASSERT_TRUE(other.failure);
  EXPECT_EQ(other.failure->owner(), v1::FAILURE_OWNER_VARIANT);
  EXPECT_NE(other.failure->message().find("130 MACs on the device, the plan has 131"),
            std::string::npos);
}

TEST_F(EvaluateTest, TheArenaWithoutInputAndOutputIsThePlans) {
  EXPECT_FALSE(Has(Run(), "arena_without_io_bytes")) << "of a plan that does not know it";
  facts_.fused_peak_without_io_bytes = 700;
  EXPECT_EQ(Value(Run(), "arena_without_io_bytes"), 700);
}

TEST_F(EvaluateTest, LayersCarryOperatorAndVectorNames) {
  expected_.names = {"A", "B", "C"};
  auto* layer = result_.add_layers();
  layer->set_vector_index(1);
  layer->set_tflite_index(5);
  layer->set_fnv1a32(0xfeedbeef);
  const Evaluation e = Run();
  ASSERT_EQ(e.layers.size(), 1u);
  EXPECT_EQ(e.layers[0].vector(), "B");
  EXPECT_EQ(e.layers[0].op_name(), "CONV_2D");
  EXPECT_EQ(e.layers[0].fnv1a32(), 0xfeedbeefu);
}

TEST_F(EvaluateTest, LayersCarryWhatTheyTookAndWhatThePlanKnows) {
  facts_.ops = {{"SPLIT", 4, 0, "plain", {1, 2}},
                {"SPLIT", 4, 0, "plain", {1, 3}},
                {"CONV_2D", 5, 900, "packed int8", {1, 4, 4, 8}}};
  for (uint32_t op = 0; op < 3; ++op) {
    auto* layer = result_.add_layers();
    layer->set_op_index(op);
    layer->set_tflite_index(op < 2 ? 4 : 5);
    layer->set_ticks(16 * (op + 1));
  }
  result_.mutable_layers(1)->set_ticks(device::kTicksOverflow);
  const Evaluation e = Run();
  ASSERT_EQ(e.layers.size(), 3u);
  EXPECT_EQ(e.layers[0].counted(), 10u) << "instructions: 8 for 5 ticks";
  EXPECT_EQ(e.layers[0].output_shape(1), 2u);
  EXPECT_EQ(e.layers[1].output_shape(1), 3u) << "two steps of one operator of the model";
  EXPECT_FALSE(e.layers[1].has_counted()) << "a window that was too long is no number";
  EXPECT_EQ(e.layers[2].counted(), 30u);
  EXPECT_EQ(e.layers[2].macs(), 900u);
  EXPECT_EQ(e.layers[2].form(), "packed int8");
  EXPECT_EQ(e.layers[2].ticks(), 48u);

  result_.mutable_identity()->set_counter_kind(3);
  result_.mutable_identity()->set_counter_hz(1'000'000);
  EXPECT_EQ(Run().layers[0].counted(), 16'000u) << "nanoseconds of the host";
  result_.mutable_identity()->set_counter_kind(0);
  EXPECT_FALSE(Run().layers[0].has_counted());
}

}  // namespace
}  // namespace tinyrig::server
