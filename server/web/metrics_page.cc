#include "server/web/metrics_page.h"

#include <fmt/format.h>

#include "proto/text/utf8.h"

namespace tinyrig::server {
namespace {

std::string Escaped(std::string_view value) {
  std::string out;
  for (const char c : ToUtf8(value)) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

void MetricsPage::Family(std::string_view name, std::string_view type, std::string_view help) {
  family_ = name;
  text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

void MetricsPage::Sample(double value, Labels labels) {
  text_ += family_;
  char separator = '{';
  for (const auto& [label, text] : labels) {
    text_ += fmt::format("{}{}=\"{}\"", separator, label, Escaped(text));
    separator = ',';
  }
  text_ += fmt::format("{} {}\n", labels.size() > 0 ? "}" : "", value);
}

void MetricsPage::Add(std::string_view name, std::string_view help, const Histogram& histogram) {
  Family(name, "histogram", help);
  const Histogram::Totals totals = histogram.Read();
  for (size_t i = 0; i < totals.up_to.size(); ++i) {
    text_ +=
        fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, histogram.bounds()[i], totals.up_to[i]);
  }
  text_ += fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name,
                       totals.count, totals.sum_s);
}

}  // namespace tinyrig::server
