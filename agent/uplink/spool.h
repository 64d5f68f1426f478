#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "agent/uplink/lease_key.h"
#include "proto/status/status.h"
#include "proto/tinyrig/v1/agent.pb.h"

namespace tinyrig::agent {

/// Results on disk until the server acknowledged them. One file each, JOB-ATTEMPT-FENCE.result:
/// CRC-32C of the rest (4 bytes, little endian), then the serialised v1::AttemptResult.
/// Written whole or not at all; a file that cannot be read is renamed to *.bad and left for people.
class Spool {
 public:
  /// The server takes messages of up to 64 MiB.
  static constexpr size_t kMaxResultBytes = (64u << 20) - 4096;

  /// Opens the folder, removes what a crash left half written, sets unreadable files aside.
  /// Errors: kUnavailable: the folder cannot be created or listed.
  static Result<Spool> Open(const std::filesystem::path& dir);

  /// Keeps the result under its key. When the disk refuses it, the result stays in memory (so it is
  /// still sent, but a restart of the agent loses it) and the failure is returned.
  Status Put(v1::AttemptResult result);

  /// Errors: kNotFound: no such key. kDataLoss: the file changed on disk; it was set aside and the
  /// key is gone.
  Result<v1::AttemptResult> Get(const LeaseKey& key);

  /// Forgets the result. A key that is not there is no error.
  void Remove(const LeaseKey& key);

  /// Whether the disk can take more results; see CheckRoom(). Those that it refused before are
  /// written when it can.
  Status MakeRoom();

  bool Has(const LeaseKey& key) const { return results_.contains(key); }
  std::vector<LeaseKey> Keys() const;

 private:
  explicit Spool(std::filesystem::path dir) : dir_(std::move(dir)) {}
  std::filesystem::path PathOf(const LeaseKey& key) const;
  Result<v1::AttemptResult> ReadFile(const std::filesystem::path& path) const;
  static void SetAside(const std::filesystem::path& path, const Status& why);

  std::filesystem::path dir_;
  /// A value only where the file could not be written.
  std::map<LeaseKey, std::optional<v1::AttemptResult>> results_;
};

}  // namespace tinyrig::agent
