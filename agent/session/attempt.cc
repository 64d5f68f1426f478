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
    if (done) done = co_await Stream();
    if (done) done = co_await Marks();
    if (done && offer_.execution().layer_hashes()) done = co_await ObserveLayers();
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

  Awaitable<StepResult<Done>> Marks() {
    const AttemptRecord::Phase phase(record_, "marks");
    const device::pb::Started& started = machine_.started();
    std::vector<MemoryRange> ranges(2);
    ranges[0].address = started.arena_address();
    ranges[0].size = started.arena_bytes();
    ranges[1].address = started.stack_low_address();
    ranges[1].size = started.stack_bytes();
    const auto memory =
        co_await board_.probe->ReadMemory(std::move(ranges), Within(kMarksTime, deadline_));
    if (!memory.ok()) co_return tl::unexpected(BenchFailure(memory.status()));
    const auto paint = static_cast<uint8_t>(started.paint_byte());
    v1::MemoryMarks& marks = *record_.result.mutable_marks();
    marks.set_arena_used_bytes(UsedFromBelow((*memory)[0], paint));
    marks.set_stack_used_bytes(UsedFromAbove((*memory)[1], paint));
    marks.set_stack_bytes(started.stack_bytes());
    co_return Done{};
  }

  /// A session of its own: one run a vector that shows its layers, untimed.
  Awaitable<StepResult<Done>> ObserveLayers() {
    machine_.SetObserve(true);
    auto started = co_await machine_.MoveTo(BoardState::kReady);
    if (started) started = co_await machine_.MoveTo(BoardState::kMeasuring);
    if (!started) co_return started;
    const AttemptRecord::Phase phase(record_, "observe");
    const size_t count = std::min(vectors_.count, kObservedVectors);
    if (count < vectors_.count) {
      record_.Log(fmt::format("layer hashes of the first {} of {} vectors", count, vectors_.count));
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
  const int64_t started_us = AttemptRecord::NowUs();
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
  result.set_started_us(started_us);
  result.set_ended_us(AttemptRecord::NowUs());
  if (failure) {
    result.add_log(failure->message());
    *result.mutable_failure() = std::move(*failure);
  }
  co_return result;
}

}  // namespace tinyrig::agent
