#include "agent/session/attempt.h"

#include <fmt/format.h>

#include <boost/system/system_error.hpp>
#include <optional>
#include <random>

#include "agent/session/device_client.h"
#include "agent/session/failure.h"
#include "agent/session/frame_link.h"
#include "agent/session/identity.h"
#include "agent/session/image.h"
#include "agent/session/marks.h"
#include "agent/session/write_image.h"
#include "proto/vectors/vector_set.h"

namespace tinyrig::agent {
namespace {

constexpr auto kPowerTime = std::chrono::seconds(15);
constexpr auto kFlashTime = std::chrono::seconds(60);
constexpr auto kHelloTime = std::chrono::seconds(4);
constexpr auto kStartTime = std::chrono::seconds(20);
constexpr auto kMarksTime = std::chrono::seconds(20);
/// Layer hashes of more vectors than this are not worth the link's time.
constexpr size_t kObservedVectors = 16;

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t ToUs(Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

uint64_t RandomNonce() {
  std::random_device random;
  uint64_t nonce = 0;
  while (nonce == 0) nonce = uint64_t{random()} << 32 | random();
  return nonce;
}

v1::Failure ServiceFailure(const Status& status) {
  return MakeFailure(v1::FAILURE_OWNER_SERVICE, status.code(), status.message());
}

/// One attempt, step after step. Lives as long as the coroutine.
class Attempt {
 public:
  Attempt(const v1::LeaseOffer& offer, Board& board, const Boards& boards,
          ArtifactSource& artifacts, ProgressSink& progress)
      : offer_(offer),
        board_(board),
        boards_(boards),
        artifacts_(artifacts),
        progress_(progress),
        deadline_(Within(milliseconds(offer.deadline_ms()))) {}

  Awaitable<StepResult<Done>> RunSteps() {
    using Step = Awaitable<StepResult<Done>> (Attempt::*)();
    constexpr struct {
      const char* name;
      Step run;
    } kSteps[] = {
        {"fetch", &Attempt::Fetch}, {"power", &Attempt::Power},     {"flash", &Attempt::Flash},
        {"hello", &Attempt::Hello}, {"start", &Attempt::Start},     {"stream", &Attempt::Stream},
        {"marks", &Attempt::Marks}, {"observe", &Attempt::Observe},
    };
    for (const auto& step : kSteps) {
      phase_ = step.name;
      progress_.Progress(phase_, 0, 0, "");
      const int span = result.timeline_size();
      AddSpan(phase_, NowUs(), NowUs());
      auto done = co_await (this->*step.run)();
      // By its place: a step adds spans of its own.
      v1::Span& whole = *result.mutable_timeline(span);
      whole.set_duration_us(NowUs() - whole.start_us());
      if (!done) {
        // What does not run as it should is not trusted to be in its memory.
        if (phase_ == "hello") static_cast<void>(board_.flash.Forget());
        co_return tl::unexpected(std::move(done.error()));
      }
    }
    co_return Done{};
  }

  void TakeLinkStats() {
    if (!frames_) return;
    result.mutable_link()->set_bytes_out(frames_->stats().bytes_out);
    result.mutable_link()->set_bytes_in(frames_->stats().bytes_in);
    result.mutable_link()->set_frames_bad(frames_->bad_frames());
    if (client_) retransmits_ += client_->retransmits();
    client_.reset();
    result.mutable_link()->set_retransmits(retransmits_);
  }

  v1::AttemptResult result;

 private:
  Awaitable<StepResult<Done>> Fetch() {
    auto image = co_await FetchImage(offer_.image(), artifacts_, deadline_);
    if (!image) co_return tl::unexpected(std::move(image.error()));
    image_ = std::move(*image);
    auto vectors = co_await FetchVectors();
    if (!vectors.ok()) co_return tl::unexpected(ServiceFailure(vectors.status()));
    vectors_ = std::move(*vectors);
    if (vectors_.vector_bytes != offer_.execution().input_bytes()) {
      const Status status(
          Code::kInvalidArgument,
          fmt::format("a vector has {} bytes, the model takes {}; is this the right vector file?",
                      vectors_.vector_bytes, offer_.execution().input_bytes()));
      co_return tl::unexpected(ServiceFailure(status));
    }
    result.set_vector_set_crc32c(vectors_.Crc32c());
    co_return Done{};
  }

  Awaitable<Result<vectors::VectorSet>> FetchVectors() {
    const v1::VectorSetRef& source = offer_.vectors();
    if (!source.has_npz()) {
      std::vector<vectors::InputTensor> inputs;
      for (const v1::InputTensor& tensor : offer_.execution().inputs()) {
        inputs.push_back({tensor.elements(), tensor.is_float32()});
      }
      co_return vectors::MakePatternSet(source.patterns(), inputs);
    }
    CO_TRY_ASSIGN(const auto path, co_await artifacts_.Get(source.npz(), deadline_));
    CO_TRY_ASSIGN(const auto bytes, ReadFile(path));
    co_return vectors::ReadVectorSet(bytes, source.npz().name(), vectors::Parts::kInputsOnly);
  }

  Awaitable<StepResult<Done>> Power() {
    if (!board_.power) co_return Done{};
    const Deadline deadline = Within(kPowerTime, deadline_);
    Status status;
    // Not `? :` with a co_await in each arm: GCC 12 then destroys a temporary that never was.
    if (board_.needs_power_cycle || offer_.power_cycle()) {
      status = co_await board_.power->Cycle(deadline);
      board_.flash.PowerLost();
    } else {
      status = co_await board_.power->On(deadline);
    }
    if (!status.ok()) co_return tl::unexpected(BenchFailure(status));
    board_.needs_power_cycle = false;
    co_return Done{};
  }

  Awaitable<StepResult<Done>> Flash() {
    // Whatever goes wrong from here on leaves the board in an unknown state.
    board_.needs_power_cycle = true;
    std::random_device random;
    do {
      board_.mailbox_word = random();
    } while (board_.mailbox_word == 0);
    const Deadline deadline = Within(kFlashTime, deadline_);
    const int64_t halt_us = NowUs();
    auto target = co_await board_.probe->PrepareFlash(deadline);
    if (!target.ok()) co_return tl::unexpected(BenchFailure(target.status()));
    AddSpan("flash.halt", halt_us, NowUs());
    auto known = TakeIdentity(target->identity);
    if (!known) co_return known;
    // A recovery trusts nothing.
    if (offer_.power_cycle()) {
      const Status forgotten = board_.flash.Forget();
      if (!forgotten.ok()) co_return tl::unexpected(BenchFailure(forgotten));
    }
    FlashRequest request;
    request.segments = image_.segments;
    request.mailbox_address = offer_.image().mailbox_address();
    request.mailbox_word = board_.mailbox_word;
    request.rings_address = offer_.image().rings_address();
    auto written = co_await WriteImage(*board_.probe, board_.flash, std::move(*target),
                                       std::move(request), deadline);
    if (!written.ok()) co_return tl::unexpected(BenchFailure(written.status()));
    AddFlashPhases(written->phases);
    *result.mutable_flash() = written->stats;
    Log(fmt::format("wrote {} bytes in {} sectors, left {} bytes in {} alone, verified all{}",
                    written->stats.bytes_written(), written->stats.sectors_written(),
                    written->stats.bytes_saved(), written->stats.sectors_saved(),
                    written->stats.record_was_wrong() ? "; the board did not hold what was "
                                                        "written last"
                                                      : ""));
    co_return Done{};
  }

  /// Who is behind the probe, before anything is written.
  StepResult<Done> TakeIdentity(const ProbeIdentity& identity) {
    result.add_tools(identity.tool);
    const std::string uid = UidHex(identity.uid);
    if (!board_.mcu_uid.empty() && board_.mcu_uid != uid) {
      const std::string evidence =
          fmt::format("unique id: known {}, found {}", board_.mcu_uid, uid);
      return tl::unexpected(MakeFailure(
          v1::FAILURE_OWNER_BENCH, Code::kFailedPrecondition,
          fmt::format("another board than {} is behind its probe; was it exchanged? Restart the "
                      "agent if that is right",
                      board_.id),
          {evidence}));
    }
    board_.mcu_uid = uid;
    return Done{};
  }

  void AddSpan(std::string name, int64_t start_us, int64_t end_us) {
    v1::Span* span = result.add_timeline();
    span->set_name(std::move(name));
    span->set_start_us(start_us);
    span->set_duration_us(end_us - start_us);
  }

  /// The probe tells durations; its last phase ended a moment ago.
  void AddFlashPhases(const std::vector<FlashPhase>& phases) {
    int64_t start_us = NowUs();
    for (const FlashPhase& phase : phases) start_us -= ToUs(phase.duration);
    for (const FlashPhase& phase : phases) {
      const int64_t end_us = start_us + ToUs(phase.duration);
      AddSpan(phase.name, start_us, end_us);
      start_us = end_us;
    }
  }

  Awaitable<StepResult<Done>> Hello() {
    LinkTarget target;
    target.rings_address = offer_.image().rings_address();
    auto link = board_.link->Open(target);
    if (!link.ok()) co_return tl::unexpected(BenchFailure(link.status()));
    link_ = std::move(*link);
    frames_.emplace(*link_);
    const auto hello = co_await AskHello(*frames_, Within(kHelloTime, deadline_));
    if (!hello.ok() && hello.status().code() == Code::kDeadlineExceeded) {
      co_return tl::unexpected(co_await ExplainSilence(board_.mailbox_word, board_, boards_));
    }
    if (!hello.ok()) co_return tl::unexpected(BenchFailure(hello.status()));
    *result.mutable_identity() = ToIdentity(*hello);
    rx_window_ = hello->rx_window;
    ExpectedIdentity expected;
    expected.port = offer_.image().port();
    expected.kernels = offer_.image().kernels();
    expected.build_id = offer_.image().build_id();
    expected.code_crc32c = image_.code_crc32c;
    expected.code_size = image_.code_size;
    expected.blob_crc32c = image_.blob_crc32c;
    expected.blob_size = image_.blob_size;
    expected.mailbox_word = board_.mailbox_word;
    expected.mcu_uid = board_.mcu_uid;
    auto checked = CheckHello(*hello, expected, board_, boards_);
    if (!checked) co_return checked;
    const Status fast = co_await link_->GoFast(deadline_);
    if (!fast.ok()) co_return tl::unexpected(BenchFailure(fast));
    co_return Done{};
  }

  Awaitable<StepResult<Done>> StartSession(bool observe) {
    const v1::Execution& execution = offer_.execution();
    DeviceClient::Settings settings;
    settings.nonce = RandomNonce();
    settings.vector_set_crc32c = result.vector_set_crc32c();
    settings.input_bytes = execution.input_bytes();
    settings.warmup = observe ? 0 : execution.warmup();
    settings.repetitions = observe ? 1 : execution.repetitions();
    settings.observe_layers = observe;
    settings.rx_window = rx_window_;
    settings.inference_timeout = milliseconds(execution.inference_timeout_ms());
    if (client_) retransmits_ += client_->retransmits();
    client_.emplace(*frames_, settings);
    auto started = co_await client_->Start(Within(kStartTime, deadline_));
    if (!started) co_return tl::unexpected(std::move(started.error()));
    started_ = *started;
    if (!observe) result.set_nonce(settings.nonce);
    co_return Done{};
  }

  Awaitable<StepResult<Done>> Start() { return StartSession(false); }

  Awaitable<StepResult<Done>> Stream() {
    for (size_t i = 0; i < vectors_.count; ++i) {
      const auto index = static_cast<uint32_t>(i);
      auto answer = co_await client_->Run(index, vectors_.input(i), deadline_);
      if (!answer) co_return tl::unexpected(std::move(answer.error()));
      for (const auto& warmup : answer->warmups) AddSample(warmup, true);
      for (const auto& [repetition, sample] : answer->results) AddSample(sample, false);
      v1::VectorOutput* output = result.add_outputs();
      output->set_vector_index(index);
      output->set_data(answer->output.data(), answer->output.size());
      progress_.Progress(phase_, index + 1, static_cast<uint32_t>(vectors_.count), "");
    }
    auto finished = co_await client_->Finish(Within(kStartTime, deadline_));
    if (!finished) co_return tl::unexpected(std::move(finished.error()));
    ReportThroughput(client_->sent());
    co_return Done{};
  }

  void ReportThroughput(DeviceClient::Sent sent) {
    const int64_t us = ToUs(sent.time);
    v1::LinkStats& stats = *result.mutable_link();
    stats.set_vector_bytes(sent.bytes);
    stats.set_sending_us(static_cast<uint64_t>(us));
    const double wire = static_cast<double>(std::max<uint64_t>(frames_->stats().bytes_out, 1));
    Log(
        fmt::format("sent {} bytes of vectors in {:.3f} s ({:.1f} kB/s) through {}; {:.3f} of the "
                    "bytes sent in this attempt",
                    sent.bytes, static_cast<double>(us) / 1e6,
                    static_cast<double>(sent.bytes) * 1e3 / static_cast<double>(std::max<int64_t>(1, us)),
                    board_.link->path(), static_cast<double>(sent.bytes) / wire));
  }

  void AddSample(const device::InferenceResult& answer, bool warmup) {
    v1::InferenceSample* sample = result.add_samples();
    sample->set_vector_index(answer.vector_index);
    sample->set_repetition(answer.repetition);
    sample->set_ticks(answer.ticks);
    sample->set_input_crc32c(answer.input_crc32c);
    sample->set_output_crc32c(answer.output_crc32c);
    sample->set_warmup(warmup);
  }

  Awaitable<StepResult<Done>> Marks() {
    std::vector<MemoryRange> ranges(2);
    ranges[0].address = started_.arena_address();
    ranges[0].size = started_.arena_bytes();
    ranges[1].address = started_.stack_low_address();
    ranges[1].size = started_.stack_bytes();
    const auto memory =
        co_await board_.probe->ReadMemory(std::move(ranges), Within(kMarksTime, deadline_));
    if (!memory.ok()) co_return tl::unexpected(BenchFailure(memory.status()));
    const auto paint = static_cast<uint8_t>(started_.paint_byte());
    v1::MemoryMarks& marks = *result.mutable_marks();
    marks.set_arena_used_bytes(UsedFromBelow((*memory)[0], paint));
    marks.set_stack_used_bytes(UsedFromAbove((*memory)[1], paint));
    marks.set_stack_bytes(started_.stack_bytes());
    co_return Done{};
  }

  Awaitable<StepResult<Done>> Observe() {
    if (offer_.execution().layer_hashes()) {
      auto started = co_await StartSession(true);
      if (!started) co_return started;
      const size_t count = std::min(vectors_.count, kObservedVectors);
      if (count < vectors_.count) {
        Log(fmt::format("layer hashes of the first {} of {} vectors", count, vectors_.count));
      }
      for (size_t i = 0; i < count; ++i) {
        const auto index = static_cast<uint32_t>(i);
        auto answer = co_await client_->Run(index, vectors_.input(i), deadline_);
        if (!answer) co_return tl::unexpected(std::move(answer.error()));
        for (const auto& layer : answer->layers) AddLayer(layer);
      }
    }
    board_.needs_power_cycle = false;
    co_return Done{};
  }

  void AddLayer(const device::LayerRecord& record) {
    v1::LayerSample* layer = result.add_layers();
    layer->set_vector_index(record.vector_index);
    layer->set_op_index(record.op_index);
    layer->set_tflite_index(record.tflite_index);
    layer->set_tensor_index(record.tensor_index);
    layer->set_bytes(record.bytes);
    layer->set_fnv1a32(record.fnv1a32);
    layer->set_ticks(record.ticks);
  }

  void Log(std::string line) {
    result.add_log(line);
    progress_.Progress(phase_, 0, 0, std::move(line));
  }

  const v1::LeaseOffer& offer_;
  Board& board_;
  const Boards& boards_;
  ArtifactSource& artifacts_;
  ProgressSink& progress_;
  const Deadline deadline_;

  std::string phase_;
  LocalImage image_;
  vectors::VectorSet vectors_;
  std::unique_ptr<Link> link_;
  std::optional<FrameLink> frames_;
  std::optional<DeviceClient> client_;
  device::pb::Started started_;
  uint32_t rx_window_ = 0;
  uint32_t retransmits_ = 0;
};

}  // namespace

Awaitable<v1::AttemptResult> RunAttempt(v1::LeaseOffer offer, Board& board, const Boards& boards,
                                        ArtifactSource& artifacts, ProgressSink& progress) {
  const int64_t started_us = NowUs();
  Attempt attempt(offer, board, boards, artifacts, progress);
  std::optional<v1::Failure> failure;
  try {
    auto done = co_await attempt.RunSteps();
    if (!done) failure = std::move(done.error());
  } catch (const boost::system::system_error& error) {
    // asio throws in a coroutine that was cancelled.
    const Status status(Code::kCancelled, std::string("the attempt was stopped: ") + error.what());
    failure = ServiceFailure(status);
  } catch (const std::exception& error) {
    const Status status(Code::kInternal, std::string("a fault of the agent: ") + error.what());
    failure = ServiceFailure(status);
  }
  attempt.TakeLinkStats();
  v1::AttemptResult result = std::move(attempt.result);
  *result.mutable_key() = offer.key();
  result.set_board_id(board.id);
  result.set_started_us(started_us);
  result.set_ended_us(NowUs());
  if (failure) {
    result.add_log(failure->message());
    *result.mutable_failure() = std::move(*failure);
  }
  co_return result;
}

}  // namespace tinyrig::agent
