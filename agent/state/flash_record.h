#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "proto/status/status.h"

namespace tinyrig::agent {

/// What the agent wrote into the program memory of one MCU and proved to be there, by sector, and
/// how often it erased each. A claim, not the truth: the board may have been written by others, so
/// whoever skips a sector for it verifies the sector all the same.
///
/// Kept in a file per MCU for memory that keeps its contents. The file never claims too much: a
/// sector is struck out before it is erased and entered after it was verified. Erasures are counted
/// beforehand, so that a crash counts one too many, never one too few.
class FlashRecord {
 public:
  /// `folder`: of the board slot. Empty: kept in this object only.
  explicit FlashRecord(std::filesystem::path folder = {}) : folder_(std::move(folder)) {}

  /// From here on all calls are about this MCU. `persistent`: its memory outlives its power. A file
  /// that cannot be read is taken for none.
  void Select(const std::string& mcu_uid, bool persistent);

  /// Does the sector hold what has this hash?
  bool Holds(uint32_t address, const std::string& hash) const;

  /// To be called before these sectors are erased (or written, in RAM: nothing wears out).
  /// Errors: kUnavailable, kResourceExhausted: the file cannot be written; do not write the board.
  Status Begin(const std::vector<uint32_t>& addresses);
  /// To be called when the sectors, by address, were proved to hold what has these hashes.
  Status Commit(const std::map<uint32_t, std::string>& hashes);
  /// Nothing is known of the contents any more. Errors: as Begin().
  Status Forget();
  /// The board lost its supply.
  void PowerLost();

  /// Of the most worn sector.
  uint32_t max_erasures() const;

 private:
  struct Sector {
    std::string hash;  ///< Empty: not known.
    uint32_t erasures = 0;
  };
  std::filesystem::path File() const;
  void Load();
  Status Save() const;

  std::filesystem::path folder_;
  std::string mcu_uid_;
  bool persistent_ = false;
  std::map<uint32_t, Sector> sectors_;
};

}  // namespace tinyrig::agent
