#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "agent/drivers/registry.h"
#include "firmware/compiler/reference_run.h"
#include "proto/device/messages.h"
#include "proto/vectors/vector_set.h"
#include "tests/integration/agent/bench.h"

/// Attempts on native boards: the session, the driver and the firmware as a process of this host.
namespace tinyrig::agent {
namespace {

using testing::HasSubstr;

namespace fs = std::filesystem;
constexpr char kDsp[] = "kernels=dsp,weights=int8";

/// Pids of the processes that were started with `argument`.
std::vector<pid_t> ProcessesOf(const std::string& argument) {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    std::string program, first;
    std::getline(file, program, '\0');
    std::getline(file, first, '\0');
    if (first == argument) pids.push_back(std::stoi(entry.path().filename()));
  }
  return pids;
}

/// Hands on what it is told, but can write other segments than it was given, and says nothing.
class LyingProbe : public Probe {
 public:
  explicit LyingProbe(std::unique_ptr<Probe> probe) : probe_(std::move(probe)) {}
  Awaitable<Result<ProbeIdentity>> Identify(Deadline deadline) override {
    return probe_->Identify(deadline);
  }
  Awaitable<Result<FlashReport>> Flash(FlashRequest request, Deadline deadline) override {
    if (!instead.empty()) request.segments = instead;
    last = request.segments;
    return probe_->Flash(std::move(request), deadline);
  }
  Awaitable<Result<std::vector<std::vector<uint8_t>>>> ReadMemory(std::vector<MemoryRange> ranges,
                                                                  Deadline deadline) override {
    return probe_->ReadMemory(std::move(ranges), deadline);
  }
  Awaitable<Status> Reset(Deadline deadline) override { return probe_->Reset(deadline); }

  std::vector<FlashSegment> last;
  std::vector<FlashSegment> instead;

 private:
  std::unique_ptr<Probe> probe_;
};

class NativeTest : public testing::Test {
 protected:
  NativeTest() : folder_(fs::path(scratch_.path()) / "board"), source_(scratch_.path()) {
    boards_.push_back(std::make_unique<Board>());
    Board& board = *boards_[0];
    board.id = "n1";
    board.type = "native";
    auto probe = std::make_unique<LyingProbe>(Make("N1"));
    probe_ = probe.get();
    board.probe = std::move(probe);
    LinkConfig link;
    link.driver = "uart";
    link.port = folder_ / "tty";
    board.link = std::move(*MakeLinkPort(link, *board.probe, io_));
  }

  std::unique_ptr<Probe> Make(const std::string& serial) {
    ProbeConfig config;
    config.driver = "native";
    config.serial = serial;
    config.folder = folder_;
    auto probe = MakeProbe(config, "", "");
    EXPECT_TRUE(probe.ok()) << probe.status().message();
    return std::move(*probe);
  }

  v1::LeaseOffer Offer(const BuiltImage& image, const std::string& letters) {
    v1::LeaseOffer offer;
    offer.set_deadline_ms(100000);
    *offer.mutable_image() = image.image;
    offer.mutable_vectors()->set_patterns(letters);
    v1::Execution& execution = *offer.mutable_execution();
    execution.set_repetitions(3);
    execution.set_input_bytes(image.input_bytes);
    execution.add_inputs()->set_elements(image.input_bytes);
    execution.set_output_bytes(image.output_bytes);
    execution.set_inference_timeout_ms(3000);
    return offer;
  }

  v1::AttemptResult Run(v1::LeaseOffer offer) {
    return RunCoroutine(io_,
                        RunAttempt(std::move(offer), *boards_[0], boards_, source_, progress_));
  }

  const fs::path& artifacts() const { return artifacts_; }

  vboard::ScratchDirectory scratch_;
  fs::path folder_;
  fs::path artifacts_ = scratch_.path();
  asio::io_context io_;
  FolderSource source_;
  RecordingSink progress_;
  Boards boards_;
  LyingProbe* probe_ = nullptr;
};

TEST_F(NativeTest, GivesTheHostsBytesInTimeOfTheHost) {
  for (const char* variant : {"kernels=reference,weights=int8", kDsp}) {
    SCOPED_TRACE(variant);
    const BuiltImage image = BuildZooImage("digits_cnn", variant, artifacts(), "native");
    const auto result = Run(Offer(image, "AB"));
    ASSERT_TRUE(Succeeded(result));
    const vectors::InputTensor input{image.input_bytes, false};
    const auto set = *vectors::MakePatternSet("AB", std::span(&input, 1));
    auto reference = compiler::ReferenceRunner::Make(image.blob);
    ASSERT_TRUE(reference.ok());
    ASSERT_EQ(result.outputs_size(), 2);
    for (int i = 0; i < 2; ++i) {
      const auto expected = reference->Run(std::as_bytes(set.input(static_cast<size_t>(i))));
      EXPECT_EQ(result.outputs(i).data(),
                std::string(reinterpret_cast<const char*>(expected->bytes.data()),
                            expected->bytes.size()));
    }
    EXPECT_EQ(result.samples_size(), 2 * 3);
    for (const auto& sample : result.samples()) {
      EXPECT_GT(sample.ticks(), 1000u) << "a model takes longer than a microsecond";
      EXPECT_LT(sample.ticks(), device::kTicksOverflow);
    }
    EXPECT_EQ(result.identity().counter_kind(),
              static_cast<uint32_t>(device::CounterKind::kHostClock));
    EXPECT_EQ(result.identity().counter_hz(), 1'000'000'000u);
    EXPECT_EQ(result.identity().mcu_uid(), boards_[0]->mcu_uid);
    EXPECT_GT(result.marks().arena_used_bytes(), 64u);
    EXPECT_GT(result.marks().stack_used_bytes(), 0u);
    EXPECT_LT(result.marks().stack_used_bytes(), result.marks().stack_bytes());
  }
}

TEST_F(NativeTest, AnImageThatWasNotWrittenDoesNotPass) {
  const BuiltImage image = BuildZooImage("digits_cnn", kDsp, artifacts(), "native");
  ASSERT_TRUE(Succeeded(Run(Offer(image, "A"))));
  probe_->instead = probe_->last;
  const std::pair<BuiltImage, const char*> others[] = {
      {BuildZooImage("digits_cnn", "kernels=reference,weights=int8", artifacts(), "native"),
       "code CRC"},
      {BuildZooImage("digits_ds", kDsp, artifacts(), "native"), "model CRC"}};
  for (const auto& [other, evidence] : others) {
    const auto result = Run(Offer(other, "A"));
    ASSERT_TRUE(FailedOnTheBench(result));
    EXPECT_THAT(Describe(result.failure()), HasSubstr(evidence));
  }
  probe_->instead.clear();
  EXPECT_TRUE(Succeeded(Run(Offer(others[0].first, "A"))));
}

TEST_F(NativeTest, ACrashIsTheVariants) {
  // The first byte of pattern A is 3: a store into the code.
  const BuiltImage image = BuildFaultyImage(16, artifacts(), "native");
  const auto result = Run(Offer(image, "A"));
  ASSERT_TRUE(result.has_failure());
  EXPECT_EQ(result.failure().owner(), v1::FAILURE_OWNER_VARIANT) << Describe(result.failure());
  EXPECT_THAT(result.failure().message(), HasSubstr("memory"));
  const BuiltImage sound = BuildZooImage("digits_ds", kDsp, artifacts(), "native");
  EXPECT_TRUE(Succeeded(Run(Offer(sound, "A")))) << "flashed anew, it works again";
}

TEST_F(NativeTest, AKilledBoardIsTheBenchs) {
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, artifacts(), "native");
  progress_.hook = [&](const std::string& phase, uint32_t) {
    if (phase != "stream") return;
    for (const pid_t pid : ProcessesOf(folder_)) kill(pid, SIGKILL);
  };
  EXPECT_TRUE(FailedOnTheBench(Run(Offer(image, "A"))));
  progress_.hook = nullptr;
  EXPECT_TRUE(Succeeded(Run(Offer(image, "A"))));
}

TEST_F(NativeTest, LeavesNothingBehind) {
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, artifacts(), "native");
  ASSERT_TRUE(Succeeded(Run(Offer(image, "A"))));
  EXPECT_EQ(ProcessesOf(folder_).size(), 1u);
  EXPECT_TRUE(fs::exists(folder_ / "50000000.bin"));
  boards_.clear();
  EXPECT_TRUE(ProcessesOf(folder_).empty());
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder_)) left.push_back(entry.path().filename());
  EXPECT_THAT(left, testing::ElementsAre("lock"));
}

TEST_F(NativeTest, AFolderHasOneUser) {
  const auto identity = RunCoroutine(io_, probe_->Identify(Within(milliseconds(1000))));
  ASSERT_TRUE(identity.ok()) << identity.status().message();
  auto second = Make("N2");
  const auto refused = RunCoroutine(io_, second->Identify(Within(milliseconds(1000))));
  EXPECT_EQ(refused.status().code(), Code::kUnavailable);
  boards_.clear();
  const auto other = RunCoroutine(io_, second->Identify(Within(milliseconds(1000))));
  ASSERT_TRUE(other.ok()) << other.status().message();
  EXPECT_NE(UidHex(other->uid), UidHex(identity->uid)) << "the serial decides";
}

TEST_F(NativeTest, AnEmptyBoardSaysSo) {
  const Status status = RunCoroutine(io_, probe_->Reset(Within(milliseconds(1000))));
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("flash it first"));
}

}  // namespace
}  // namespace tinyrig::agent
