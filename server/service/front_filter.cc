#include "server/service/front_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "server/model/names.h"
#include "server/results/front.h"
#include "server/results/metrics.h"

namespace tinyrig::server {
namespace {

struct Word {
  std::string_view name;
  std::string_view Candidate::*value;
};
constexpr std::array kWords = {Word{"kernels", &Candidate::kernels},
                               Word{"weights", &Candidate::weights},
                               Word{"fusion", &Candidate::fusion},
                               Word{"synthesis", &Candidate::synthesis},
                               Word{"board_type", &Candidate::board_type},
                               Word{"board", &Candidate::board},
                               Word{"user", &Candidate::user},
                               Word{"campaign", &Candidate::campaign}};

Status CheckName(const std::string& name) {
  if (name == "model" || name == "fidelity" || FindMetric(name) != nullptr) return {};
  if (std::ranges::find(kWords, name, &Word::name) != kWords.end()) return {};
  return {Code::kInvalidArgument,
          fmt::format("'{}' is neither a metric nor one of model, fidelity, {}", name,
                      fmt::join(kWords | std::views::transform(&Word::name), ", "))};
}

/// "kws.tflite" is "kws", too.
Operand Model(std::string_view name) {
  const std::string_view stem =
      name.ends_with(".tflite") ? name.substr(0, name.rfind('.')) : std::string_view();
  return Operand::Word(std::string(name), std::string(stem));
}

}  // namespace

Result<FrontFilter> FrontFilter::Of(const v1::GetFrontRequest& request) {
  FrontFilter filter;
  std::vector<std::string> texts(request.limits().begin(), request.limits().end());
  if (!request.where().empty()) texts.push_back(request.where());
  for (const std::string& text : texts) {
    TRY_ASSIGN(Expression expression, Expression::Parse(text));
    for (const std::string& name : expression.Names()) {
      TRY(CheckName(name).WithContext(fmt::format("'{}'", text)));
      if (FindMetric(name) == nullptr) continue;
      if (std::ranges::find(filter.metrics_, name) == filter.metrics_.end()) {
        filter.metrics_.push_back(name);
      }
    }
    filter.expressions_.push_back(std::move(expression));
  }
  return filter;
}

bool FrontFilter::Holds(const Candidate& candidate, size_t first) const {
  const auto lookup = [&](std::string_view name) -> Operand {
    if (name == "model") return Model(candidate.model);
    if (name == "fidelity") return Operand::Word(std::string(ToText(candidate.fidelity)));
    for (const Word& word : kWords) {
      if (word.name == name) return Operand::Word(std::string(candidate.*word.value));
    }
    const auto metric = std::ranges::find(metrics_, name);
    if (metric == metrics_.end()) return {};
    const MetricValue& value =
        candidate.metrics[first + static_cast<size_t>(metric - metrics_.begin())];
    if (!value.found) return {};
    const Interval interval = IntervalOf(value.value, value.uncertainty);
    return Operand::Between(interval.lo, interval.hi);
  };
  return std::ranges::all_of(expressions_, [&](const Expression& expression) {
    return expression.Evaluate(lookup) == Truth::kTrue;
  });
}

}  // namespace tinyrig::server
