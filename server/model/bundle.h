#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/types.pb.h"
#include "server/model/symbol_table.h"

/// A firmware bundle: one image of the runtime for a port with one kernel set, and what its JSON
/// file says of it.
namespace tinyrig::server {

/// A kernel, as a blob's operators name it (OpKind and WeightForm of
/// firmware/runtime/blob_format.h).
struct KernelId {
  uint8_t kind = 0;
  uint8_t form = 0;
  auto operator<=>(const KernelId&) const = default;
};

struct Bundle {
  std::string port;      ///< "virtual_m4".
  std::string kernels;   ///< "dsp".
  std::string build_id;  ///< GNU build id, hex; the board answers with it in HELLO.
  uint32_t load_address = 0;
  uint32_t firmware_size = 0;    ///< Bytes of the .bin.
  uint32_t firmware_crc32c = 0;  ///< Of the .bin.
  uint32_t blob_address = 0;
  uint32_t blob_limit = 0;   ///< Bytes there are for the model blob.
  uint32_t arena_limit = 0;  ///< Bytes there are for arena and input staging together.
  uint32_t mailbox_address = 0;
  uint32_t rings_address = 0;  ///< RingControl of proto/device/rings.h; 0: the image has none.
  v1::BoardType board_type;
  /// {"build": {"compiler", "flags"}, "board_type": {...}} of the JSON file, for manifests.
  std::string provenance;

  uint32_t flash_core = 0;             ///< Runtime without kernels: model cost.
  std::vector<uint32_t> kernel_parts;  ///< Bytes of the pieces that kernels are made of.
  /// Which of them each kernel needs; one that several need is there once. Model cost where used.
  std::map<KernelId, std::vector<uint32_t>> kernel_forms;
  uint32_t flash_rig = 0;           ///< Port and protocol: rig cost.
  uint32_t ram_runtime_static = 0;  ///< Static data of the runtime: model cost.
  uint32_t ram_stack_reserved = 0;
  uint32_t ram_rig = 0;  ///< Protocol and port buffers.

  std::vector<std::byte> firmware;    ///< The .bin; filled in by who read the files.
  SymbolTable symbols;                ///< Of the .elf; empty when that is not there.
  v1::ArtifactRef firmware_artifact;  ///< The same, as stored.

  /// "virtual_m4-dsp": the files are this name + .json, .bin, .elf.
  std::string Name() const { return port + "-" + kernels; }
};

/// Reads the JSON text of a bundle. Errors: kInvalidArgument naming the key that is missing or
/// wrong.
Result<Bundle> ParseBundle(std::string_view json);

/// Whether `firmware` is the .bin that the JSON text described: size and CRC-32C. kDataLoss when
/// not.
Status CheckFirmware(const Bundle& bundle);

/// The bundles a server has, looked up by board type and kernel set.
class Catalog {
 public:
  /// Errors: kAlreadyExists for a second bundle of the same board type and kernel set.
  Status Add(Bundle bundle);
  /// nullptr when there is none.
  const Bundle* Find(std::string_view board_type, std::string_view kernels) const;
  /// The bundle with that GNU build id; nullptr when it was built anew since.
  const Bundle* FindBuild(std::string_view build_id) const;
  /// nullptr when no bundle is for that type.
  const v1::BoardType* FindBoardType(std::string_view name) const;
  /// Each once, by name.
  std::vector<v1::BoardType> BoardTypes() const;
  const std::vector<Bundle>& bundles() const { return bundles_; }

 private:
  std::vector<Bundle> bundles_;
};

}  // namespace tinyrig::server
