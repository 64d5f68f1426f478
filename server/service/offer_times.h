#pragma once

#include <map>

#include "server/model/histogram.h"
#include "server/scheduling/scheduler.h"

namespace tinyrig::server {

/// How long attempts waited in the queue: from when the job began to wait, or wait again, to the
/// offer. Of this process, as all metrics are.
Histogram& QueueTimes();
/// From the arrival of a board's result to the next offer to it, among jobs that waited already.
Histogram& DispatchTimes();

/// Takes both from one agent's stream. On the io thread.
class OfferTimes {
 public:
  /// A result of this lease has come.
  void Reported(const Lease& lease, TimeUs now) { reported_us_[lease.board] = now; }
  /// The lease is being offered.
  void Offered(const Lease& lease, TimeUs now);
  /// Boards that are still without a job have none that they could take: what comes later is no
  /// delay.
  void Forget() { reported_us_.clear(); }

 private:
  std::map<BoardId, TimeUs> reported_us_;
};

}  // namespace tinyrig::server
