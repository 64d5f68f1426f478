#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// What USB ids say about instruments on a bench.
namespace tinyrig::cli {

enum class UsbRole : uint8_t {
  kOther,
  kProbe,        ///< Debug adapter.
  kProbeSerial,  ///< Debug adapter that brings a serial port for the board.
  kSerial,       ///< USB-to-UART bridge.
};

struct UsbKind {
  UsbRole role = UsbRole::kOther;
  std::string name;       ///< "ST-LINK/V2-1"
  std::string interface;  ///< OpenOCD's `interface/...cfg` for a probe; empty when unknown.
};

/// By vendor and product id; adapters that only say "CMSIS-DAP" in their product text, as the
/// standard demands, are found by that.
UsbKind KindOfUsb(uint16_t vendor, uint16_t product, std::string_view product_text);

bool IsProbe(const UsbKind& kind);

}  // namespace tinyrig::cli
