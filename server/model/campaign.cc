#include "server/model/campaign.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "proto/device/limits.h"
#include "proto/vectors/patterns.h"
#include "server/model/expression.h"
#include "server/model/names.h"
#include "server/model/sha256.h"
#include "server/results/metrics.h"

namespace tinyrig::server {
namespace {

using google::protobuf::RepeatedPtrField;
using Axis = RepeatedPtrField<std::string>;

struct AxisRule {
  std::string_view name;
  Axis* (v1::VariantMatrix::*values)();
  const std::string& (v1::Variant::*of_variant)() const;
  std::vector<std::string_view> allowed;        // The first is the default.
  bool (*accepts)(std::string_view) = nullptr;  // Other values.
  std::string_view note = {};                   // For who wanted another.
};

constexpr size_t kMaxFusionText = 4096;

// The form of a fusion plan's setting; the compiler knows the rest.
bool IsFusionPlan(std::string_view text) {
  constexpr std::string_view kBegins[] = {"msf:", "tiny:", "head_", "none:", "["};
  return text.size() <= kMaxFusionText &&
         std::ranges::any_of(kBegins, [&](std::string_view b) { return text.starts_with(b); }) &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != ','; });
}

const std::array<AxisRule, 4>& Axes() {
  static const std::array<AxisRule, 4> axes = {{
      {"kernels", &v1::VariantMatrix::mutable_kernels, &v1::Variant::kernels, {"dsp", "reference"}},
      {"weights", &v1::VariantMatrix::mutable_weights, &v1::Variant::weights, {"int8", "int16"}},
      {"fusion",
       &v1::VariantMatrix::mutable_fusion,
       &v1::Variant::fusion,
       {"none", "file"},
       IsFusionPlan,
       ", head_patch, head_stream, msf:GOAL, tiny:GOAL or a block list (tinyrig plan --fusion)"},
      {"synthesis", &v1::VariantMatrix::mutable_synthesis, &v1::Variant::synthesis, {"none"}},
  }};
  return axes;
}

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

Status CheckAxisValue(const AxisRule& axis, std::string_view field, const std::string& value) {
  if (std::find(axis.allowed.begin(), axis.allowed.end(), value) != axis.allowed.end()) return {};
  if (axis.accepts != nullptr && axis.accepts(value)) return {};
  return Invalid(fmt::format("{}: '{}' is not known; use one of: {}{}", field, value,
                             fmt::join(axis.allowed, ", "), axis.note));
}

Status NormalizeVariants(v1::VariantMatrix& matrix) {
  for (const AxisRule& axis : Axes()) {
    Axis* values = (matrix.*axis.values)();
    if (values->empty()) values->Add(std::string(axis.allowed.front()));
    for (const std::string& value : *values) {
      TRY(CheckAxisValue(axis, fmt::format("variants.{}", axis.name), value));
    }
    for (const v1::Variant& exclude : matrix.exclude()) {
      const std::string& value = (exclude.*axis.of_variant)();
      if (!value.empty()) TRY(CheckAxisValue(axis, fmt::format("exclude.{}", axis.name), value));
    }
  }
  for (const v1::Variant& exclude : matrix.exclude()) {
    const bool empty = std::all_of(Axes().begin(), Axes().end(), [&](const AxisRule& axis) {
      return (exclude.*axis.of_variant)().empty();
    });
    if (empty)
      return Invalid("exclude: an entry without fields would drop everything; name at least one");
  }
  return {};
}

Status CheckArtifact(std::string_view field, const v1::ArtifactRef& artifact) {
  if (IsSha256Hex(artifact.sha256())) return {};
  return Invalid(
      fmt::format("{}: sha256 '{}' of '{}' is not 64 lower-case hex digits; upload the file first "
                  "and send the hash it got",
                  field, artifact.sha256(), artifact.name()));
}

Status CheckVectors(const v1::VectorSetRef& set) {
  switch (set.source_case()) {
    case v1::VectorSetRef::kNpz:
      return CheckArtifact("vectors", set.npz());
    case v1::VectorSetRef::kPatterns: {
      const std::string& letters = set.patterns();
      if (vectors::IsPatternList(letters)) return {};
      return Invalid(fmt::format("vectors: patterns '{}' are not known; use A, B or AB", letters));
    }
    case v1::VectorSetRef::SOURCE_NOT_SET:
      break;
  }
  return Invalid("vectors: missing; name an .npz file or the patterns A, B or AB");
}

Status CheckRange(std::string_view field, uint32_t value, uint32_t min, uint32_t max) {
  if (value >= min && value <= max) return {};
  return Invalid(fmt::format("{}: {} is outside {}..{}", field, value, min, max));
}

Status CheckGoals(const v1::Goals& goals) {
  std::set<std::string> seen;
  for (const auto* metrics : {&goals.minimize(), &goals.maximize()}) {
    for (const std::string& metric : *metrics) {
      if (FindMetric(metric) == nullptr) {
        return Invalid(fmt::format("goals: metric '{}' is not known; use one of: {}", metric,
                                   fmt::join(MetricNames(), ", ")));
      }
      if (!seen.insert(metric).second)
        return Invalid(fmt::format("goals: '{}' is named twice", metric));
    }
  }
  return {};
}

bool Excluded(const v1::VariantMatrix& matrix, const v1::Variant& variant) {
  return std::any_of(matrix.exclude().begin(), matrix.exclude().end(),
                     [&](const v1::Variant& exclude) {
                       return std::all_of(Axes().begin(), Axes().end(), [&](const AxisRule& axis) {
                         const std::string& wanted = (exclude.*axis.of_variant)();
                         return wanted.empty() || wanted == (variant.*axis.of_variant)();
                       });
                     });
}

std::vector<std::shared_ptr<const v1::Variant>> ExpandVariants(const v1::VariantMatrix& matrix) {
  std::vector<std::shared_ptr<const v1::Variant>> variants;
  std::set<std::string> seen;
  for (const std::string& kernels : matrix.kernels()) {
    for (const std::string& weights : matrix.weights()) {
      for (const std::string& fusion : matrix.fusion()) {
        for (const std::string& synthesis : matrix.synthesis()) {
          v1::Variant variant;
          variant.set_kernels(kernels);
          variant.set_weights(weights);
          variant.set_fusion(fusion);
          variant.set_synthesis(synthesis);
          if (!Excluded(matrix, variant) && seen.insert(VariantText(variant)).second) {
            variants.push_back(std::make_shared<const v1::Variant>(std::move(variant)));
          }
        }
      }
    }
  }
  return variants;
}

}  // namespace

Result<v1::CampaignSpec> NormalizeCampaign(v1::CampaignSpec spec) {
  if (spec.models().empty()) return Invalid("models: a campaign needs at least one model");
  for (const v1::ArtifactRef& model : spec.models()) TRY(CheckArtifact("models", model));
  if (spec.board_types().empty())
    return Invalid("board_types: a campaign needs at least one board type");
  for (const std::string& entry : spec.board_types()) {
    TRY(Expression::Parse(entry, "type").status().WithContext("board_types"));
  }
  TRY(CheckVectors(spec.vectors()));
  TRY(NormalizeVariants(*spec.mutable_variants()));
  TRY(CheckGoals(spec.goals()));
  if (!spec.has_warmup()) spec.set_warmup(kDefaultWarmup);
  if (!spec.has_repetitions()) spec.set_repetitions(kDefaultRepetitions);
  if (!spec.has_max_attempts()) spec.set_max_attempts(kDefaultMaxAttempts);
  if (!spec.has_attempt_timeout_s()) spec.set_attempt_timeout_s(kDefaultAttemptTimeoutS);
  TRY(CheckRange("warmup", spec.warmup(), 0, device::kMaxWarmup));
  TRY(CheckRange("repetitions", spec.repetitions(), 1, device::kMaxRepetitions));
  TRY(CheckRange("max_attempts", spec.max_attempts(), 1, kMaxAttempts));
  TRY(CheckRange("attempt_timeout_s", spec.attempt_timeout_s(), 1, kMaxAttemptTimeoutS));
  TRY(CheckRange("queue_timeout_s", spec.queue_timeout_s(), 0, kMaxQueueTimeoutS));
  return spec;
}

Result<std::vector<JobSpec>> ExpandCampaign(const v1::CampaignSpec& spec,
                                            const std::vector<std::string>& board_types) {
  const v1::VariantMatrix& matrix = spec.variants();
  // Multiplied as floating point: a hostile spec must not overflow the check.
  const double cells = static_cast<double>(spec.models_size()) *
                       static_cast<double>(board_types.size()) * matrix.kernels_size() *
                       matrix.weights_size() * matrix.fusion_size() * matrix.synthesis_size();
  if (cells > static_cast<double>(kMaxJobsOfCampaign)) {
    return Invalid(fmt::format("the campaign asks for {:.0f} jobs, more than {}; split it", cells,
                               kMaxJobsOfCampaign));
  }
  const std::vector<std::shared_ptr<const v1::Variant>> variants = ExpandVariants(matrix);
  std::vector<JobSpec> jobs;
  std::set<std::pair<std::string, std::string>> seen;
  for (const v1::ArtifactRef& entry : spec.models()) {
    const auto model = std::make_shared<const v1::ArtifactRef>(entry);
    for (const std::string& board_type : board_types) {
      if (!seen.insert({model->sha256(), board_type}).second) continue;
      for (const auto& variant : variants) jobs.push_back({model, variant, board_type});
    }
  }
  if (jobs.empty())
    return Invalid("no job is left after `exclude`; drop an entry of it or add variants");
  return jobs;
}

}  // namespace tinyrig::server
