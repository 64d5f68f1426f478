#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "agent/session/attempt.h"

namespace tinyrig::agent {

/// What an attempt leaves behind, written as it goes: the result with its timeline and log, and
/// progress for those who watch.
class AttemptRecord {
 public:
  explicit AttemptRecord(ProgressSink& progress) : progress_(progress) {}
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
  /// Wall clock.
  static int64_t NowUs();

  v1::AttemptResult result;

 private:
  ProgressSink& progress_;
  std::string phase_;
};

inline int64_t ToUs(Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

}  // namespace tinyrig::agent
