#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"
#include "server/cli/report/json.h"

/// Published figures, to look at beside one's own. They are never results: they have a block and a
/// JSON key of their own and take part in no front. File: share/tinyrig/literature.json, or a
/// user's own of the same schema (server/cli/README.md).
namespace tinyrig::cli {

struct LiteraturePoint {
  std::string model;    ///< A key of the file's models.
  std::string method;   ///< "msf-CNN".
  std::string setting;  ///< "least RAM".
  std::string metric;   ///< "peak RAM, planned": words, not one of tinyrig's metrics.
  double value = 0;
  std::string unit;
  std::string counts;  ///< What the figure counts, and what it leaves out.
  std::string origin;  ///< Paper, table or file.
};

struct Literature {
  struct Model {
    std::string name;
    std::vector<std::string> aliases;
  };
  std::vector<Model> models;
  std::vector<LiteraturePoint> points;  ///< In the file's order.

  /// The name of the model that a campaign's model is: its file name, in any case, with or without
  /// ".tflite", is the name or an alias. Empty if none.
  std::string_view ModelOf(std::string_view file_name) const;
};

/// Errors: kInvalidArgument "FILE: points[3] (model 'a', method 'b'): what, what to try".
Result<Literature> ParseLiterature(const std::string& text, const std::string& file);

/// What there is about these models: one line a method and setting, one column a metric, numbered
/// notes that say what each figure counts and where it is from.
std::string LiteratureText(const Literature& literature, const std::vector<std::string>& models);

/// {"note", "points": [{"model", "method", "setting", "metric", "value", "unit", "counts",
/// "origin"}]}, of these models.
Json LiteratureJson(const Literature& literature, const std::vector<std::string>& models);

}  // namespace tinyrig::cli
