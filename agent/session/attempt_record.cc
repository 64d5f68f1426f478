#include "agent/session/attempt_record.h"

#include <utility>

namespace tinyrig::agent {

AttemptRecord::AttemptRecord(ProgressSink& progress)
    : progress_(progress),
      started_us_(ToUs(std::chrono::system_clock::now().time_since_epoch())),
      started_(Clock::now()) {}

AttemptRecord::Phase::Phase(AttemptRecord& record, const char* name)
    : record_(record), span_(record.result.timeline_size()) {
  record_.phase_ = name;
  record_.progress_.Progress(name, 0, 0, "");
  const int64_t now_us = record_.NowUs();
  record_.AddSpan(name, now_us, now_us);
}

AttemptRecord::Phase::~Phase() {
  v1::Span& span = *record_.result.mutable_timeline(span_);
  span.set_duration_us(record_.NowUs() - span.start_us());
}

void AttemptRecord::AddSpan(std::string name, int64_t start_us, int64_t end_us) {
  v1::Span& span = *result.add_timeline();
  span.set_name(std::move(name));
  span.set_start_us(start_us);
  span.set_duration_us(end_us - start_us);
}

void AttemptRecord::Log(std::string line) {
  result.add_log(line);
  progress_.Progress(phase_, 0, 0, std::move(line));
}

void AttemptRecord::Progress(size_t done, size_t total) {
  progress_.Progress(phase_, static_cast<uint32_t>(done), static_cast<uint32_t>(total), "");
}

int64_t AttemptRecord::NowUs() const { return started_us_ + ToUs(Clock::now() - started_); }

}  // namespace tinyrig::agent
