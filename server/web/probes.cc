#include "server/web/probes.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <optional>
#include <tuple>

#include "server/model/names.h"
#include "server/service/offer_times.h"
#include "server/web/metrics_page.h"

namespace tinyrig::server {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kProbe{250};

// What belongs to the io thread, copied there.
struct IoFacts {
  std::vector<v1::Board> boards;
  std::vector<v1::Agent> agents;
  Status writable;
};

asio::awaitable<IoFacts> AskIo(Backend& backend) {
  IoFacts facts;
  facts.boards = backend.dispatcher.Boards();
  facts.agents = backend.dispatcher.Agents();
  facts.writable = backend.store.CheckWritable();
  co_return facts;
}

asio::awaitable<Status> AskReady(Backend& backend) {
  if (backend.dispatcher.scheduler().draining()) {
    co_return Status(Code::kUnavailable, "draining");
  }
  CO_TRY(backend.store.CheckRoom());
  co_return backend.store.CheckWritable();
}

Result<ServiceCounts> ReadCounts(Backend& backend) {
  TRY_ASSIGN(const ReaderPool::Lent reader, backend.readers.Borrow());
  return reader->Counts();
}

asio::awaitable<std::optional<ServiceCounts>> AskReader(Backend& backend) {
  Result<ServiceCounts> counts = ReadCounts(backend);
  if (!counts.ok()) co_return std::nullopt;
  co_return std::move(*counts);
}

uintmax_t SizeOf(const fs::path& file) {
  std::error_code error;
  const uintmax_t size = fs::file_size(file, error);
  return error ? 0 : size;
}

std::string ShortState(const std::string& name, std::string_view prefix) {
  std::string word = name.starts_with(prefix) ? name.substr(prefix.size()) : name;
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::tolower(c); });
  return word;
}

void AddJobs(const ServiceCounts& counts, MetricsPage* page) {
  page->Family("tinyrig_jobs", "gauge", "Jobs that the database has, by state.");
  for (const auto& [state, count] : counts.jobs_by_state) {
    page->Sample(static_cast<double>(count), {{"state", state}});
  }
  page->Family("tinyrig_queue_jobs", "gauge", "Jobs that wait, by board type.");
  for (const auto& [type, count] : counts.queued_by_type) {
    page->Sample(static_cast<double>(count), {{"board_type", type}});
  }
  page->Family("tinyrig_queue_priority_jobs", "gauge", "Jobs that wait, by campaign priority.");
  for (const auto& [priority, count] : counts.queued_by_priority) {
    page->Sample(static_cast<double>(count), {{"priority", priority}});
  }
  page->Family("tinyrig_failed_jobs", "gauge",
               "Failed jobs that the database has, by who is to blame.");
  for (const auto& [owner, count] : counts.failed_by_owner) {
    page->Sample(static_cast<double>(count), {{"owner", owner}});
  }
}

void AddBoards(const IoFacts& facts, MetricsPage* page) {
  std::map<std::tuple<std::string, std::string, std::string>, size_t> boards;
  for (const v1::Board& board : facts.boards) {
    ++boards[{board.board_type(), ShortState(v1::BoardState_Name(board.state()), "BOARD_STATE_"),
              std::string(ToText(board.health()))}];
  }
  page->Family("tinyrig_boards", "gauge", "Boards by type, state and health.");
  for (const auto& [key, count] : boards) {
    page->Sample(static_cast<double>(count), {{"board_type", std::get<0>(key)},
                                              {"state", std::get<1>(key)},
                                              {"health", std::get<2>(key)}});
  }
  size_t connected = 0;
  for (const v1::Agent& agent : facts.agents) connected += agent.connected() ? 1 : 0;
  page->Family("tinyrig_agents", "gauge", "Agents that are known.");
  page->Sample(static_cast<double>(connected), {{"connected", "true"}});
  page->Sample(static_cast<double>(facts.agents.size() - connected), {{"connected", "false"}});
}

// Nothing when there is no backup: an alert on absence says so.
void AddBackupAge(const fs::path& folder, MetricsPage* page) {
  std::error_code error;
  fs::file_time_type newest = fs::file_time_type::min();
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    const fs::file_time_type time = it->last_write_time(gone);
    if (!gone && it->path().extension() == ".db") newest = std::max(newest, time);
  }
  if (newest == fs::file_time_type::min()) return;
  page->Family("tinyrig_backup_age_seconds", "gauge", "Since the newest backup was made.");
  page->Sample(std::chrono::duration<double>(fs::file_time_type::clock::now() - newest).count());
}

}  // namespace

Probes::Probes(Backend& backend, fs::path state)
    : backend_(backend),
      state_(std::move(state)),
      started_us_(backend.clock.Now()),
      timer_(backend.executors.io) {}

void Probes::Start() {
  timer_.expires_after(kProbe);
  Measure();
}

void Probes::Measure() {
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const auto late = std::chrono::steady_clock::now() - timer_.expiry();
    lag_.Observe(std::chrono::duration<double>(late).count());
    timer_.expires_after(kProbe);
    Measure();
  });
}

asio::awaitable<Status> Probes::Ready() {
  co_return co_await asio::co_spawn(backend_.executors.io.get_executor(), AskReady(backend_),
                                    asio::use_awaitable);
}

asio::awaitable<std::string> Probes::Metrics(const HttpAnswers& answers) {
  const IoFacts facts = co_await asio::co_spawn(backend_.executors.io.get_executor(),
                                                AskIo(backend_), asio::use_awaitable);
  const std::optional<ServiceCounts> counts = co_await asio::co_spawn(
      backend_.executors.pool.get_executor(), AskReader(backend_), asio::use_awaitable);
  MetricsPage page;
  page.Family("tinyrig_build_info", "gauge", "Always 1; the label says the version.");
  page.Sample(1, {{"version", TINYRIG_VERSION}});
  page.Family("tinyrig_uptime_seconds", "gauge", "Since this process started.");
  page.Sample(static_cast<double>(backend_.clock.Now() - started_us_) / 1e6);
  if (counts) AddJobs(*counts, &page);
  AddBoards(facts, &page);
  page.Family("tinyrig_calls_total", "counter", "Calls of the API that have ended, by outcome.");
  for (const auto& [call, count] : backend_.gate.Calls()) {
    page.Sample(static_cast<double>(count), {{"method", call.first}, {"code", call.second}});
  }
  page.Family("tinyrig_http_answers_total", "counter", "Answers of the HTTP gateway.");
  for (const auto& [answer, count] : answers) {
    page.Sample(static_cast<double>(count),
                {{"route", answer.first}, {"status", std::to_string(answer.second)}});
  }
  page.Add("tinyrig_queue_wait_seconds",
           "How long attempts waited until they were offered to a board.", QueueTimes());
  page.Add("tinyrig_dispatch_seconds",
           "From a board's result to its next offer, when a job waited for it.", DispatchTimes());
  page.Add("tinyrig_io_lag_seconds", "How late the io thread is, asked four times a second.", lag_);
  page.Add("tinyrig_store_transaction_seconds",
           "From the begin of a transaction to its end on disk.", TransactionTimes());
  page.Family("tinyrig_store_bytes", "gauge", "Sizes of the database's files.");
  page.Sample(static_cast<double>(SizeOf(state_ / "tinyrig.db")), {{"file", "database"}});
  page.Sample(static_cast<double>(SizeOf(state_ / "tinyrig.db-wal")), {{"file", "wal"}});
  page.Family("tinyrig_store_writable", "gauge", "Whether the database can be written.");
  page.Sample(facts.writable.ok() ? 1 : 0);
  AddBackupAge(state_ / "backups", &page);
  co_return page.Take();
}

}  // namespace tinyrig::server
