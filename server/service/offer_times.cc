#include "server/service/offer_times.h"

namespace tinyrig::server {

Histogram& QueueTimes() {
  static Histogram times(Histogram::kWaits);
  return times;
}

Histogram& DispatchTimes() {
  static Histogram times;
  return times;
}

void OfferTimes::Offered(const Lease& lease, TimeUs now) {
  QueueTimes().Observe(static_cast<double>(now - lease.queued_us) / 1e6);
  const auto reported = reported_us_.find(lease.board);
  if (reported == reported_us_.end()) return;
  if (lease.queued_us <= reported->second) {
    DispatchTimes().Observe(static_cast<double>(now - reported->second) / 1e6);
  }
  reported_us_.erase(reported);
}

}  // namespace tinyrig::server
