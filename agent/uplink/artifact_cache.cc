#include "agent/uplink/artifact_cache.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "agent/state/files.h"
#include "agent/state/sha256.h"

namespace tinyrig::agent {
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::milliseconds kRetry{200};

bool IsSha256Hex(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Whether the file is what it is called. Empty hash: it cannot be read.
std::string HashOfFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Sha256 hash;
  std::vector<char> buffer(256 << 10);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hash.Update({buffer.data(), static_cast<size_t>(file.gcount())});
  }
  return file.eof() ? hash.Hex() : std::string();
}

std::chrono::system_clock::time_point WallClock(Deadline deadline) {
  const auto left = std::min<Clock::duration>(deadline - Clock::now(), std::chrono::hours(24));
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(left);
}

Status Trim(const fs::path& dir) {
  struct Entry {
    fs::file_time_type time;
    uint64_t size;
    fs::path path;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  std::error_code error;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    if (it->path().extension() == ".tmp") {
      fs::remove(it->path(), gone);
    } else if (it->is_regular_file(gone)) {
      entries.push_back({it->last_write_time(gone), it->file_size(gone), it->path()});
      total += entries.back().size;
    }
  }
  if (error) {
    return {Code::kUnavailable, fmt::format("cannot list {}: {}; check its permissions",
                                            dir.string(), error.message())};
  }
  std::ranges::sort(entries, {}, &Entry::time);
  for (const Entry& entry : entries) {
    if (total <= ArtifactCache::kMaxCacheBytes) break;
    fs::remove(entry.path, error);
    total -= entry.size;
  }
  return {};
}

}  // namespace

/// One call of Get(), shared by the coroutine and the pool: either may end first.
struct ArtifactCache::Fetch {
  Fetch(boost::asio::io_context& io, v1::ArtifactRef wanted)
      : ref(std::move(wanted)), work(io.get_executor()), ended(io, Deadline::max()) {}

  /// Ends the call that runs, and lets no other begin. Any thread.
  void Cancel() {
    const std::lock_guard lock(mutex);
    cancelled = true;
    if (context != nullptr) context->TryCancel();
  }
  /// What Cancel() ends; null: nothing. False when that was cancelled.
  bool SetContext(grpc::ClientContext* running) {
    const std::lock_guard lock(mutex);
    context = running;
    return !cancelled;
  }

  const v1::ArtifactRef ref;
  std::chrono::system_clock::time_point deadline;
  std::mutex mutex;
  grpc::ClientContext* context = nullptr;
  bool cancelled = false;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  // Of the io thread only:
  asio::steady_timer ended;
  bool done = false;
  Result<fs::path> result{Code::kUnknown, ""};
};

Result<std::unique_ptr<ArtifactCache>> ArtifactCache::Open(const fs::path& dir,
                                                           std::shared_ptr<grpc::Channel> channel,
                                                           boost::asio::io_context& io,
                                                           boost::asio::thread_pool& pool) {
  TRY(MakeFolder(dir));
  TRY(Trim(dir));
  return std::unique_ptr<ArtifactCache>(new ArtifactCache(dir, std::move(channel), io, pool));
}

Awaitable<Result<fs::path>> ArtifactCache::Get(v1::ArtifactRef ref, Deadline deadline) {
  if (!IsSha256Hex(ref.sha256())) {
    co_return Status(Code::kInvalidArgument,
                     fmt::format("'{}' names no artifact; a name is 64 lower-case hex digits",
                                 ref.sha256().substr(0, 80)));
  }
  if (ref.size_bytes() > kMaxArtifactBytes) {
    co_return Status(Code::kResourceExhausted,
                     fmt::format("artifact {} of {} B exceeds the limit of {} B", ref.sha256(),
                                 ref.size_bytes(), kMaxArtifactBytes));
  }
  auto fetch = std::make_shared<Fetch>(io_, std::move(ref));
  fetch->deadline = WallClock(deadline);
  asio::post(pool_, [this, fetch] {
    Result<fs::path> result = GetBlocking(*fetch);
    asio::post(io_, [fetch, result = std::move(result)]() mutable {
      fetch->result = std::move(result);
      fetch->done = true;
      fetch->ended.cancel();
      fetch->work.reset();
    });
  });
  while (!fetch->done) {
    co_await fetch->ended.async_wait(kAsTuple);
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (!fetch->done && state.cancelled() != asio::cancellation_type::none) {
      fetch->Cancel();
      co_return Status(Code::kCancelled, "the attempt was cancelled");
    }
  }
  co_return fetch->result;
}

Result<fs::path> ArtifactCache::GetBlocking(Fetch& fetch) const {
  const fs::path path = dir_ / fetch.ref.sha256();
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (!error) {
    const bool right_size = fetch.ref.size_bytes() == 0 || size == fetch.ref.size_bytes();
    if (right_size && HashOfFile(path) == fetch.ref.sha256()) return path;
    spdlog::warn("cache: {} changed on disk; it is fetched again", path.string());
    fs::remove(path, error);
  }
  static std::atomic<uint64_t> serial{0};
  fs::path temporary = path;
  temporary += fmt::format(".{}.tmp", ++serial);
  Status status = Download(fetch, temporary);
  if (status.ok()) {
    fs::rename(temporary, path, error);
    if (!error) return path;
    status = Status(Code::kUnavailable,
                    fmt::format("cannot create {}: {}", path.string(), error.message()));
  }
  fs::remove(temporary, error);
  return status.WithContext(fmt::format("artifact {}", fetch.ref.sha256().substr(0, 12)));
}

grpc::Status ArtifactCache::ReadFrom(
    Fetch& fetch, uint64_t offset,
    const std::function<bool(const v1::ArtifactChunk&)>& take) const {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(fetch.deadline);
  if (!fetch.SetContext(&context)) return grpc::Status::CANCELLED;
  v1::DownloadArtifactRequest request;
  request.set_sha256(fetch.ref.sha256());
  request.set_offset(offset);
  const auto reader = stub_->DownloadArtifact(&context, request);
  for (v1::ArtifactChunk chunk; reader->Read(&chunk);) {
    if (!take(chunk)) context.TryCancel();
  }
  const grpc::Status status = reader->Finish();
  fetch.SetContext(nullptr);
  return status;
}

Status ArtifactCache::Download(Fetch& fetch, const fs::path& temporary) const {
  std::ofstream file(temporary, std::ios::binary);
  const uint64_t limit = fetch.ref.size_bytes() > 0 ? fetch.ref.size_bytes() : kMaxArtifactBytes;
  Sha256 hash;
  uint64_t size = 0;
  const auto take = [&](const v1::ArtifactChunk& chunk) {
    size += chunk.data().size();
    hash.Update(chunk.data());
    file.write(chunk.data().data(), static_cast<std::streamsize>(chunk.data().size()));
    return file && size <= limit;
  };
  grpc::Status status = ReadFrom(fetch, 0, take);
  // The connection broke: what came stays, the rest follows.
  while (status.error_code() == grpc::StatusCode::UNAVAILABLE && file && size <= limit) {
    std::this_thread::sleep_for(kRetry);
    status = ReadFrom(fetch, size, take);
  }
  file.close();
  if (!file) {
    return {
        Code::kResourceExhausted,
        fmt::format("cannot write {}; free some space or check permissions", temporary.string())};
  }
  if (size > limit) {
    return {
        Code::kDataLoss,
        fmt::format("the server sent more than {} B; check the server's artifact folder", limit)};
  }
  if (!status.ok()) {
    return {
        static_cast<Code>(status.error_code()),
        fmt::format("{}; check that the server is up and has the file", status.error_message())};
  }
  if (const std::string found = hash.Hex(); found != fetch.ref.sha256()) {
    return {Code::kDataLoss, fmt::format("the server sent {} B with SHA-256 {}; check the server's "
                                         "artifact folder",
                                         size, found)};
  }
  return {};
}

}  // namespace tinyrig::agent
