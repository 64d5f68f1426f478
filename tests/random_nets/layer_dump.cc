#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"
#include "proto/vectors/patterns.h"
#include "tests/unit/compiler/random_net.h"

/// Writes models, their inputs, and every tensor that our kernels compute from them, for an
/// independent interpreter to compare. In FOLDER, for each case:
///   CASE.tflite, CASE.input (all inputs one after the other), and for each variant
///   CASE.VARIANT.layers: uint32 tensor, uint32 bytes, the bytes; for every tensor computed.
///   CASE.VARIANT.folded: uint32 operator; for every one whose output graph passes made needless.
/// Usage: layer_dump nets FOLDER FIRST_SEED COUNT
///        layer_dump model FOLDER FILE.tflite
namespace tinyrig::compiler {
namespace {

constexpr const char* kVariants[] = {
    "kernels=reference,fusion=file",         "kernels=reference,fusion=none",
    "kernels=dsp,weights=int8,fusion=file",  "kernels=dsp,weights=int8,fusion=none",
    "kernels=dsp,weights=int16,fusion=file", "kernels=dsp,weights=int16,fusion=none"};

void Write(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

class LayerWriter : public runtime::OpObserver {
 public:
  void OnOp(const runtime::OpResult& result) override {
    Add(result.tflite_tensor);
    Add(static_cast<uint32_t>(result.data.size()));
    bytes_.insert(bytes_.end(), result.data.begin(), result.data.end());
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void Add(uint32_t number) {
    const auto raw = std::as_bytes(std::span(&number, 1));
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  std::vector<std::byte> bytes_;
};

std::string FileName(std::string variant) {
  for (char& c : variant) c = c == '=' || c == ',' ? '_' : c;
  return variant;
}

Status DumpCase(const std::filesystem::path& folder, const std::string& name,
                std::span<const std::byte> model, char pattern) {
  Write(folder / (name + ".tflite"), model);
  for (const char* text : kVariants) {
    TRY_ASSIGN(const Variant variant, ParseVariant(text));
    TRY_ASSIGN(const Compiled compiled, Compile(model, variant));
    std::vector<vectors::InputTensor> inputs;
    for (const TensorInfo& input : compiled.plan.inputs) {
      const bool is_float = input.type == "float32";
      inputs.push_back({.elements = input.bytes / (is_float ? 4 : 1), .is_float = is_float});
    }
    TRY_ASSIGN(const auto input, vectors::MakePattern(pattern, inputs));
    const auto input_bytes = std::as_bytes(std::span(input));
    Write(folder / (name + ".input"), input_bytes);
    LayerWriter layers;
    TRY(RunReference(compiled.blob, input_bytes, &layers).status());
    const std::string stem = name + "." + FileName(text);
    Write(folder / (stem + ".layers"), layers.bytes());
    std::vector<uint32_t> folded;
    for (const PassNote& note : compiled.plan.passes) {
      if (note.folds()) folded.push_back(note.tflite_op);
    }
    Write(folder / (stem + ".folded"), std::as_bytes(std::span(folded)));
  }
  return OkStatus();
}

Status DumpNets(const std::filesystem::path& folder, uint32_t first, uint32_t count) {
  for (uint32_t seed = first; seed < first + count; ++seed) {
    const auto model = BuildTflite(RandomNet(seed));
    const std::string name = fmt::format("{:06}", seed);
    const Status status = DumpCase(folder, name, model, seed % 4 == 0 ? 'A' : 'B');
    if (!status.ok()) return status.WithContext("seed " + std::to_string(seed));
  }
  return OkStatus();
}

Status DumpModel(const std::filesystem::path& folder, const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(stream), {}};
  for (const char pattern : {'A', 'B'}) {
    TRY(DumpCase(folder, file.stem().string() + "-" + pattern, std::as_bytes(std::span(chars)),
                 pattern));
  }
  return OkStatus();
}

int Main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  Status status = {Code::kInvalidArgument,
                   "usage: layer_dump nets FOLDER FIRST COUNT | layer_dump model FOLDER FILE"};
  if (argc > 2) std::filesystem::create_directories(argv[2]);
  if (command == "nets" && argc == 5) {
    status = DumpNets(argv[2], static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 10)),
                      static_cast<uint32_t>(std::strtoul(argv[4], nullptr, 10)));
  } else if (command == "model" && argc == 4) {
    status = DumpModel(argv[2], argv[3]);
  }
  if (status.ok()) return 0;
  fmt::print(stderr, "layer_dump: {}\n", status.ToString());
  return 1;
}

}  // namespace
}  // namespace tinyrig::compiler

int main(int argc, char** argv) { return tinyrig::compiler::Main(argc, argv); }
