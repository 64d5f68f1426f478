#include "server/cli/campaign/campaign_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "firmware/compiler/variant.h"
#include "proto/device/limits.h"
#include "server/cli/campaign/metrics.h"
#include "server/cli/campaign/variants.h"
#include "server/cli/campaign/yaml.h"
#include "server/cli/campaign/zoo.h"
#include "server/cli/text/file.h"

namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kMaxFileBytes = 1 << 20;
constexpr int64_t kMaxTimeoutS = 24 * 3600;

/// A reader that puts the place of the value before an error that has none.
Status At(const YamlNode& node, const Status& status) {
  return status.ok() ? status : ErrorAt(node, status.message());
}

Status ReadModels(const YamlNode& node, const std::string& folder, LocalCampaign& campaign) {
  TRY_ASSIGN(const std::vector<YamlNode> elements, ReadList(node, "models"));
  for (const YamlNode& element : elements) {
    TRY_ASSIGN(const std::string name, ReadString(element, "a model"));
    const Result<std::string> path = FindFileOrZoo(folder, name, ".tflite", "model");
    TRY(At(element, path.status()));
    campaign.model_paths.push_back(*path);
    campaign.spec.add_models()->set_name(fs::path(*path).filename().string());
  }
  return OkStatus();
}

/// A reader for one axis of the matrix, which refuses names that the compiler does not know.
auto AxisReader(const char* axis, google::protobuf::RepeatedPtrField<std::string>* values) {
  return [axis, values](const YamlNode& node) -> Status {
    TRY_ASSIGN(const std::vector<YamlNode> elements, ReadList(node, axis));
    for (const YamlNode& element : elements) {
      TRY_ASSIGN(const std::string value, ReadString(element, axis));
      TRY(At(element, compiler::MakeVariant({{axis, value}}).status()));
      values->Add(std::string(value));
    }
    return OkStatus();
  };
}

Status ReadVariants(const YamlNode& node, v1::VariantMatrix& matrix) {
  const YamlField fields[] = {
      {"kernels", AxisReader("kernels", matrix.mutable_kernels())},
      {"weights", AxisReader("weights", matrix.mutable_weights())},
      {"fusion", AxisReader("fusion", matrix.mutable_fusion())},
      {"synthesis", AxisReader("synthesis", matrix.mutable_synthesis())},
  };
  return ReadMapping(node, "variants", fields);
}

Status ReadExclude(const YamlNode& node, v1::VariantMatrix& matrix) {
  TRY_ASSIGN(const std::vector<YamlNode> elements, ReadList(node, "exclude"));
  for (const YamlNode& element : elements) {
    v1::Variant& variant = *matrix.add_exclude();
    const auto setter = [](const char* axis, std::string* field) {
      return [axis, field](const YamlNode& value) -> Status {
        TRY_ASSIGN(*field, ReadString(value, axis));
        return At(value, compiler::MakeVariant({{axis, *field}}).status());
      };
    };
    const YamlField fields[] = {
        {"kernels", setter("kernels", variant.mutable_kernels())},
        {"weights", setter("weights", variant.mutable_weights())},
        {"fusion", setter("fusion", variant.mutable_fusion())},
        {"synthesis", setter("synthesis", variant.mutable_synthesis())},
    };
    TRY(ReadMapping(element, "an entry of exclude", fields));
  }
  return OkStatus();
}

auto MetricsReader(const char* what, google::protobuf::RepeatedPtrField<std::string>* metrics) {
  return [what, metrics](const YamlNode& node) -> Status {
    TRY_ASSIGN(const std::vector<YamlNode> elements, ReadList(node, what));
    for (const YamlNode& element : elements) {
      TRY_ASSIGN(const std::string metric, ReadString(element, "a metric"));
      TRY(At(element, CheckMetricName(metric)));
      metrics->Add(std::string(metric));
    }
    return OkStatus();
  };
}

Status ReadGoals(const YamlNode& node, v1::Goals& goals) {
  const YamlField fields[] = {
      {"min", MetricsReader("min", goals.mutable_minimize())},
      {"max", MetricsReader("max", goals.mutable_maximize())},
  };
  return ReadMapping(node, "goals", fields);
}

Status ReadLimits(const YamlNode& node, v1::Limits& limits) {
  const YamlField fields[] = {
      {"flash_model_bytes",
       [&](const YamlNode& value) -> Status {
         TRY_ASSIGN(const uint64_t bytes, ReadBytes(value, "flash_model_bytes"));
         limits.set_flash_model_bytes(bytes);
         return OkStatus();
       }},
      {"ram_model_bytes",
       [&](const YamlNode& value) -> Status {
         TRY_ASSIGN(const uint64_t bytes, ReadBytes(value, "ram_model_bytes"));
         limits.set_ram_model_bytes(bytes);
         return OkStatus();
       }},
  };
  return ReadMapping(node, "limits", fields);
}

Status ReadLabels(const YamlNode& node, v1::CampaignSpec& spec) {
  TRY_ASSIGN(const auto pairs, ReadPairs(node, "labels"));
  for (const auto& [key, value] : pairs) {
    TRY_ASSIGN(const std::string text, ReadString(value, "a label"));
    v1::Label& label = *spec.add_labels();
    label.set_key(key);
    label.set_value(text);
  }
  return OkStatus();
}

/// A reader of a whole number that hands it to `set`.
template <typename Set>
auto IntegerReader(const char* what, int64_t min, int64_t max, Set set) {
  return [=](const YamlNode& node) -> Status {
    TRY_ASSIGN(const int64_t value, ReadInteger(node, what, min, max));
    set(value);
    return OkStatus();
  };
}

}  // namespace

Status SetVectors(const std::string& vectors, const std::string& folder, LocalCampaign& campaign) {
  if (vectors == "A" || vectors == "B" || vectors == "AB") {
    campaign.spec.mutable_vectors()->set_patterns(vectors);
    return OkStatus();
  }
  const Result<std::string> path = FindFileOrZoo(folder, vectors, ".npz", "vector file");
  if (!path.ok()) {
    return {path.status().code(), path.status().message() + ". Patterns are written A, B or AB"};
  }
  campaign.vectors_path = *path;
  campaign.spec.mutable_vectors()->mutable_npz()->set_name(fs::path(*path).filename().string());
  return OkStatus();
}

Result<LocalCampaign> ParseCampaign(const std::string& text, const std::string& file,
                                    const std::string& folder) {
  TRY_ASSIGN(const YamlNode root, ParseYaml(text, file));
  LocalCampaign campaign;
  v1::CampaignSpec& spec = campaign.spec;
  const YamlNode* variants = &root;
  YamlNode variants_node;
  const YamlField fields[] = {
      {"name",
       [&](const YamlNode& node) -> Status {
         TRY_ASSIGN(*spec.mutable_name(), ReadString(node, "name"));
         return OkStatus();
       }},
      {"models", [&](const YamlNode& node) { return ReadModels(node, folder, campaign); }},
      {"variants",
       [&](const YamlNode& node) {
         variants_node = node;
         variants = &variants_node;
         return ReadVariants(node, *spec.mutable_variants());
       }},
      {"exclude",
       [&](const YamlNode& node) { return ReadExclude(node, *spec.mutable_variants()); }},
      {"board_types",
       [&](const YamlNode& node) -> Status {
         TRY_ASSIGN(const std::vector<std::string> types, ReadStringList(node, "board_types"));
         spec.mutable_board_types()->Assign(types.begin(), types.end());
         return OkStatus();
       }},
      {"vectors",
       [&](const YamlNode& node) -> Status {
         TRY_ASSIGN(const std::string vectors, ReadString(node, "vectors"));
         return At(node, SetVectors(vectors, folder, campaign));
       }},
      {"warmup",
       IntegerReader("warmup", 0, device::kMaxWarmup, [&](int64_t n) { spec.set_warmup(n); })},
      {"repetitions", IntegerReader("repetitions", 1, device::kMaxRepetitions,
                                    [&](int64_t n) { spec.set_repetitions(n); })},
      {"layer_hashes",
       [&](const YamlNode& node) -> Status {
         TRY_ASSIGN(const bool on, ReadBool(node, "layer_hashes"));
         spec.set_layer_hashes(on);
         return OkStatus();
       }},
      {"profile",
       [&](const YamlNode& node) -> Status {
         TRY_ASSIGN(const bool on, ReadBool(node, "profile"));
         spec.set_profile(on);
         return OkStatus();
       }},
      {"limits", [&](const YamlNode& node) { return ReadLimits(node, *spec.mutable_limits()); }},
      {"goals", [&](const YamlNode& node) { return ReadGoals(node, *spec.mutable_goals()); }},
      {"max_attempts",
       IntegerReader("max_attempts", 1, 100, [&](int64_t n) { spec.set_max_attempts(n); })},
      {"attempt_timeout_s", IntegerReader("attempt_timeout_s", 1, kMaxTimeoutS,
                                          [&](int64_t n) { spec.set_attempt_timeout_s(n); })},
      {"queue_timeout_s",
       IntegerReader("queue_timeout_s", 0, 366 * 24 * 3600,
                     [&](int64_t n) { spec.set_queue_timeout_s(static_cast<uint32_t>(n)); })},
      {"priority",
       IntegerReader("priority", -1000, 1000, [&](int64_t n) { spec.set_priority(n); })},
      {"labels", [&](const YamlNode& node) { return ReadLabels(node, spec); }},
  };
  TRY(ReadMapping(root, "the campaign", fields));
  if (campaign.model_paths.empty()) return ErrorAt(root, "the campaign needs the key 'models'");
  if (spec.board_types().empty()) return ErrorAt(root, "the campaign needs the key 'board_types'");
  if (!spec.has_vectors()) {
    return ErrorAt(root,
                   "the campaign needs the key 'vectors': an .npz file, or the patterns A, B, AB");
  }
  TRY(At(*variants, CheckVariants(spec.variants())));
  if (spec.name().empty()) spec.set_name(fs::path(file).stem().string());
  return campaign;
}

Result<LocalCampaign> LoadCampaign(const std::string& path) {
  TRY_ASSIGN(const std::string text, ReadFile(path, kMaxFileBytes));
  return ParseCampaign(text, path, fs::path(path).parent_path().string());
}

Result<LocalCampaign> CampaignOfModel(const ModelRun& run) {
  LocalCampaign campaign;
  v1::CampaignSpec& spec = campaign.spec;
  TRY_ASSIGN(const fs::path path, FindModel(run.model_path));
  campaign.model_paths = {path.string()};
  spec.add_models()->set_name(path.filename().string());
  spec.set_name(path.stem().string());
  for (const std::string& type : run.board_types) spec.add_board_types(type);
  if (run.board_types.empty()) spec.add_board_types("virtual_m4");
  TRY(SetVectors(run.vectors.empty() ? "AB" : run.vectors, "", campaign));
  TRY(SetVariants(run.variants, *spec.mutable_variants()));
  spec.set_repetitions(run.repetitions);
  spec.set_layer_hashes(run.layer_hashes);
  spec.set_profile(run.profile);
  return campaign;
}

}  // namespace tinyrig::cli
