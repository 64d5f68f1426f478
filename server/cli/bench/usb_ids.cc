#include "server/cli/bench/usb_ids.h"

namespace tinyrig::cli {
namespace {

struct KnownUsb {
  uint16_t vendor;
  uint16_t first_product;
  uint16_t last_product;
  UsbRole role;
  const char* name;
  const char* interface;
};

constexpr const char* kCmsisDap = "interface/cmsis-dap.cfg";
constexpr const char* kStLink = "interface/stlink.cfg";
constexpr const char* kJLink = "interface/jlink.cfg";

constexpr KnownUsb kKnown[] = {
    {0x0483, 0x3744, 0x3744, UsbRole::kProbe, "ST-LINK/V1", ""},
    {0x0483, 0x3748, 0x3748, UsbRole::kProbe, "ST-LINK/V2", kStLink},
    {0x0483, 0x374B, 0x374B, UsbRole::kProbeSerial, "ST-LINK/V2-1", kStLink},
    {0x0483, 0x374D, 0x374D, UsbRole::kProbe, "ST-LINK/V3 (updating)", ""},
    {0x0483, 0x374E, 0x374F, UsbRole::kProbeSerial, "ST-LINK/V3", kStLink},
    {0x0483, 0x3752, 0x3752, UsbRole::kProbeSerial, "ST-LINK/V2-1", kStLink},
    {0x0483, 0x3753, 0x3757, UsbRole::kProbeSerial, "ST-LINK/V3", kStLink},
    {0x1366, 0x0101, 0x0104, UsbRole::kProbe, "J-Link", kJLink},
    {0x1366, 0x0105, 0x0105, UsbRole::kProbeSerial, "J-Link", kJLink},
    {0x1366, 0x1001, 0x10FF, UsbRole::kProbeSerial, "J-Link", kJLink},
    {0x0D28, 0x0204, 0x0204, UsbRole::kProbeSerial, "DAPLink (CMSIS-DAP)", kCmsisDap},
    {0x2E8A, 0x0004, 0x0004, UsbRole::kProbeSerial, "Picoprobe", kCmsisDap},
    {0x2E8A, 0x000C, 0x000C, UsbRole::kProbeSerial, "Raspberry Pi Debug Probe", kCmsisDap},
    {0x03EB, 0x2111, 0x2111, UsbRole::kProbeSerial, "EDBG (CMSIS-DAP)", kCmsisDap},
    {0x1FC9, 0x0143, 0x0143, UsbRole::kProbeSerial, "MCU-Link (CMSIS-DAP)", kCmsisDap},
    {0x1FC9, 0x0090, 0x0090, UsbRole::kProbeSerial, "LPC-Link2 (CMSIS-DAP)", kCmsisDap},
    {0xC251, 0xF001, 0xF001, UsbRole::kProbe, "ULINK (CMSIS-DAP)", kCmsisDap},
    {0x1D50, 0x6018, 0x6018, UsbRole::kProbeSerial, "Black Magic Probe", ""},
    {0x10C4, 0xEA60, 0xEA71, UsbRole::kSerial, "CP210x", ""},
    {0x0403, 0x6001, 0x6001, UsbRole::kSerial, "FT232", ""},
    {0x0403, 0x6010, 0x6015, UsbRole::kSerial, "FTDI", ""},
    {0x1A86, 0x5523, 0x55DF, UsbRole::kSerial, "CH34x", ""},
    {0x1A86, 0x7522, 0x7523, UsbRole::kSerial, "CH340", ""},
    {0x067B, 0x2303, 0x23F3, UsbRole::kSerial, "PL2303", ""},
};

}  // namespace

UsbKind KindOfUsb(uint16_t vendor, uint16_t product, std::string_view product_text) {
  for (const KnownUsb& known : kKnown) {
    if (vendor == known.vendor && product >= known.first_product && product <= known.last_product) {
      return {known.role, known.name, known.interface};
    }
  }
  if (product_text.find("CMSIS-DAP") != std::string_view::npos) {
    return {UsbRole::kProbeSerial, "CMSIS-DAP", kCmsisDap};
  }
  return {};
}

bool IsProbe(const UsbKind& kind) {
  return kind.role == UsbRole::kProbe || kind.role == UsbRole::kProbeSerial;
}

}  // namespace tinyrig::cli
