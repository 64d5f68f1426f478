#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "firmware/compiler/compile.h"
#include "tests/unit/compiler/random_net.h"

/// Writes the seeds of fuzz_tflite_reader and fuzz_blob_reader: small sound models and their blobs.
/// Usage: make_model_seeds tests/fuzz/seeds
int main(int argc, char** argv) {
  using namespace tinyrig::compiler;
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_model_seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path root = argv[1];
  const auto write = [&](const std::string& folder, const std::string& name,
                         const std::vector<std::byte>& bytes) {
    std::filesystem::create_directories(root / folder);
    std::ofstream file(root / folder / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return file.good();
  };
  constexpr size_t kMaxSeedBytes = 4096;
  const auto write_model = [&](const std::string& name, const std::vector<std::byte>& model) {
    if (!write("tflite_reader", name + ".tflite", model)) return false;
    for (const char* variant : {"kernels=reference", "weights=int8", "weights=int16"}) {
      const auto compiled = Compile(model, *ParseVariant(variant));
      if (!compiled.ok()) return false;
      if (!write("blob_reader", name + "-" + variant + ".blob", compiled->blob)) return false;
    }
    return true;
  };
  int count = 0;
  for (uint32_t seed = 0; count < 12 && seed < 100; ++seed) {
    const auto model = BuildTflite(seed == 0 ? SmallModel() : RandomModel(seed));
    if (model.size() > kMaxSeedBytes) continue;
    if (!write_model("model" + std::to_string(seed), model)) return 1;
    ++count;
  }
  count = 0;
  for (uint32_t seed = 0; count < 24 && seed < 1000; ++seed) {
    const auto model = BuildTflite(RandomNet(seed));
    if (model.size() > kMaxSeedBytes) continue;
    if (!write_model("net" + std::to_string(seed), model)) return 1;
    ++count;
  }
  return 0;
}
