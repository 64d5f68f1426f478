#include "firmware/compiler/reference_run.h"

#include <fmt/format.h>

#include <cstring>

#include "firmware/runtime/kernels/kernel.h"

namespace tinyrig::compiler {
namespace {

constexpr size_t kMaxArena = size_t{1} << 31;

std::string_view Reason(Code code) {
  switch (code) {
    case Code::kDataLoss:
      return "it is truncated or its CRC differs; compile the model again";
    case Code::kUnimplemented:
      return "it is of another version or has an operator without kernel; compile the model again";
    default:
      return "it is not a model blob, or a number in it makes no sense; compile the model again";
  }
}

}  // namespace

Result<ReferenceRunner> ReferenceRunner::Make(std::span<const std::byte> blob) {
  runtime::BlobHeader header{};
  if (blob.size() < sizeof(header)) {
    return Status(Code::kInvalidArgument,
                  fmt::format("a blob of {} bytes is shorter than its header; compile the model "
                              "again",
                              blob.size()));
  }
  std::memcpy(&header, blob.data(), sizeof(header));
  if (header.arena_bytes > kMaxArena) {
    return Status(Code::kInvalidArgument, "the blob asks for an arena above 2 GB; compile again");
  }
  ReferenceRunner runner(header.kernel_set == runtime::KernelSetId::kDsp
                             ? runtime::DspKernels()
                             : runtime::ReferenceKernels());
  runner.blob_.resize((blob.size() + 7) / 8);
  std::memcpy(runner.blob_.data(), blob.data(), blob.size());
  runner.arena_.resize((header.arena_bytes + 7) / 8);
  const auto blob_bytes = std::as_bytes(std::span(runner.blob_)).first(blob.size());
  const auto arena_bytes = std::as_writable_bytes(std::span(runner.arena_));
  if (const Code code = runner.model_.Prepare(blob_bytes, arena_bytes); code != Code::kOk) {
    return Status(code, fmt::format("the runtime refused the blob: {}", Reason(code)));
  }
  if (runner.model_.streams_input()) {
    runner.stream_.resize(runner.input_bytes());
    runner.model_.StreamFrom(runner.stream_.data());
  }
  return runner;
}

size_t ReferenceRunner::input_bytes() const {
  size_t bytes = 0;
  for (size_t i = 0; i < model_.input_count(); ++i) bytes += model_.Input(i).data.size();
  return bytes;
}

Result<ReferenceOutput> ReferenceRunner::Run(std::span<const std::byte> input,
                                             runtime::OpObserver* observer) {
  if (input.size() != input_bytes()) {
    return Status(Code::kInvalidArgument,
                  fmt::format("the model takes {} input bytes, not {}; give int8 vectors of its "
                              "input shape",
                              input_bytes(), input.size()));
  }
  for (size_t i = 0; i < model_.input_count(); ++i) {
    const auto data = model_.Input(i).data;
    std::memcpy(data.data(), input.data(), data.size());
    input = input.subspan(data.size());
  }
  model_.Invoke(observer);
  ReferenceOutput output;
  for (size_t i = 0; i < model_.output_count(); ++i) {
    const auto data = model_.Output(i).data;
    output.bytes.insert(output.bytes.end(), data.begin(), data.end());
    output.sizes.push_back(data.size());
  }
  return output;
}

Result<ReferenceOutput> RunReference(std::span<const std::byte> blob,
                                     std::span<const std::byte> input,
                                     runtime::OpObserver* observer) {
  TRY_ASSIGN(ReferenceRunner runner, ReferenceRunner::Make(blob));
  return runner.Run(input, observer);
}

}  // namespace tinyrig::compiler
