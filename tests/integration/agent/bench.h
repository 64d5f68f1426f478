#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/session/attempt.h"
#include "tests/integration/agent/image_builder.h"
#include "tests/integration/vboard/harness.h"
#include "tests/unit/agent/run_coroutine.h"

namespace tinyrig::agent {

/// Files by the name that stands for their hash.
class FolderSource : public ArtifactSource {
 public:
  explicit FolderSource(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Awaitable<Result<std::filesystem::path>> Get(v1::ArtifactRef ref, Deadline) override;

 private:
  std::filesystem::path folder_;
};

/// Keeps what it was told.
class RecordingSink : public ProgressSink {
 public:
  void Progress(std::string phase, uint32_t done, uint32_t total, std::string log) override;
  std::vector<std::string> phases;  ///< Without repetitions.
  std::vector<std::string> logs;
  /// Called on every report, for tests that do something in the middle of a phase.
  std::function<void(const std::string& phase, uint32_t done)> hook;
};

/// Which directions go through the board's RAM and the probe instead of the UART.
struct Rings {
  bool out = false;
  bool in = false;
};

struct BenchOptions {
  int boards = 1;
  bool crossed = false;   ///< The links of the first two boards are swapped.
  uint32_t dpidr = 0;     ///< What the bench file says of the boards' debug ports; 0: the truth.
  bool one_shot = false;  ///< OpenOCD is started for every use of the probe.
  Rings rings = {};
  std::string type = "virtual_m4";
};

/// Virtual boards b1, b2, ... with the agent's own drivers on them, and no server.
class Bench {
 public:
  explicit Bench(const BenchOptions& options = {});

  const std::filesystem::path& artifacts() const { return artifact_folder_; }
  vboard::RunningBoard& virtual_board(int index) { return *virtual_boards_[index]; }
  Board& board(int index) { return *boards_[index]; }

  /// A job as the server would offer it; no vectors yet.
  v1::LeaseOffer Offer(const BuiltImage& image) const;
  v1::LeaseOffer PatternOffer(const BuiltImage& image, const std::string& letters) const;

  /// Runs one attempt to its end.
  v1::AttemptResult Run(v1::LeaseOffer offer, int board = 0);
  /// One attempt on each board, at the same time.
  std::vector<v1::AttemptResult> RunAll(v1::LeaseOffer offer);
  /// Runs anything else of the agent's to its end.
  template <typename T>
  T Do(Awaitable<T> coroutine) {
    return RunCoroutine(io_, std::move(coroutine));
  }
  /// Starts an attempt and cancels it when it reports `phase`; true when it then ended.
  bool RunAndCancel(v1::LeaseOffer offer, std::string phase);

  RecordingSink progress;

 private:
  Awaitable<void> Keep(v1::LeaseOffer offer, int board, v1::AttemptResult& result);

  vboard::ScratchDirectory scratch_;
  std::filesystem::path artifact_folder_;
  asio::io_context io_;
  std::vector<std::unique_ptr<vboard::RunningBoard>> virtual_boards_;
  Boards boards_;
  std::unique_ptr<FolderSource> source_;
};

/// All evidence and the message, for assertions and for people.
std::string Describe(const v1::Failure& failure);

/// Passes when the attempt has no failure.
testing::AssertionResult Succeeded(const v1::AttemptResult& result);
/// Passes when it failed and the bench owns that.
testing::AssertionResult FailedOnTheBench(const v1::AttemptResult& result);

}  // namespace tinyrig::agent
