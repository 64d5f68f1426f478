#include "agent/drivers/openocd/openocd_probe.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "agent/drivers/openocd/output.h"
#include "agent/process/child.h"

namespace tinyrig::agent::openocd {
namespace {

/// Reads and removes a dump.
Result<std::vector<uint8_t>> TakeFile(const std::filesystem::path& path, uint32_t size) {
  std::vector<uint8_t> bytes;
  {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  if (bytes.size() != size) {
    return {Code::kUnavailable,
            fmt::format("OpenOCD dumped {} of {} bytes; is the disk full?", bytes.size(), size)};
  }
  return bytes;
}

}  // namespace

OpenOcdProbe::OpenOcdProbe(Adapter adapter, std::map<std::string, std::string> environment,
                           std::filesystem::path work_dir)
    : adapter_(std::move(adapter)),
      environment_(std::move(environment)),
      work_dir_(std::move(work_dir)) {
  environment_.emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
}

Awaitable<Result<std::string>> OpenOcdProbe::Run(Result<std::vector<std::string>> argv,
                                                 Deadline deadline) {
  CO_TRY(argv);
  ChildSpec spec;
  spec.argv = std::move(*argv);
  spec.environment = environment_;
  CO_TRY_ASSIGN(ChildResult run, co_await RunChild(std::move(spec), deadline));
  CO_TRY(Classify(run));
  co_return std::move(run.output);
}

Awaitable<Result<ProbeIdentity>> OpenOcdProbe::Identify(Deadline deadline) {
  auto argv = IdentifyCommand(adapter_);
  CO_TRY_ASSIGN(const std::string output, co_await Run(std::move(argv), deadline));
  co_return ParseIdentity(output);
}

Awaitable<Result<FlashReport>> OpenOcdProbe::Flash(FlashRequest request, Deadline deadline) {
  auto argv = FlashCommand(adapter_, request);
  CO_TRY_ASSIGN(const std::string output, co_await Run(std::move(argv), deadline));
  CO_TRY(CheckFlashRun(output, request.mailbox_word));
  FlashReport report;
  CO_TRY_ASSIGN(report.identity, ParseIdentity(output));
  for (const FlashSegment& segment : request.segments) {
    std::error_code ignored;
    report.bytes_written += std::filesystem::file_size(segment.file, ignored);
  }
  co_return report;
}

Awaitable<Result<std::vector<std::vector<uint8_t>>>> OpenOcdProbe::ReadMemory(
    std::vector<MemoryRange> ranges, Deadline deadline) {
  std::vector<std::filesystem::path> files;
  for (size_t i = 0; i < ranges.size(); ++i) {
    files.push_back(work_dir_ / fmt::format("memory-{}.bin", i));
  }
  auto argv = ReadCommand(adapter_, ranges, files);
  CO_TRY(co_await Run(std::move(argv), deadline));
  std::vector<std::vector<uint8_t>> memory;
  for (size_t i = 0; i < ranges.size(); ++i) {
    CO_TRY_ASSIGN(auto bytes, TakeFile(files[i], ranges[i].size));
    memory.push_back(std::move(bytes));
  }
  co_return memory;
}

Awaitable<Status> OpenOcdProbe::Reset(Deadline deadline) {
  auto argv = ResetCommand(adapter_);
  const auto run = co_await Run(std::move(argv), deadline);
  co_return run.status();
}

}  // namespace tinyrig::agent::openocd
