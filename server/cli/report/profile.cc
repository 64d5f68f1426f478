#include "server/cli/report/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "server/cli/campaign/metrics.h"
#include "server/cli/campaign/variants.h"
#include "server/cli/text/shape.h"
#include "server/cli/text/table.h"
#include "server/cli/text/wrap.h"

namespace tinyrig::cli {
namespace {

constexpr size_t kNameColumns = 17;  // DEPTHWISE_CONV_2D
constexpr size_t kShapeColumns = 13;

std::string UnitOf(v1::Fidelity fidelity) {
  if (fidelity == v1::FIDELITY_EMULATED) return "instructions";
  return fidelity == v1::FIDELITY_HARDWARE ? "cycles" : "ns";
}

std::optional<double> TimedOf(const v1::JobResult& result, const std::string& unit) {
  const bool host = unit == "ns";
  const v1::Measurement* timed = FindMeasurement(result, host ? "latency_us_p50" : unit + "_p50");
  if (timed == nullptr) return std::nullopt;
  return host ? timed->value() * 1000 : timed->value();
}

std::string Percent(double share) { return fmt::format("{:.1f} %", share * 100); }

std::string PerMac(const std::optional<uint64_t>& counted, const std::optional<uint64_t>& macs) {
  if (!counted || macs.value_or(0) == 0) return "";
  return fmt::format("{:.2f}", static_cast<double>(*counted) / static_cast<double>(*macs));
}

std::string CountText(const std::optional<uint64_t>& value) {
  return value ? FormatCount(*value) : "";
}

/// Full blocks and an eighth at the end, so that small operators show.
std::string Bar(double share, double largest, size_t columns) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double length = largest > 0 ? share / largest * static_cast<double>(columns) : 0;
  auto eighths = static_cast<size_t>(std::lround(length * 8));
  if (eighths == 0 && share > 0) eighths = 1;
  std::string bar;
  for (size_t i = 0; i < eighths / 8; ++i) bar += "█";
  return bar + kEighths[eighths % 8];
}

std::string Picture(const Profile& profile, size_t width) {
  double largest = 0;
  size_t name_columns = 0;
  for (const ProfileRow& row : profile.rows) {
    largest = std::max(largest, profile.Share(row));
    name_columns = std::max(name_columns, DisplayWidth(Shorten(row.name, kNameColumns)));
  }
  const size_t digits =
      std::to_string(profile.rows.empty() ? 0 : profile.rows.back().tflite_index).size();
  const size_t beside = digits + 1 + name_columns + 2 + 2 + 7;  // "1 ADD  <bar>  100.0 %"
  const size_t columns = std::max<size_t>(width > beside ? width - beside : 0, 10);
  std::string text;
  for (const ProfileRow& row : profile.rows) {
    const std::string name = Printable(Shorten(row.name, kNameColumns));
    const std::string padding(name_columns - DisplayWidth(name), ' ');
    const double share = profile.Share(row);
    text += fmt::format("{:>{}} {}{}  {}{}{}\n", row.tflite_index, digits, name, padding,
                        Bar(share, largest, columns), row.counted ? "  " : "",
                        row.counted ? Percent(share) : "not counted");
  }
  return text;
}

std::string KindTable(const Profile& profile) {
  Table table({{"ops", Align::kRight},
               {"kind"},
               {"MAC", Align::kRight},
               {profile.unit, Align::kRight},
               {PerMacTitle(profile), Align::kRight},
               {"share", Align::kRight}});
  for (const ProfileKind& kind : profile.Kinds()) {
    table.AddRow({std::to_string(kind.count), Shorten(kind.name, kNameColumns),
                  kind.macs == 0 ? "" : FormatCount(kind.macs), FormatCount(kind.counted),
                  PerMac(kind.counted, kind.macs), Percent(profile.Share(kind.counted))});
  }
  return table.Render();
}

Json KindJson(const Profile& profile, const ProfileKind& kind) {
  return {{"name", kind.name},
          {"count", kind.count},
          {"macs", kind.macs},
          {"counted", kind.counted},
          {"share", profile.Share(kind.counted)}};
}

Json RowJson(const Profile& profile, const ProfileRow& row) {
  Json json = {{"op", row.op}, {"tflite_index", row.tflite_index}, {"name", row.name}};
  if (!row.form.empty()) json["form"] = row.form;
  json["output_shape"] = row.output_shape;
  if (row.macs) json["macs"] = *row.macs;
  if (!row.counted) return json;
  json["counted"] = *row.counted;
  if (row.macs.value_or(0) != 0) {
    json["per_mac"] = static_cast<double>(*row.counted) / static_cast<double>(*row.macs);
  }
  json["share"] = profile.Share(row);
  return json;
}

}  // namespace

double Profile::Share(uint64_t counted) const {
  return sum == 0 ? 0 : static_cast<double>(counted) / static_cast<double>(sum);
}

std::vector<ProfileKind> Profile::Kinds() const {
  std::vector<ProfileKind> kinds;
  for (const ProfileRow& row : rows) {
    auto kind = std::ranges::find(kinds, row.name, &ProfileKind::name);
    if (kind == kinds.end()) kind = kinds.insert(kind, ProfileKind{.name = row.name});
    ++kind->count;
    kind->macs += row.macs.value_or(0);
    kind->counted += row.counted.value_or(0);
  }
  std::ranges::stable_sort(kinds, std::ranges::greater(), &ProfileKind::counted);
  return kinds;
}

std::optional<double> Profile::Difference() const {
  const bool all =
      std::ranges::all_of(rows, [](const ProfileRow& row) { return row.counted.has_value(); });
  if (!timed || !all) return std::nullopt;
  return static_cast<double>(sum) - *timed;
}

std::string PerMacTitle(const Profile& profile) {
  return profile.unit == "instructions" ? "instr/MAC" : profile.unit + "/MAC";
}

std::string DifferenceText(const Profile& profile) {
  const auto difference = profile.Difference();
  if (!difference) return "";
  if (profile.unit == "ns") {
    return fmt::format(
        "timed run: {} ns, all operators in a run of their own: {} ns. It is the "
        "host's clock: both differ from run to run",
        FormatNumber(std::round(*profile.timed)), FormatCount(profile.sum));
  }
  const double percent = *profile.timed > 0 ? *difference / *profile.timed * 100 : 0;
  return fmt::format(
      "timed run: {} {} (median); the operators together took {} {} ({:+.3f} %), {} an operator. A "
      "window reaches from one operator's end to the next one's, with the executor's step between "
      "them and the call that reports it; reading the counter is taken off",
      FormatNumber(std::round(*profile.timed)), profile.unit, FormatNumber(std::abs(*difference)),
      *difference < 0 ? "less" : "more", percent,
      FormatNumber(std::round(*difference / static_cast<double>(profile.rows.size()))));
}

Result<Profile> MakeProfile(const JobRecord& job) {
  Profile profile;
  profile.job = job;
  profile.unit = UnitOf(job.result.fidelity());
  profile.timed = TimedOf(job.result, profile.unit);
  const auto& layers = job.result.layers();
  for (const v1::LayerHash& layer : layers) {
    if (layer.vector_index() != layers[0].vector_index()) continue;
    ProfileRow row;
    row.op = layer.op_index();
    row.tflite_index = layer.tflite_index();
    row.name = layer.op_name();
    row.form = layer.form();
    row.output_shape.assign(layer.output_shape().begin(), layer.output_shape().end());
    if (layer.has_macs()) row.macs = layer.macs();
    if (layer.has_counted()) row.counted = layer.counted();
    profile.sum += row.counted.value_or(0);
    profile.macs += row.macs.value_or(0);
    profile.rows.push_back(std::move(row));
  }
  if (profile.sum == 0) {
    return Status(Code::kNotFound,
                  fmt::format("job {} has no counts of its operators; measure it with "
                              "'tinyrig run MODEL --profile' or 'tinyrig profile MODEL'",
                              job.result.job_id()));
  }
  profile.vector = layers[0].vector();
  std::ranges::stable_sort(profile.rows, {}, &ProfileRow::op);
  return profile;
}

Json ProfileJson(const Profile& profile) {
  const Json job = JobJson(profile.job);
  Json json;
  for (const char* key : {"job_id", "campaign_id", "model", "model_sha256", "variant", "board_type",
                          "board", "fidelity"}) {
    if (job.contains(key)) json[key] = job[key];
  }
  json["unit"] = profile.unit;
  json["vector"] = profile.vector;
  Json& layers = json["layers"] = Json::array();
  for (const ProfileRow& row : profile.rows) layers.push_back(RowJson(profile, row));
  Json& kinds = json["kinds"] = Json::array();
  for (const ProfileKind& kind : profile.Kinds()) kinds.push_back(KindJson(profile, kind));
  json["macs"] = profile.macs;
  json["sum"] = profile.sum;
  if (profile.timed) json["timed"] = NumberJson(*profile.timed);
  if (const auto difference = profile.Difference()) json["difference"] = NumberJson(*difference);
  return json;
}

std::string ProfileText(const Profile& profile, size_t width) {
  const v1::JobResult& result = profile.job.result;
  std::string text =
      Wrap(fmt::format("job {}: {} {} on {}, vector {}", result.job_id(), result.model(),
                       VariantText(result.variant()), result.board_type(), profile.vector),
           0, width);
  Table table({{"op", Align::kRight},
               {"operator"},
               {"output"},
               {"MAC", Align::kRight},
               {profile.unit, Align::kRight},
               {PerMacTitle(profile), Align::kRight},
               {"share", Align::kRight}});
  for (const ProfileRow& row : profile.rows) {
    table.AddRow({std::to_string(row.tflite_index), Shorten(row.name, kNameColumns),
                  Shorten(ShapeText(row.output_shape), kShapeColumns),
                  row.macs.value_or(0) == 0 ? "" : FormatCount(*row.macs), CountText(row.counted),
                  PerMac(row.counted, row.macs), row.counted ? Percent(profile.Share(row)) : ""});
  }
  table.AddRow({"", "sum", "", FormatCount(profile.macs), FormatCount(profile.sum),
                PerMac(profile.sum, profile.macs), ""});
  text += '\n' + table.Render() + '\n' + KindTable(profile);
  if (const std::string difference = DifferenceText(profile); !difference.empty()) {
    text += '\n' + Wrap(difference + ".", 0, width);
  }
  return text + '\n' + Picture(profile, width);
}

}  // namespace tinyrig::cli
