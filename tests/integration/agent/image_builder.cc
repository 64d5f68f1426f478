#include "tests/integration/agent/image_builder.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"
#include "proto/device/crc32c.h"
#include "tests/unit/firmware/tiny_blob.h"

namespace tinyrig::agent {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

Bytes ReadBytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

/// The tests' artifact names stand in for hashes: distinct for distinct bytes.
v1::ArtifactRef AddFile(const std::string& name, const Bytes& bytes, const fs::path& folder) {
  v1::ArtifactRef ref;
  ref.set_name(name);
  ref.set_sha256(name + "-" + std::to_string(device::Crc32c(bytes.data(), bytes.size())));
  ref.set_size_bytes(bytes.size());
  std::ofstream file(folder / ref.sha256(), std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write to " + folder.string());
  return ref;
}

BuiltImage Assemble(const fs::path& bundle, Bytes blob, const fs::path& folder) {
  const auto json = nlohmann::json::parse(std::ifstream(bundle.string() + ".json"));
  BuiltImage built;
  v1::Image& image = built.image;
  image.set_port(json.at("port"));
  image.set_kernels(json.at("kernels"));
  image.set_build_id(json.at("build_id"));
  image.set_mailbox_address(json.at("mailbox_address"));
  image.set_rings_address(json.at("rings_address"));
  const auto add = [&](const char* role, const char* address, const Bytes& bytes) {
    v1::Segment* segment = image.add_segments();
    segment->set_role(role);
    segment->set_address(json.at(address));
    *segment->mutable_artifact() = AddFile(role, bytes, folder);
  };
  add("firmware", "load_address", ReadBytes(bundle.string() + ".bin"));
  add("model", "blob_address", blob);
  built.blob = std::move(blob);
  return built;
}

template <typename T>
T Need(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return std::move(*result);
}

}  // namespace

BuiltImage BuildZooImage(const std::string& model, const std::string& variant,
                         const fs::path& folder, const std::string& port) {
  const Bytes tflite = ReadBytes(fs::path(TINYRIG_TEST_ZOO) / (model + ".tflite"));
  auto compiled = Need(compiler::Compile(tflite, Need(compiler::ParseVariant(variant))));
  return BuildImage(std::move(compiled.blob), folder, port);
}

BuiltImage BuildImage(Bytes blob, const fs::path& folder, const std::string& port) {
  runtime::BlobHeader header;
  std::memcpy(&header, blob.data(), sizeof(header));
  const bool dsp = header.kernel_set == runtime::KernelSetId::kDsp;
  const fs::path bundle =
      fs::path(TINYRIG_TEST_SHARE) / "firmware" / (port + (dsp ? "-dsp" : "-reference"));
  BuiltImage built = Assemble(bundle, std::move(blob), folder);
  auto reference = Need(compiler::ReferenceRunner::Make(built.blob));
  built.input_bytes = static_cast<uint32_t>(reference.input_bytes());
  const auto output = Need(reference.Run(Bytes(built.input_bytes)));
  built.output_bytes = static_cast<uint32_t>(output.bytes.size());
  return built;
}

BuiltImage BuildFaultyImage(uint32_t input_bytes, const fs::path& folder, const std::string& port,
                            uint32_t output_bytes) {
  if (output_bytes == 0) output_bytes = input_bytes;
  auto words = device::TinyBlob(input_bytes);
  // The last word may be half used.
  runtime::BlobHeader header;
  std::memcpy(&header, words.data(), sizeof(header));
  auto* blob = reinterpret_cast<std::byte*>(words.data());
  std::memcpy(blob + header.tensors_offset + sizeof(runtime::TensorRecord) +
                  offsetof(runtime::TensorRecord, dims),
              &output_bytes, sizeof(output_bytes));
  header.crc32c =
      device::Crc32c(blob + runtime::kBlobCrcStart, header.total_bytes - runtime::kBlobCrcStart);
  std::memcpy(blob, &header, sizeof(header));
  const auto bytes = std::as_bytes(std::span(words)).first(header.total_bytes);
  const fs::path bundle =
      fs::path(TINYRIG_TEST_FIRMWARE) / ("image-" + port) / "test" / "faulty_kernels";
  BuiltImage built = Assemble(bundle, Bytes(bytes.begin(), bytes.end()), folder);
  built.input_bytes = input_bytes;
  built.output_bytes = output_bytes;
  return built;
}

std::vector<uint8_t> ReadZooFile(const std::string& name) {
  const Bytes bytes = ReadBytes(fs::path(TINYRIG_TEST_ZOO) / name);
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  return {data, data + bytes.size()};
}

v1::ArtifactRef AddZooFile(const std::string& name, const fs::path& folder) {
  return AddFile(name, ReadBytes(fs::path(TINYRIG_TEST_ZOO) / name), folder);
}

}  // namespace tinyrig::agent
