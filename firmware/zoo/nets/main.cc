#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <span>

#include "firmware/zoo/nets/net_maker.h"

/// Makes the published nets and their vectors.
/// Usage: make_nets FOLDER
namespace tinyrig::zoo {
namespace {

Status Write(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return OkStatus();
  return {Code::kUnavailable,
          fmt::format("'{}' cannot be written; is the disk full?", path.string())};
}

Status MakeAll(const std::filesystem::path& folder) {
  for (const PublishedNet& net : PublishedNets()) {
    TRY_ASSIGN(const std::vector<std::byte> model, MakeNet(net));
    TRY_ASSIGN(const std::vector<uint8_t> vectors, MakeVectors(net, model));
    TRY(Write(folder / fmt::format("{}.tflite", net.name), model));
    TRY(Write(folder / fmt::format("{}.npz", net.name), std::as_bytes(std::span(vectors))));
  }
  return OkStatus();
}

}  // namespace
}  // namespace tinyrig::zoo

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: make_nets FOLDER\n");
    return 1;
  }
  const tinyrig::Status status = tinyrig::zoo::MakeAll(argv[1]);
  if (status.ok()) return 0;
  fmt::print(stderr, "make_nets: {}\n", status.message());
  return 1;
}
