#include "tests/integration/agent/bench.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <stdexcept>

#include "agent/drivers/registry.h"

namespace tinyrig::agent {
namespace {

template <typename T>
T Need(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return std::move(*result);
}

/// What a bench file would say of a board type.
struct Kind {
  std::string_view type;
  uint32_t uid_address;
  uint32_t dpidr;
};
constexpr Kind kKinds[] = {{"virtual_m4", 0x003FFFF0, 0x2BA01477},
                           {"virtual_f4", 0x1FFF7A10, 0x2BA01477},
                           {"virtual_m7", 0x003FFFF0, 0x5BA02477}};

const Kind& KindOf(const std::string& type) {
  for (const Kind& kind : kKinds) {
    if (kind.type == type) return kind;
  }
  throw std::runtime_error("no board type " + type);
}

}  // namespace

Awaitable<Result<std::filesystem::path>> FolderSource::Get(v1::ArtifactRef ref, Deadline) {
  const auto path = folder_ / ref.sha256();
  if (!std::filesystem::exists(path)) co_return Status(Code::kNotFound, "no " + ref.sha256());
  co_return path;
}

void RecordingSink::Progress(std::string phase, uint32_t done, uint32_t, std::string log) {
  if (phases.empty() || phases.back() != phase) phases.push_back(phase);
  if (!log.empty()) logs.push_back(std::move(log));
  if (hook) hook(phase, done);
}

Bench::Bench(const BenchOptions& options) {
  const int count = options.boards;
  const Rings rings = options.rings;
  const Kind& kind = KindOf(options.type);
  artifact_folder_ = std::filesystem::path(scratch_.path()) / "artifacts";
  std::filesystem::create_directories(artifact_folder_);
  source_ = std::make_unique<FolderSource>(artifact_folder_);
  for (int i = 0; i < count; ++i) {
    virtual_boards_.push_back(
        std::make_unique<vboard::RunningBoard>("VB000" + std::to_string(i + 1), options.type));
  }
  for (int i = 0; i < count; ++i) {
    const int link = options.crossed && i < 2 ? 1 - i : i;
    auto board = std::make_unique<Board>();
    board->id = "b" + std::to_string(i + 1);
    board->type = options.type;
    ProbeConfig probe;
    probe.driver = "openocd";
    probe.config = options.type + ".cfg";
    probe.serial = board->probe_serial = virtual_boards_[i]->serial();
    probe.uid_address = kind.uid_address;
    probe.dpidr = options.dpidr != 0 ? options.dpidr : kind.dpidr;
    probe.one_shot = options.one_shot;
    probe.env = {{"LD_PRELOAD", TINYRIG_TEST_HIDAPI},
                 {"TINYRIG_VBOARD_DAP", virtual_boards_[i]->Path("dap.sock")}};
    const auto work = std::filesystem::path(scratch_.path()) / board->id;
    std::filesystem::create_directories(work);
    board->flash = FlashRecord(work);
    board->probe = Need(MakeProbe(probe, TINYRIG_TEST_SHARE, work));
    LinkConfig uart;
    uart.probe_out = rings.out;
    uart.probe_in = rings.in;
    if (!rings.out || !rings.in) {
      uart.driver = "uart";
      uart.port = virtual_boards_[link]->Path("tty");
    }
    board->link = Need(MakeLinkPort(uart, *board->probe, io_));
    PowerConfig power;
    power.driver = "virtual";
    power.control = virtual_boards_[i]->Path("control.sock");
    board->power = Need(MakePowerSwitch(power));
    boards_.push_back(std::move(board));
  }
}

v1::LeaseOffer Bench::Offer(const BuiltImage& image) const {
  v1::LeaseOffer offer;
  offer.mutable_key()->set_job_id(7);
  offer.mutable_key()->set_attempt(1);
  offer.mutable_key()->set_fence(3);
  offer.set_deadline_ms(100000);
  *offer.mutable_image() = image.image;
  v1::Execution& execution = *offer.mutable_execution();
  execution.set_warmup(1);
  execution.set_repetitions(1);
  execution.set_input_bytes(image.input_bytes);
  execution.add_inputs()->set_elements(image.input_bytes);
  execution.set_output_bytes(image.output_bytes);
  execution.set_inference_timeout_ms(10000);
  return offer;
}

v1::LeaseOffer Bench::PatternOffer(const BuiltImage& image, const std::string& letters) const {
  v1::LeaseOffer offer = Offer(image);
  offer.mutable_vectors()->set_patterns(letters);
  return offer;
}

Awaitable<void> Bench::Keep(v1::LeaseOffer offer, int index, v1::AttemptResult& result) {
  Board& board = *boards_[index];
  board.busy = true;
  result = co_await RunAttempt(std::move(offer), board, boards_, *source_, progress);
  board.busy = false;
}

v1::AttemptResult Bench::Run(v1::LeaseOffer offer, int board) {
  v1::AttemptResult result;
  asio::co_spawn(io_, Keep(std::move(offer), board, result), asio::detached);
  io_.restart();
  io_.run();
  return result;
}

std::vector<v1::AttemptResult> Bench::RunAll(v1::LeaseOffer offer) {
  std::vector<v1::AttemptResult> results(boards_.size());
  for (size_t i = 0; i < results.size(); ++i) {
    asio::co_spawn(io_, Keep(offer, static_cast<int>(i), results[i]), asio::detached);
  }
  io_.restart();
  io_.run();
  return results;
}

bool Bench::RunAndCancel(v1::LeaseOffer offer, std::string phase) {
  asio::cancellation_signal cancel;
  bool cancelled = false;
  progress.hook = [&](const std::string& now, uint32_t) {
    if (now != phase || cancelled) return;
    cancelled = true;
    // Later, in the middle of whatever the phase waits for.
    auto timer = std::make_shared<asio::steady_timer>(io_, std::chrono::milliseconds(20));
    timer->async_wait([&cancel, timer](boost::system::error_code) {
      cancel.emit(asio::cancellation_type::terminal);
    });
  };
  v1::AttemptResult result;
  bool ended = false;
  asio::co_spawn(
      io_, Keep(std::move(offer), 0, result),
      asio::bind_cancellation_slot(cancel.slot(), [&ended](std::exception_ptr) { ended = true; }));
  io_.restart();
  io_.run();
  progress.hook = nullptr;
  boards_[0]->busy = false;
  return cancelled && ended;
}

std::string Describe(const v1::Failure& failure) {
  std::string text = v1::FailureOwner_Name(failure.owner()) + " " + std::to_string(failure.code()) +
                     ": " + failure.message();
  for (const std::string& line : failure.evidence()) text += "\n  " + line;
  return text;
}

testing::AssertionResult Succeeded(const v1::AttemptResult& result) {
  if (!result.has_failure()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << Describe(result.failure());
}

testing::AssertionResult FailedOnTheBench(const v1::AttemptResult& result) {
  if (result.has_failure() && result.failure().owner() == v1::FAILURE_OWNER_BENCH) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure()
         << (result.has_failure() ? Describe(result.failure()) : "it succeeded");
}

}  // namespace tinyrig::agent
