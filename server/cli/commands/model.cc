#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "firmware/compiler/model_info.h"
#include "firmware/compiler/plan_json.h"
#include "server/cli/campaign/zoo.h"
#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/text/bytes.h"
#include "server/cli/text/file.h"
#include "server/cli/text/shape.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

struct ModelOptions {
  std::string path;
  bool tensors = false;
};

void PrintTensors(const char* title, const std::vector<compiler::TensorInfo>& tensors) {
  for (const compiler::TensorInfo& tensor : tensors) {
    fmt::print("{:<8} {} {}, real = {:.9g} * (q - {})  {}\n", title, tensor.type,
               ShapeText(tensor.shape), tensor.scale, tensor.zero_point,
               Shorten(Printable(tensor.name), 48));
  }
}

void PrintModelOps(const std::vector<compiler::OpInfo>& ops) {
  Table table({{"op", Align::kRight},
               {"operator"},
               {"version", Align::kRight},
               {"output"},
               {"MAC", Align::kRight},
               {"constants", Align::kRight},
               {""}});
  for (const compiler::OpInfo& op : ops) {
    table.AddRow(
        {std::to_string(op.index), op.name, std::to_string(op.version), ShapeText(op.output_shape),
         op.macs == 0 ? "" : FormatCount(op.macs),
         op.weights_bytes == 0 ? "" : FormatBytesShort(static_cast<double>(op.weights_bytes)),
         op.supported ? "" : "not supported"});
  }
  fmt::print("{}", table.Render());
}

void PrintAllTensors(const std::vector<compiler::TensorInfo>& tensors) {
  Table table({{"tensor", Align::kRight},
               {"type"},
               {"shape"},
               {"bytes", Align::kRight},
               {"scale", Align::kRight},
               {"zero", Align::kRight},
               {"name"}});
  for (const compiler::TensorInfo& t : tensors) {
    table.AddRow({std::to_string(t.tflite_tensor), t.type, ShapeText(t.shape), FormatCount(t.bytes),
                  t.scale == 0 ? "" : fmt::format("{:.6g}", t.scale),
                  t.scale == 0 ? "" : std::to_string(t.zero_point), Shorten(t.name, 60)});
  }
  fmt::print("\n{}", table.Render());
}

void PrintModel(const std::string& path, const compiler::ModelInfo& info, bool tensors) {
  fmt::print("{}: {}, {} operators, {} MAC, constants {}\n", path,
             FormatBytesShort(static_cast<double>(info.file_bytes)), info.ops.size(),
             FormatCount(info.macs), FormatBytesShort(static_cast<double>(info.constant_bytes)));
  PrintTensors("input", info.inputs);
  PrintTensors("output", info.outputs);
  fmt::print("\n");
  PrintModelOps(info.ops);
  if (tensors) PrintAllTensors(info.tensors);
  if (info.supported) {
    fmt::print("\nThe compiler takes this model; see 'tinyrig plan {}'.\n", path);
  } else {
    fmt::print("\nThe compiler does not take this model: {}\n", Printable(info.refusal));
  }
}

}  // namespace

Runner DefineModel(CLI::App& app) {
  auto options = std::make_shared<ModelOptions>();
  app.add_option("MODEL", options->path, "A .tflite file, or its name in the zoo")->required();
  app.add_flag("--tensors", options->tensors, "List all tensors, too");
  return [options](const Common& common) -> Result<int> {
    TRY_ASSIGN(options->path, FindModel(options->path));
    TRY_ASSIGN(const std::string bytes, ReadFile(options->path, kMaxModelBytes));
    const auto info = compiler::DescribeModel(std::as_bytes(std::span(bytes)));
    if (!info.ok()) return info.status().WithContext(options->path);
    if (common.json) {
      fmt::print("{}", Dump(compiler::ToJson(*info)));
    } else {
      PrintModel(options->path, *info, options->tensors);
    }
    return kExitOk;
  };
}

}  // namespace tinyrig::cli
