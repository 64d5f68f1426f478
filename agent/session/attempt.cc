#include "agent/session/attempt.h"

#include <fmt/format.h>

#include <boost/system/system_error.hpp>
#include <optional>

#include "agent/session/board_machine.h"
#include "agent/session/failure.h"
#include "agent/session/image.h"
#include "agent/session/marks.h"
#include "proto/vectors/vector_set.h"

namespace tinyrig::agent {
namespace {

constexpr auto kFinishTime = std::chrono::seconds(20);
constexpr auto kMarksTime = std::chrono::seconds(20);
/// Layer hashes of more vectors than this are not worth the link's time.
constexpr size_t kObservedVectors = 16;

v1::Failure ServiceFailure(const Status& status) {
  return MakeFailure(v1::FAILURE_OWNER_SERVICE, status.code(), status.message());
}

/// One attempt, step after step. Lives as long as the coroutine.
class Attempt {
 public:
  Attempt(const v1::LeaseOffer& offer, Board& board, const Boards& boards,
          ArtifactSource& artifacts, AttemptRecord& record)
      : offer_(offer),
        board_(board),
        artifacts_(artifacts),
        record_(record),
        deadline_(Within(milliseconds(offer.deadline_ms()))),
        machine_(offer_, board_, boards, record_, deadline_) {}

  Awaitable<StepResult<Done>> Run() {
    auto done = co_await Fetch();
    if (done) done = co_await machine_.MoveTo(BoardState::kMeasuring);
    if (done) {
      done = co_await Stream();
      if (!done && MayBeOverrun(done.error())) done = co_await LookForOverrun(done.error());
    }
    if (done) done = co_await Marks();
    const bool observe = offer_.execution().layer_hashes() || offer_.execution().profile();
    if (done && observe) done = co_await ObserveLayers();
    if (done) board_.needs_power_cycle = false;
    co_return done;
  }

  void TakeLinkStats() { record_.result.mutable_link()->MergeFrom(machine_.link_stats()); }

 private:
  Awaitable<StepResult<Done>> Fetch() {
    const AttemptRecord::Phase phase(record_, "fetch");
    auto image = co_await FetchImage(offer_.image(), artifacts_, deadline_);
    if (!image) co_return tl::unexpected(std::move(image.error()));
    machine_.SetImage(std::move(*image));
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
    record_.result.set_vector_set_crc32c(vectors_.Crc32c());
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

  Awaitable<StepResult<Done>> Stream() {
    const AttemptRecord::Phase phase(record_, "stream");
    DeviceClient& client = machine_.client();
    for (size_t i = 0; i < vectors_.count; ++i) {
      const auto index = static_cast<uint32_t>(i);
      auto answer = co_await client.Run(index, vectors_.input(i), deadline_);
      if (!answer) co_return tl::unexpected(std::move(answer.error()));
      for (const auto& warmup : answer->warmups) AddSample(warmup, true);
      for (const auto& [repetition, sample] : answer->results) AddSample(sample, false);
      v1::VectorOutput* output = record_.result.add_outputs();
      output->set_vector_index(index);
      output->set_data(answer->output.data(), answer->output.size());
      record_.Progress(i + 1, vectors_.count);
    }
    auto finished = co_await client.Finish(Within(kFinishTime, deadline_));
    if (!finished) co_return tl::unexpected(std::move(finished.error()));
    ReportThroughput(client.sent());
    co_return Done{};
  }

  void ReportThroughput(DeviceClient::Sent sent) {
    const int64_t us = ToUs(sent.time);
    v1::LinkStats& stats = *record_.result.mutable_link();
    stats.set_vector_bytes(sent.bytes);
    stats.set_sending_us(static_cast<uint64_t>(us));
    const uint64_t all = std::max<uint64_t>(machine_.link_stats().bytes_out(), 1);
    record_.Log(fmt::format(
        "sent {} bytes of vectors in {:.3f} s ({:.1f} kB/s) through {}; {:.3f} of the "
        "bytes sent in this attempt",
        sent.bytes, static_cast<double>(us) / 1e6,
        static_cast<double>(sent.bytes) * 1e3 / static_cast<double>(std::max<int64_t>(1, us)),
        board_.link->path(), static_cast<double>(sent.bytes) / static_cast<double>(all)));
  }

  void AddSample(const device::InferenceResult& answer, bool warmup) {
    v1::InferenceSample* sample = record_.result.add_samples();
    sample->set_vector_index(answer.vector_index);
    sample->set_repetition(answer.repetition);
    sample->set_ticks(answer.ticks);
    sample->set_input_crc32c(answer.input_crc32c);
    sample->set_output_crc32c(answer.output_crc32c);
    sample->set_warmup(warmup);
  }

  /// Input bytes that changed on the board may be the model's own doing.
  static bool MayBeOverrun(const v1::Failure& failure) {
    return failure.owner() == v1::FAILURE_OWNER_BENCH &&
           failure.code() == static_cast<uint32_t>(Code::kDataLoss);
  }

  /// The failure, unless a canary tells a better one.
  Awaitable<StepResult<Done>> LookForOverrun(v1::Failure failure) {
    const AttemptRecord::Phase phase(record_, "marks");
    auto marks =
        co_await ReadMarks(*board_.probe, machine_.session(), Within(kMarksTime, deadline_));
    const bool explained = !marks && marks.error().owner() == v1::FAILURE_OWNER_VARIANT;
    if (!explained) co_return tl::unexpected(std::move(failure));
    marks.error().add_evidence(failure.message());
    co_return tl::unexpected(std::move(marks.error()));
  }

  Awaitable<StepResult<Done>> Marks() {
    const AttemptRecord::Phase phase(record_, "marks");
    const PaintedSession& session = machine_.session();
    const uint32_t planned = session.started.arena_bytes();
    auto marks = co_await ReadMarks(*board_.probe, session, Within(kMarksTime, deadline_));
    if (!marks) co_return tl::unexpected(std::move(marks.error()));
    // Short of the plan: bytes at the end that were not written, or that were written with what the
    // paint is. Nothing can be both of two complements.
    if (marks->arena_used_bytes() < planned) {
      auto other = co_await MarksOfComplement();
      if (!other) co_return tl::unexpected(std::move(other.error()));
      record_.Log(fmt::format("arena used {} B with one paint, {} B with its complement, of {} B",
                              marks->arena_used_bytes(), other->arena_used_bytes(), planned));
      marks->set_arena_used_bytes(std::max(marks->arena_used_bytes(), other->arena_used_bytes()));
      marks->set_stack_used_bytes(std::max(marks->stack_used_bytes(), other->stack_used_bytes()));
    }
    *record_.result.mutable_marks() = std::move(*marks);
    co_return Done{};
  }

  /// The last vector once more, over the complement of the paint.
  Awaitable<StepResult<v1::MemoryMarks>> MarksOfComplement() {
    auto started = co_await StartSession(SessionKind::kRepainted);
    if (!started) co_return tl::unexpected(std::move(started.error()));
    const auto last = static_cast<uint32_t>(vectors_.count - 1);
    auto answer = co_await machine_.client().Run(last, vectors_.input(last), deadline_);
    if (!answer) co_return tl::unexpected(std::move(answer.error()));
    auto finished = co_await machine_.client().Finish(Within(kFinishTime, deadline_));
    if (!finished) co_return tl::unexpected(std::move(finished.error()));
    co_return co_await ReadMarks(*board_.probe, machine_.session(), Within(kMarksTime, deadline_));
  }

  Awaitable<StepResult<Done>> StartSession(SessionKind kind) {
    machine_.SetSession(kind);
    auto started = co_await machine_.MoveTo(BoardState::kReady);
    if (started) started = co_await machine_.MoveTo(BoardState::kMeasuring);
    co_return started;
  }

  /// A session of its own: one run a vector that shows its layers.
  Awaitable<StepResult<Done>> ObserveLayers() {
    auto started = co_await StartSession(SessionKind::kObserved);
    if (!started) co_return started;
    const AttemptRecord::Phase phase(record_, "observe");
    const size_t wanted = offer_.execution().layer_hashes() ? kObservedVectors : 1;
    const size_t count = std::min(vectors_.count, wanted);
    if (count < vectors_.count) {
      record_.Log(fmt::format("layers of the first {} of {} vectors", count, vectors_.count));
    }
    for (size_t i = 0; i < count; ++i) {
      const auto index = static_cast<uint32_t>(i);
      auto answer = co_await machine_.client().Run(index, vectors_.input(i), deadline_);
      if (!answer) co_return tl::unexpected(std::move(answer.error()));
      for (const auto& layer : answer->layers) AddLayer(layer);
    }
    co_return Done{};
  }

  void AddLayer(const device::LayerRecord& record) {
    v1::LayerSample* layer = record_.result.add_layers();
    layer->set_vector_index(record.vector_index);
    layer->set_op_index(record.op_index);
    layer->set_tflite_index(record.tflite_index);
    layer->set_tensor_index(record.tensor_index);
    layer->set_bytes(record.bytes);
    layer->set_fnv1a32(record.fnv1a32);
    layer->set_ticks(record.ticks);
    layer->set_macs(record.macs);
  }

  const v1::LeaseOffer& offer_;
  Board& board_;
  ArtifactSource& artifacts_;
  AttemptRecord& record_;
  const Deadline deadline_;

  vectors::VectorSet vectors_;
  BoardMachine machine_;
};

}  // namespace

Awaitable<v1::AttemptResult> RunAttempt(v1::LeaseOffer offer, Board& board, const Boards& boards,
                                        ArtifactSource& artifacts, ProgressSink& progress) {
  AttemptRecord record(progress);
  Attempt attempt(offer, board, boards, artifacts, record);
  std::optional<v1::Failure> failure;
  try {
    auto done = co_await attempt.Run();
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
  v1::AttemptResult result = std::move(record.result);
  *result.mutable_key() = offer.key();
  result.set_board_id(board.id);
  result.set_started_us(record.started_us());
  result.set_ended_us(record.NowUs());
  if (failure) {
    result.add_log(failure->message());
    *result.mutable_failure() = std::move(*failure);
  }
  co_return result;
}

}  // namespace tinyrig::agent
