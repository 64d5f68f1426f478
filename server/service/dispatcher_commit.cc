#include <spdlog/spdlog.h>

#include "server/service/agent_messages.h"
#include "server/service/dispatcher.h"

// One commit carries the results that came while the io thread was busy with the one before, the
// leases of the boards that they free, and those that began otherwise: a board waits for the disk
// once between two jobs, and a busy server waits once for many of both.
namespace tinyrig::server {
namespace {

constexpr size_t kMaxLeftOut = 16;

}  // namespace

void Dispatcher::MatchAndOffer() {
  if (stopped_ || !store_trouble_.ok()) return;
  for (Lease& lease : scheduler_.Match(clock_.Now())) begun_.push_back(std::move(lease));
  if (!begun_.empty()) ScheduleCommit();
}

void Dispatcher::ScheduleCommit() {
  if (commit_scheduled_) return;
  commit_scheduled_ = true;
  boost::asio::post(executors_.io, [this] {
    commit_scheduled_ = false;
    Commit();
  });
}

void Dispatcher::Commit() {
  if (stopped_ || (begun_.empty() && judged_.empty())) return;
  std::vector<Lease> leases = std::exchange(begun_, {});
  // Cancelled meanwhile.
  std::erase_if(leases, [&](const Lease& lease) { return scheduler_.Find(lease.key) == nullptr; });
  std::vector<Ending> endings = TakeJudged();
  if (!judged_.empty()) ScheduleCommit();

  Result<Store::Group> group = store_.BeginGroup();
  Status whole = group.status();
  for (Ending& ending : endings) {
    ending.stored = whole.ok() ? StoreEnding(ending) : whole;
  }
  Status leased = whole;
  if (whole.ok()) {
    LeaseAgain(endings, &leases);
    leased = StoreLeases(&leases);
    whole = group->Commit();
  }
  if (!whole.ok()) leased = whole;
  if (!leased.ok()) TakeBack(leases, leased);

  for (Ending& ending : endings) {
    const bool alone = whole.ok() && !ending.stored.ok();
    if (ending.stored.ok()) ending.stored = whole;
    if (ending.stored.ok()) {
      Settle(ending);
      if (ending.stale) GoByStore(ending.lease.key.job);
      Ack(ending.lease.agent, ending.lease.key);
    } else if (!alone || !EndUnstorable(ending)) {
      NoteStore(ending.stored);
      NotStored(std::move(ending));
    }
  }
  if (leased.ok()) Offer(leases);
  if (!endings.empty()) StartReferences();
  MatchAndOffer();
}

bool Dispatcher::JustBegun(const LeaseKey& key) const {
  return std::ranges::any_of(begun_, [&](const Lease& lease) { return lease.key == key; });
}

// Other boards wait until it is stored how the attempt ended: their health decides what comes next,
// or a reference job does.
bool Dispatcher::FreesBoard(const Ending& ending) const {
  const Lease& lease = ending.lease;
  if (!ending.stored.ok() || ending.ended.failure || lease.reference) return false;
  const BoardView* board = scheduler_.FindBoard(lease.board);
  const auto record = board_records_.find(lease.board);
  return board != nullptr && board->condition.health == v1::BOARD_HEALTH_GOOD &&
         record != board_records_.end() &&
         record->second.jobs_since_reference + 1 < policy_.every_jobs;
}

void Dispatcher::LeaseAgain(std::vector<Ending>& endings, std::vector<Lease>* leases) {
  for (Ending& ending : endings) {
    if (FreesBoard(ending)) ending.finished = scheduler_.Finish(ending.lease.key, clock_.Now());
  }
  if (!store_trouble_.ok()) return;
  for (Lease& lease : scheduler_.Match(clock_.Now())) leases->push_back(std::move(lease));
}

// One job that is not what the database says must not keep all others waiting.
Status Dispatcher::StoreLeases(std::vector<Lease>* leases) {
  if (leases->empty()) return {};
  const Status all = store_.AddLeases(*leases, clock_.Now());
  if (all.code() != Code::kInternal) return all;
  Status trouble;
  std::erase_if(*leases, [&](const Lease& lease) {
    const Status one = store_.AddLeases(std::span(&lease, 1), clock_.Now());
    if (one.ok()) return false;
    if (const Status left = LeaveOut(lease, one); !left.ok()) trouble = left;
    return true;
  });
  NoteStore(trouble);
  return {};
}

// The next tick looks at what the database says of it. When it is many, the trouble is the store's.
Status Dispatcher::LeaveOut(const Lease& lease, const Status& why) {
  if (left_out_.size() >= kMaxLeftOut) {
    scheduler_.Withdraw(lease.key, clock_.Now());
    return why;
  }
  spdlog::error("{} was not offered: {}", Text(lease.key), why.message());
  scheduler_.Cancel(lease.key.job, clock_.Now());
  left_out_.push_back(lease.key.job);
  return {};
}

void Dispatcher::TakeBack(const std::vector<Lease>& leases, const Status& why) {
  if (leases.empty()) return;
  spdlog::error("{} leases cannot be stored: {}", leases.size(), why.message());
  for (const Lease& lease : leases) scheduler_.Withdraw(lease.key, clock_.Now());
  NoteStore(why);
}

void Dispatcher::Offer(const std::vector<Lease>& leases) {
  for (const Lease& lease : leases) {
    const Status offered = Offer(lease);
    if (offered.ok()) continue;
    spdlog::error("{} cannot be offered: {}", Text(lease.key), offered.message());
    Withdraw(lease, offered.message());
  }
}

// A lease that was stored and not taken up: it never was.
void Dispatcher::Withdraw(const Lease& lease, const std::string& why) {
  if (const Status dropped = store_.DropLease(lease, why, clock_.Now()); !dropped.ok()) {
    spdlog::error("{}: {}", Text(lease.key), dropped.message());
    return;  // The deadline ends it.
  }
  hub_.Ended(lease.key);
  scheduler_.Withdraw(lease.key, clock_.Now());
  hub_.Changed(lease.campaign);
}

Status Dispatcher::Offer(const Lease& lease) {
  const auto session = sessions_.find(lease.agent);
  if (session == sessions_.end()) return {Code::kUnavailable, "its agent is not connected"};
  TRY_ASSIGN(const JobContext context, store_.LoadJob(lease.key.job));
  v1::ServerMessage message;
  *message.mutable_offer() = MakeOffer(lease, context);
  session->second.link->Send(std::move(message));
  hub_.Changed(lease.campaign);
  spdlog::debug("{} offered to board {}", Text(lease.key), lease.board.value);
  return {};
}

}  // namespace tinyrig::server
