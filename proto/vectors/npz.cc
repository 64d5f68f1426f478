#include "proto/vectors/npz.h"

#include <zip.h>

#include <memory>

namespace tinyrig::vectors {
namespace {

struct ZipCloser {
  void operator()(zip_t* zip) const { zip_discard(zip); }
};
struct ZipFileCloser {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Zip = std::unique_ptr<zip_t, ZipCloser>;
using ZipFile = std::unique_ptr<zip_file_t, ZipFileCloser>;

std::string Mib(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

/// zip_open_from_source owns the source from then on.
Result<Zip> Open(std::span<const uint8_t> bytes) {
  if (bytes.empty()) {  // which libzip takes for an empty archive
    return Status(Code::kInvalidArgument, "the file is empty; write it with numpy.savez");
  }
  zip_error_t error;
  zip_error_init(&error);
  zip_t* zip = nullptr;
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (source != nullptr) {
    zip = zip_open_from_source(source, ZIP_RDONLY, &error);
    if (zip == nullptr) zip_source_free(source);
  }
  const std::string text = zip == nullptr ? zip_error_strerror(&error) : "";
  zip_error_fini(&error);
  if (zip == nullptr) {
    return Status(Code::kInvalidArgument,
                  "not a readable .npz archive (" + text + "); write it with numpy.savez");
  }
  return Zip(zip);
}

Result<std::vector<uint8_t>> Unpack(zip_t* zip, uint64_t index, uint64_t size) {
  const ZipFile file(zip_fopen_index(zip, index, 0));
  if (file == nullptr) {
    return Status(Code::kInvalidArgument, std::string("cannot be unpacked: ") + zip_strerror(zip) +
                                              "; write it with numpy.savez");
  }
  // One byte more than declared: an entry that lies about its size must not pass, and reading to
  // the end is what makes libzip check the CRC.
  std::vector<uint8_t> data(size + 1);
  size_t filled = 0;
  while (filled < data.size()) {
    const zip_int64_t got = zip_fread(file.get(), data.data() + filled, data.size() - filled);
    if (got < 0) {
      return Status(Code::kInvalidArgument, std::string("is damaged: ") +
                                                zip_file_strerror(file.get()) +
                                                "; copy or write the file again");
    }
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  if (filled != size) {
    return Status(Code::kInvalidArgument, "is damaged: not as long as the archive says");
  }
  data.resize(size);
  return data;
}

Result<ArrayMap> ReadAll(std::span<const uint8_t> bytes,
                         const std::function<bool(std::string_view)>& wanted,
                         const NpzLimits& limits) {
  TRY_ASSIGN(const Zip zip, Open(bytes));
  const zip_int64_t entries = zip_get_num_entries(zip.get(), 0);
  if (entries < 0 || static_cast<uint64_t>(entries) > limits.entries) {
    return Status(Code::kResourceExhausted, "the archive has " + std::to_string(entries) +
                                                " entries, more than " +
                                                std::to_string(limits.entries) + "; split it");
  }
  ArrayMap arrays;
  uint64_t total = 0;
  for (uint64_t index = 0; index < static_cast<uint64_t>(entries); ++index) {
    zip_stat_t stat;
    if (zip_stat_index(zip.get(), index, 0, &stat) != 0 || (stat.valid & ZIP_STAT_NAME) == 0 ||
        (stat.valid & ZIP_STAT_SIZE) == 0) {
      return Status(Code::kInvalidArgument, "entry " + std::to_string(index) + " is damaged");
    }
    std::string name = stat.name;
    if (!name.ends_with(".npy")) continue;
    name.resize(name.size() - 4);
    if (wanted && !wanted(name)) continue;
    if (stat.size > limits.entry_bytes || stat.size > limits.total_bytes - total) {
      return Status(Code::kResourceExhausted, "array '" + name + "' unpacks to " + Mib(stat.size) +
                                                  "; the limits are " + Mib(limits.entry_bytes) +
                                                  " for one and " + Mib(limits.total_bytes) +
                                                  " for all; split the set");
    }
    total += stat.size;
    auto data = Unpack(zip.get(), index, stat.size);
    if (!data.ok()) return data.status().WithContext("array '" + name + "'");
    TRY_ASSIGN(Array array, ParseNpy(*data, name));
    if (!arrays.emplace(name, std::move(array)).second) {
      return Status(Code::kInvalidArgument, "array '" + name + "' is there twice");
    }
  }
  return arrays;
}

}  // namespace

Result<ArrayMap> ReadNpz(std::span<const uint8_t> bytes, std::string_view file,
                         std::function<bool(std::string_view name)> wanted,
                         const NpzLimits& limits) {
  auto arrays = ReadAll(bytes, wanted, limits);
  if (!arrays.ok()) return arrays.status().WithContext(file);
  return arrays;
}

}  // namespace tinyrig::vectors
