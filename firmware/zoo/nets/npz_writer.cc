#include "firmware/zoo/nets/npz_writer.h"

#include <fmt/format.h>
#include <zip.h>

#include <memory>

namespace tinyrig::zoo {
namespace {

struct ZipCloser {
  void operator()(zip_t* zip) const { zip_discard(zip); }
};
struct SourceCloser {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};

/// Source: NumPy enhancement proposal 1, "A simple file format for NumPy arrays".
std::vector<uint8_t> Npy(const NamedArray& array) {
  std::string shape;
  for (const uint64_t size : array.shape) shape += fmt::format("{}, ", size);
  std::string header =
      fmt::format("{{'descr': '|i1', 'fortran_order': False, 'shape': ({}), }}", shape);
  constexpr size_t kPrefix = 10;
  header.resize((kPrefix + header.size()) / 64 * 64 + 64 - kPrefix - 1, ' ');
  header += '\n';
  std::vector<uint8_t> bytes = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  bytes.push_back(static_cast<uint8_t>(header.size() & 0xff));
  bytes.push_back(static_cast<uint8_t>(header.size() >> 8));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), array.data.begin(), array.data.end());
  return bytes;
}

Status Refused(const char* reason) {
  return {Code::kInternal, fmt::format("libzip cannot write the archive: {}", reason)};
}

Status AddMember(zip_t* zip, const std::string& name, const std::vector<uint8_t>& bytes) {
  zip_source_t* source = zip_source_buffer(zip, bytes.data(), bytes.size(), 0);
  if (source == nullptr) return Refused(zip_strerror(zip));
  const zip_int64_t index = zip_file_add(zip, name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    return Refused(zip_strerror(zip));
  }
  const auto member = static_cast<zip_uint64_t>(index);
  if (zip_set_file_compression(zip, member, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(zip, member, 0, (1 << 5) | 1, 0) != 0) {
    return Refused(zip_strerror(zip));
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<uint8_t>> WriteNpz(const std::vector<NamedArray>& arrays) {
  zip_error_t error;
  zip_error_init(&error);
  const std::unique_ptr<zip_source_t, SourceCloser> archive(
      zip_source_buffer_create(nullptr, 0, 0, &error));
  if (archive == nullptr) return Refused(zip_error_strerror(&error));
  std::unique_ptr<zip_t, ZipCloser> zip(zip_open_from_source(archive.get(), ZIP_TRUNCATE, &error));
  if (zip == nullptr) return Refused(zip_error_strerror(&error));
  zip_source_keep(archive.get());  // Which the archive gives up when it is closed.
  std::vector<std::vector<uint8_t>> members;
  members.reserve(arrays.size());  // libzip reads them when the archive is closed.
  for (const NamedArray& array : arrays) {
    members.push_back(Npy(array));
    TRY(AddMember(zip.get(), array.name + ".npy", members.back()));
  }
  if (zip_close(zip.get()) != 0) return Refused(zip_strerror(zip.get()));
  (void)zip.release();
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_source_stat(archive.get(), &stat) != 0 || zip_source_open(archive.get()) != 0) {
    return Refused("the archive cannot be read back");
  }
  std::vector<uint8_t> bytes(stat.size);
  const zip_int64_t got = zip_source_read(archive.get(), bytes.data(), bytes.size());
  zip_source_close(archive.get());
  if (got != static_cast<zip_int64_t>(bytes.size())) return Refused("the archive is cut off");
  return bytes;
}

}  // namespace tinyrig::zoo
