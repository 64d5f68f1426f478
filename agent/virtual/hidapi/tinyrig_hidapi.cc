// libtinyrig-hidapi.so: the part of hidapi that OpenOCD's cmsis-dap driver uses, with the probe of
// a virtual board behind it. Preloaded into an unmodified openocd; the environment variable
// TINYRIG_VBOARD_DAP holds the path of the board's dap.sock. No C++ runtime: it is loaded into a C
// program, and only calls of libc are made.

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <wchar.h>

#include "agent/virtual/dap_frame.h"

namespace vboard = tinyrig::agent::vboard;

// Binary layout of hidapi 0.13, see its hidapi.h.
struct hid_device_info {
  char* path;
  unsigned short vendor_id;
  unsigned short product_id;
  wchar_t* serial_number;
  unsigned short release_number;
  wchar_t* manufacturer_string;
  wchar_t* product_string;
  unsigned short usage_page;
  unsigned short usage;
  int interface_number;
  hid_device_info* next;
  int bus_type;
};

struct hid_device_ {
  int fd;
};
using hid_device = hid_device_;

namespace {

constexpr char kSocketVariable[] = "TINYRIG_VBOARD_DAP";
constexpr unsigned short kVendorId = 0x1209;  // pid.codes, test product
constexpr unsigned short kProductId = 0x0001;
constexpr int kBusUsb = 1;
constexpr int kAnswerMs = 2000;
constexpr size_t kMaxSerial = 127;

const wchar_t* last_error = L"";

bool SendAll(int fd, const uint8_t* bytes, size_t size) {
  while (size > 0) {
    const ssize_t put = send(fd, bytes, size, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes += put;
    size -= static_cast<size_t>(put);
  }
  return true;
}

bool SendFrame(int fd, uint8_t type, const uint8_t* payload, size_t size) {
  uint8_t frame[vboard::kDapHeaderBytes + vboard::kDapMaxPayload];
  if (size > vboard::kDapMaxPayload) return false;
  vboard::PutDapHeader(frame, size, type);
  if (size > 0) memcpy(frame + vboard::kDapHeaderBytes, payload, size);
  return SendAll(fd, frame, vboard::kDapHeaderBytes + size);
}

bool ReceiveAll(int fd, uint8_t* bytes, size_t size) {
  while (size > 0) {
    const ssize_t got = recv(fd, bytes, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

// Payload length; 0 after `timeout_ms` (negative waits for ever), -1 when the board is gone.
int ReceiveFrame(int fd, uint8_t wanted_type, uint8_t* payload, size_t capacity, int timeout_ms) {
  for (;;) {
    pollfd entry = {fd, POLLIN, 0};
    const int ready = poll(&entry, 1, timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return 0;
    uint8_t header[vboard::kDapHeaderBytes];
    uint8_t body[vboard::kDapMaxPayload];
    size_t length = 0;
    uint8_t type = 0;
    if (ready < 0 || !ReceiveAll(fd, header, sizeof header) ||
        !vboard::GetDapHeader(header, length, type) || !ReceiveAll(fd, body, length)) {
      return -1;
    }
    if (type != wanted_type) continue;
    const size_t copied = length < capacity ? length : capacity;
    if (copied > 0) memcpy(payload, body, copied);
    return static_cast<int>(copied);
  }
}

int ConnectTo(const char* path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address.sun_path) {
    last_error = L"the path in TINYRIG_VBOARD_DAP is too long for a socket";
    return -1;
  }
  strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  last_error = L"no virtual board listens on the socket in TINYRIG_VBOARD_DAP";
  if (fd >= 0) close(fd);
  return -1;
}

// Asks one question on a connection; the answer's length as in ReceiveFrame().
int Ask(int fd, uint8_t question, uint8_t answer, uint8_t* payload, size_t capacity) {
  if (!SendFrame(fd, question, nullptr, 0)) return -1;
  return ReceiveFrame(fd, answer, payload, capacity, kAnswerMs);
}

wchar_t* WideCopy(const char* text, size_t length) {
  auto* wide = static_cast<wchar_t*>(calloc(length + 1, sizeof(wchar_t)));
  if (!wide) return nullptr;
  for (size_t i = 0; i < length; ++i) wide[i] = static_cast<unsigned char>(text[i]);
  return wide;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int hid_init() { return 0; }
__attribute__((visibility("default"))) int hid_exit() { return 0; }

__attribute__((visibility("default"))) void hid_free_enumeration(hid_device_info* devices) {
  while (devices) {
    hid_device_info* next = devices->next;
    free(devices->path);
    free(devices->serial_number);
    free(devices->manufacturer_string);
    free(devices->product_string);
    free(devices);
    devices = next;
  }
}

__attribute__((visibility("default"))) hid_device_info* hid_enumerate(unsigned short vendor_id,
                                                                      unsigned short product_id) {
  const char* path = getenv(kSocketVariable);
  if (!path || (vendor_id != 0 && vendor_id != kVendorId) ||
      (product_id != 0 && product_id != kProductId)) {
    return nullptr;
  }
  const int fd = ConnectTo(path);
  if (fd < 0) return nullptr;
  uint8_t description[1 + kMaxSerial];
  const int length =
      Ask(fd, vboard::kDapDescribe, vboard::kDapDescription, description, sizeof description);
  close(fd);
  if (length < 1 || description[0] == 0) return nullptr;
  auto* device = static_cast<hid_device_info*>(calloc(1, sizeof(hid_device_info)));
  if (!device) return nullptr;
  static const char kMaker[] = "tinyrig";
  static const char kProduct[] = "tinyrig virtual CMSIS-DAP";
  device->path = strdup(path);
  device->vendor_id = kVendorId;
  device->product_id = kProductId;
  device->serial_number =
      WideCopy(reinterpret_cast<const char*>(description + 1), static_cast<size_t>(length - 1));
  device->manufacturer_string = WideCopy(kMaker, sizeof kMaker - 1);
  device->product_string = WideCopy(kProduct, sizeof kProduct - 1);
  device->bus_type = kBusUsb;
  return device;
}

__attribute__((visibility("default"))) hid_device* hid_open_path(const char* path) {
  const int fd = ConnectTo(path);
  if (fd < 0) return nullptr;
  uint8_t result = vboard::kDapOpenAbsent;
  if (Ask(fd, vboard::kDapOpen, vboard::kDapOpened, &result, 1) == 1 &&
      result == vboard::kDapOpenOk) {
    auto* device = static_cast<hid_device*>(malloc(sizeof(hid_device)));
    if (device) {
      device->fd = fd;
      return device;
    }
  }
  last_error = result == vboard::kDapOpenBusy ? L"the probe is open in another program"
                                              : L"the probe is not there";
  close(fd);
  return nullptr;
}

__attribute__((visibility("default"))) hid_device* hid_open(unsigned short vendor_id,
                                                            unsigned short product_id,
                                                            const wchar_t* serial) {
  hid_device_info* devices = hid_enumerate(vendor_id, product_id);
  hid_device* device = nullptr;
  if (devices && (!serial || wcscmp(serial, devices->serial_number) == 0)) {
    device = hid_open_path(devices->path);
  }
  hid_free_enumeration(devices);
  return device;
}

__attribute__((visibility("default"))) int hid_write(hid_device* device, const unsigned char* data,
                                                     size_t length) {
  // The first byte is the report number, which does not travel.
  if (length < 1 || !SendFrame(device->fd, vboard::kDapRequest, data + 1, length - 1)) {
    last_error = L"the probe was unplugged";
    return -1;
  }
  return static_cast<int>(length);
}

__attribute__((visibility("default"))) int hid_read_timeout(hid_device* device, unsigned char* data,
                                                            size_t length, int milliseconds) {
  const int got = ReceiveFrame(device->fd, vboard::kDapResponse, data, length, milliseconds);
  if (got < 0) last_error = L"the probe was unplugged";
  return got;
}

__attribute__((visibility("default"))) int hid_read(hid_device* device, unsigned char* data,
                                                    size_t length) {
  return hid_read_timeout(device, data, length, -1);
}

__attribute__((visibility("default"))) void hid_close(hid_device* device) {
  if (!device) return;
  close(device->fd);
  free(device);
}

__attribute__((visibility("default"))) const wchar_t* hid_error(hid_device*) { return last_error; }

}  // extern "C"
