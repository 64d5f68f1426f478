#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "agent/session/attempt.h"

namespace tinyrig::agent {

template <typename Duration>
int64_t ToUs(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

/// What an attempt leaves behind, written as it goes: the result with its timeline and log, and
/// progress for those who watch.
class AttemptRecord {
 public:
  explicit AttemptRecord(ProgressSink& progress);
  AttemptRecord(const AttemptRecord&) = delete;
  AttemptRecord& operator=(const AttemptRecord&) = delete;

  /// A phase of the timeline, from here to its destruction, however that comes about.
  class Phase {
   public:
    Phase(AttemptRecord& record, const char* name);
    ~Phase();
    Phase(const Phase&) = delete;
    Phase& operator=(const Phase&) = delete;

   private:
    AttemptRecord& record_;
    int span_;  ///< By its place: others are added while it lasts.
  };

  void AddSpan(std::string name, int64_t start_us, int64_t end_us);
  void Log(std::string line);
  void Progress(size_t done, size_t total);

  const std::string& phase() const { return phase_; }
  /// The wall clock at the start, and steady time since then: a clock that is set meanwhile changes
  /// no duration.
  int64_t NowUs() const;
  int64_t started_us() const { return started_us_; }

  v1::AttemptResult result;

 private:
  ProgressSink& progress_;
  const int64_t started_us_;
  const Clock::time_point started_;
  std::string phase_;
};

}  // namespace tinyrig::agent
