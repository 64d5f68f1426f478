#include "server/model/bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "proto/device/crc32c.h"
#include "server/model/names.h"

namespace tinyrig::server {
namespace {

using nlohmann::json;

// Reads fields of one object and remembers the first that is missing or wrong.
class Fields {
 public:
  /// `at`: where the object lies in the document.
  explicit Fields(const json& root, std::string at = "") : root_(root), at_(std::move(at)) {}

  void Text(const char* pointer, std::string* out) {
    const json* value = Find(pointer);
    if (value == nullptr) return;
    if (!value->is_string() || value->get_ref<const std::string&>().empty())
      return Fail(pointer, "text");
    *out = value->get<std::string>();
  }

  bool Has(const char* pointer) const { return root_.contains(json::json_pointer(pointer)); }

  template <typename T>
  void Number(const char* pointer, T* out) {
    const json* value = Find(pointer);
    if (value == nullptr) return;
    if (!value->is_number_unsigned() || value->get<uint64_t>() > std::numeric_limits<T>::max()) {
      return Fail(pointer, "a whole number in range");
    }
    *out = static_cast<T>(value->get<uint64_t>());
  }

  /// The elements of an array, each read by `read(Fields& element)`.
  template <typename Read>
  void Array(const char* pointer, Read read) {
    const json* value = Find(pointer);
    if (value == nullptr) return;
    if (!value->is_array()) return Fail(pointer, "an array");
    for (size_t i = 0; i < value->size() && status_.ok(); ++i) {
      Fields element((*value)[i], fmt::format("{}{}/{}", at_, pointer, i));
      read(element);
      status_ = element.status();
    }
  }

  /// Positions in an array of `limit` elements.
  void Indices(const char* pointer, size_t limit, std::vector<uint32_t>* out) {
    const json* value = Find(pointer);
    if (value == nullptr) return;
    if (!value->is_array()) return Fail(pointer, "an array");
    for (size_t i = 0; i < value->size(); ++i) {
      const json& index = (*value)[i];
      if (!index.is_number_unsigned() || index.get<uint64_t>() >= limit) {
        return Fail(fmt::format("{}/{}", pointer, i), "a position in /kernel_parts");
      }
      out->push_back(index.get<uint32_t>());
    }
  }

  const Status& status() const { return status_; }

 private:
  const json* Find(const char* pointer) {
    const json::json_pointer path(pointer);
    if (root_.contains(path)) return &root_.at(path);
    Fail(pointer, "present");
    return nullptr;
  }
  void Fail(std::string_view pointer, std::string_view wanted) {
    if (!status_.ok()) return;
    status_ = Status(Code::kInvalidArgument,
                     fmt::format("firmware bundle: {}{} must be {}; build the firmware again", at_,
                                 pointer, wanted));
  }

  const json& root_;
  std::string at_;
  Status status_;
};

}  // namespace

Result<Bundle> ParseBundle(std::string_view text) {
  const json root = json::parse(text, nullptr, false);
  if (!root.is_object()) {
    return Status(Code::kInvalidArgument,
                  "firmware bundle: not a JSON object; build the firmware again");
  }
  Bundle bundle;
  Fields fields(root);
  fields.Text("/port", &bundle.port);
  fields.Text("/kernels", &bundle.kernels);
  fields.Text("/build_id", &bundle.build_id);
  fields.Number("/load_address", &bundle.load_address);
  fields.Number("/firmware_size", &bundle.firmware_size);
  fields.Number("/firmware_crc32c", &bundle.firmware_crc32c);
  fields.Number("/blob_address", &bundle.blob_address);
  fields.Number("/blob_limit", &bundle.blob_limit);
  fields.Number("/arena_limit", &bundle.arena_limit);
  fields.Number("/mailbox_address", &bundle.mailbox_address);
  if (fields.Has("/rings_address")) fields.Number("/rings_address", &bundle.rings_address);
  fields.Number("/flash/core", &bundle.flash_core);
  fields.Array("/kernel_parts",
               [&](Fields& part) { part.Number("/bytes", &bundle.kernel_parts.emplace_back()); });
  fields.Array("/kernel_forms", [&](Fields& line) {
    KernelId id;
    line.Number("/kind", &id.kind);
    line.Number("/form", &id.form);
    line.Indices("/parts", bundle.kernel_parts.size(), &bundle.kernel_forms[id]);
  });
  fields.Number("/flash/rig", &bundle.flash_rig);
  fields.Number("/ram/runtime_static", &bundle.ram_runtime_static);
  fields.Number("/ram/stack_reserved", &bundle.ram_stack_reserved);
  fields.Number("/ram/rig", &bundle.ram_rig);

  std::string fidelity;
  uint64_t clock_hz = 0, ram_bytes = 0, flash_bytes = 0;
  fields.Text("/board_type/name", bundle.board_type.mutable_name());
  fields.Text("/board_type/core", bundle.board_type.mutable_core());
  fields.Text("/board_type/counter", bundle.board_type.mutable_counter());
  fields.Text("/board_type/fidelity", &fidelity);
  fields.Number("/board_type/clock_hz", &clock_hz);
  fields.Number("/board_type/ram_bytes", &ram_bytes);
  fields.Number("/board_type/flash_bytes", &flash_bytes);
  TRY(fields.status());
  if (root["board_type"].contains("caches")) {
    fields.Text("/board_type/caches", bundle.board_type.mutable_caches());
  }
  if (root["board_type"].contains("wait_states")) {
    uint32_t wait_states = 0;
    fields.Number("/board_type/wait_states", &wait_states);
    bundle.board_type.set_wait_states(wait_states);
  }
  TRY(fields.status());
  bundle.provenance =
      json{{"build", root.value("build", json::object())}, {"board_type", root["board_type"]}}.dump(
          -1, ' ', false, json::error_handler_t::replace);
  bundle.board_type.set_clock_hz(clock_hz);
  bundle.board_type.set_ram_bytes(ram_bytes);
  bundle.board_type.set_flash_bytes(flash_bytes);
  bundle.board_type.set_fidelity(FidelityFromText(fidelity));
  if (bundle.board_type.fidelity() == v1::FIDELITY_UNSPECIFIED) {
    return Status(
        Code::kInvalidArgument,
        fmt::format(
            "firmware bundle: /board_type/fidelity '{}' must be hardware, emulated or native",
            fidelity));
  }
  return bundle;
}

Status CheckFirmware(const Bundle& bundle) {
  const uint32_t crc = device::Crc32c(bundle.firmware.data(), bundle.firmware.size());
  if (bundle.firmware.size() == bundle.firmware_size && crc == bundle.firmware_crc32c) return {};
  return {Code::kDataLoss, fmt::format("{}.bin has {} B and CRC-32C {:08x}, its JSON says {} B and "
                                       "{:08x}; build the firmware again",
                                       bundle.Name(), bundle.firmware.size(), crc,
                                       bundle.firmware_size, bundle.firmware_crc32c)};
}

Status Catalog::Add(Bundle bundle) {
  if (Find(bundle.board_type.name(), bundle.kernels) != nullptr) {
    return {Code::kAlreadyExists,
            fmt::format("two firmware bundles for board type {} with {} kernels; remove one",
                        bundle.board_type.name(), bundle.kernels)};
  }
  bundles_.push_back(std::move(bundle));
  return {};
}

const Bundle* Catalog::FindBuild(std::string_view build_id) const {
  const auto found = std::ranges::find(bundles_, build_id, &Bundle::build_id);
  return found == bundles_.end() ? nullptr : &*found;
}

const Bundle* Catalog::Find(std::string_view board_type, std::string_view kernels) const {
  for (const Bundle& bundle : bundles_) {
    if (bundle.board_type.name() == board_type && bundle.kernels == kernels) return &bundle;
  }
  return nullptr;
}

const v1::BoardType* Catalog::FindBoardType(std::string_view name) const {
  for (const Bundle& bundle : bundles_) {
    if (bundle.board_type.name() == name) return &bundle.board_type;
  }
  return nullptr;
}

std::vector<v1::BoardType> Catalog::BoardTypes() const {
  std::map<std::string, v1::BoardType> by_name;
  for (const Bundle& bundle : bundles_)
    by_name.emplace(bundle.board_type.name(), bundle.board_type);
  std::vector<v1::BoardType> types;
  for (auto& [name, type] : by_name) types.push_back(std::move(type));
  return types;
}

}  // namespace tinyrig::server
