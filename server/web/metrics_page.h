#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "server/model/histogram.h"

namespace tinyrig::server {

/// A page in Prometheus' text format (0.0.4): families of samples.
class MetricsPage {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// `type`: gauge, counter. Samples of the family follow.
  void Family(std::string_view name, std::string_view type, std::string_view help);
  void Sample(double value, Labels labels = {});
  /// A family of its own.
  void Add(std::string_view name, std::string_view help, const Histogram& histogram);

  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  std::string family_;
};

}  // namespace tinyrig::server
