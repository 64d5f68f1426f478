#include <fmt/format.h>

#include <algorithm>

#include "server/cli/campaign/variants.h"
#include "server/cli/report/escape.h"
#include "server/cli/report/html.h"
#include "server/cli/report/profile.h"
#include "server/cli/text/shape.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

constexpr double kRowHeight = 24;
constexpr double kBarHeight = 16;

/// Widths of a picture's columns, in its own units.
struct PictureSize {
  double label;
  double bar;
  double value;
};
constexpr PictureSize kWide = {230, 590, 180};
constexpr PictureSize kNarrow = {150, 130, 60};

std::string RowLabel(const ProfileRow& row, bool with_shape) {
  const std::string shape =
      with_shape && !row.output_shape.empty() ? "  " + ShapeText(row.output_shape) : "";
  return fmt::format("{} {}{}", row.tflite_index, row.name, shape);
}

std::string Tooltip(const Profile& profile, const ProfileRow& row) {
  std::string text = RowLabel(row, true);
  if (!row.form.empty()) text += ", " + row.form;
  if (row.counted) text += fmt::format("\n{} {}", FormatCount(*row.counted), profile.unit);
  if (row.macs.value_or(0) != 0) text += fmt::format("\n{} MAC", FormatCount(*row.macs));
  return text;
}

std::string BarPicture(const Profile& profile, const PictureSize& size, bool wide) {
  double largest = 0;
  for (const ProfileRow& row : profile.rows) largest = std::max(largest, profile.Share(row));
  const double width = size.label + size.bar + size.value;
  const double height = kRowHeight * static_cast<double>(profile.rows.size());
  std::string out = fmt::format(
      "<svg class=\"plot\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{} of each "
      "operator\">\n",
      width, height, EscapeMarkup(profile.unit));
  double y = 0;
  for (const ProfileRow& row : profile.rows) {
    const double share = profile.Share(row);
    const double length = largest > 0 ? std::max(share / largest * size.bar, 1.0) : 1.0;
    const double baseline = y + kRowHeight / 2 + 4;
    const std::string count =
        wide && row.counted ? fmt::format("  {}", FormatCount(*row.counted)) : "";
    out += fmt::format(
        "<g><title>{}</title><text class=\"title\" x=\"{:.0f}\" y=\"{:.0f}\" "
        "text-anchor=\"end\">{}</text>"
        "<rect class=\"bar\" x=\"{:.0f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.0f}\">{}</text></g>\n",
        EscapeMarkup(Tooltip(profile, row)), size.label - 8, baseline,
        EscapeMarkup(RowLabel(row, wide)), size.label, y + (kRowHeight - kBarHeight) / 2, length,
        kBarHeight, size.label + length + 6, baseline,
        row.counted ? fmt::format("{:.1f} %{}", share * 100, count) : "not counted");
    y += kRowHeight;
  }
  return out + "</svg>\n";
}

std::string Cell(std::string_view name, std::string_view value, bool number) {
  return fmt::format("<td data-name=\"{}\"{}>{}</td>", EscapeMarkup(name),
                     number ? " class=\"n\"" : "", EscapeMarkup(value));
}

/// `op` is empty in the row of sums.
std::string RowHtml(const Profile& profile, const ProfileRow& row, const std::string& op) {
  const bool has_macs = row.macs.value_or(0) != 0;
  const std::string per_mac = has_macs && row.counted
                                  ? fmt::format("{:.2f}", static_cast<double>(*row.counted) /
                                                              static_cast<double>(*row.macs))
                                  : "";
  return (op.empty() ? "<tr class=\"front\">" : "<tr>") + Cell("op", op, true) +
         Cell("operator", row.name, false) + Cell("output", ShapeText(row.output_shape), false) +
         Cell("weights", row.form, false) +
         Cell("MAC", has_macs ? FormatCount(*row.macs) : "", true) +
         Cell(profile.unit, row.counted ? FormatCount(*row.counted) : "", true) +
         Cell(PerMacTitle(profile), per_mac, true) +
         Cell("share", row.counted ? fmt::format("{:.1f} %", profile.Share(row) * 100) : "", true) +
         "</tr>\n";
}

std::string TableHtml(const Profile& profile) {
  std::string out = fmt::format(
      "<table class=\"cards\"><thead><tr><th class=\"n\">op</th><th>operator</th><th>output</th>"
      "<th>weights</th><th class=\"n\">MAC</th><th class=\"n\">{}</th><th class=\"n\">{}</th>"
      "<th class=\"n\">share</th></tr></thead>\n<tbody>\n",
      EscapeMarkup(profile.unit), EscapeMarkup(PerMacTitle(profile)));
  for (const ProfileRow& row : profile.rows) {
    out += RowHtml(profile, row, std::to_string(row.tflite_index));
  }
  ProfileRow sum;
  sum.name = "sum";
  sum.macs = profile.macs;
  sum.counted = profile.sum;
  out += RowHtml(profile, sum, "");
  return out + "</tbody></table>\n";
}

std::string Section(const Profile& profile) {
  const v1::JobResult& result = profile.job.result;
  std::string out = fmt::format(
      "<h2>{} <span class=\"muted\">{}</span></h2>\n<p class=\"when\">Job {} on {} ({}), vector "
      "{}</p>\n",
      EscapeMarkup(result.model()), EscapeMarkup(VariantText(result.variant())), result.job_id(),
      EscapeMarkup(result.board_type()), EscapeMarkup(FidelityName(result.fidelity())),
      EscapeMarkup(profile.vector));
  out += "<figure>\n<div class=\"wide\">" + BarPicture(profile, kWide, true) +
         "</div>\n<div class=\"narrow\">" + BarPicture(profile, kNarrow, false) + "</div>\n";
  out +=
      fmt::format("<figcaption>What each operator took in {}, in a run apart from the timed one.",
                  EscapeMarkup(profile.unit));
  if (const std::string difference = DifferenceText(profile); !difference.empty()) {
    std::string sentence = difference;
    sentence[0] = 'T';
    out += " " + EscapeMarkup(sentence) + ".";
  }
  return out + "</figcaption>\n</figure>\n" + TableHtml(profile);
}

}  // namespace

std::string ProfileHtml(const std::vector<Profile>& profiles, int64_t now_us) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n";
  out +=
      fmt::format("<title>Profile - tinyrig</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
                  kReportStyle);
  out += "<h1>What each operator takes</h1>\n";
  for (const Profile& profile : profiles) out += Section(profile);
  out += fmt::format("<footer>Written by tinyrig {} at {}.</footer>\n</main>\n</body>\n</html>\n",
                     TINYRIG_VERSION, FormatTime(now_us));
  return out;
}

}  // namespace tinyrig::cli
