#include "agent/state/flash_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/state/files.h"

namespace tinyrig::agent {
namespace {

constexpr size_t kMaxFileBytes = 4 << 20;

}  // namespace

std::filesystem::path FlashRecord::File() const {
  return folder_ / ("flash-" + mcu_uid_ + ".json");
}

void FlashRecord::Select(const std::string& mcu_uid, bool persistent) {
  if (mcu_uid == mcu_uid_ && persistent == persistent_) return;
  mcu_uid_ = mcu_uid;
  persistent_ = persistent;
  sectors_.clear();
  if (persistent_ && !folder_.empty()) Load();
}

void FlashRecord::Load() {
  const auto text = ReadWholeFile(File(), kMaxFileBytes);
  if (!text.ok()) return;
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return;
  const auto mcu_uid = json.find("mcu_uid");
  const auto sectors = json.find("sectors");
  if (mcu_uid == json.end() || *mcu_uid != mcu_uid_) return;
  if (sectors == json.end() || !sectors->is_array()) return;
  for (const auto& entry : *sectors) {
    if (!entry.is_object()) continue;
    const auto address = entry.find("address");
    const auto hash = entry.find("sha256");
    const auto erasures = entry.find("erasures");
    if (address == entry.end() || !address->is_number_unsigned()) continue;
    Sector& sector = sectors_[address->get<uint32_t>()];
    if (hash != entry.end() && hash->is_string()) sector.hash = hash->get<std::string>();
    if (erasures != entry.end() && erasures->is_number_unsigned()) {
      sector.erasures = erasures->get<uint32_t>();
    }
  }
}

Status FlashRecord::Save() const {
  if (!persistent_ || folder_.empty()) return OkStatus();
  auto sectors = nlohmann::ordered_json::array();
  for (const auto& [address, sector] : sectors_) {
    sectors.push_back(
        {{"address", address}, {"sha256", sector.hash}, {"erasures", sector.erasures}});
  }
  const nlohmann::ordered_json json = {{"mcu_uid", mcu_uid_}, {"sectors", std::move(sectors)}};
  return WriteFileDurably(File(), json.dump(1) + "\n");
}

bool FlashRecord::Holds(uint32_t address, const std::string& hash) const {
  const auto found = sectors_.find(address);
  return found != sectors_.end() && !hash.empty() && found->second.hash == hash;
}

Status FlashRecord::Begin(const std::vector<uint32_t>& addresses) {
  if (addresses.empty()) return OkStatus();
  for (const uint32_t address : addresses) {
    Sector& sector = sectors_[address];
    sector.hash.clear();
    if (persistent_) ++sector.erasures;
  }
  return Save();
}

Status FlashRecord::Commit(const std::map<uint32_t, std::string>& hashes) {
  bool changed = false;
  for (const auto& [address, hash] : hashes) {
    Sector& sector = sectors_[address];
    changed = changed || sector.hash != hash;
    sector.hash = hash;
  }
  return changed ? Save() : OkStatus();
}

Status FlashRecord::Forget() {
  bool known = false;
  for (auto& [address, sector] : sectors_) {
    known = known || !sector.hash.empty();
    sector.hash.clear();
  }
  return known ? Save() : OkStatus();
}

void FlashRecord::PowerLost() {
  if (!persistent_) sectors_.clear();
}

uint32_t FlashRecord::max_erasures() const {
  uint32_t most = 0;
  for (const auto& [address, sector] : sectors_) most = std::max(most, sector.erasures);
  return most;
}

}  // namespace tinyrig::agent
