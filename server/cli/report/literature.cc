#include "server/cli/report/literature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "server/cli/text/suggest.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

constexpr char kNote[] = "published, not measured here";
constexpr size_t kMaxText = 400;

Status Wrong(const std::string& file, const std::string& what) {
  return {Code::kInvalidArgument, Printable(fmt::format("{}: {}", file, what))};
}

std::string TextOf(const Json& object, const char* key) {
  const auto value = object.find(key);
  return value != object.end() && value->is_string() ? value->get<std::string>() : "";
}

/// "points[3] (model 'a', method 'b', setting 'c')".
std::string PlaceOf(const Json& row, size_t index) {
  std::string known;
  for (const char* key : {"model", "method", "setting", "metric"}) {
    const std::string text = row.is_object() ? TextOf(row, key) : "";
    if (text.empty()) continue;
    known += fmt::format("{}{} '{}'", known.empty() ? " (" : ", ", key, Shorten(text, 40));
  }
  return fmt::format("points[{}]{}{}", index, known, known.empty() ? "" : ")");
}

class LiteratureReader {
 public:
  LiteratureReader(const Json& root, const std::string& file) : root_(root), file_(file) {}

  Result<Literature> Read() {
    if (!root_.is_object()) {
      return Wrong(file_, "is no object with models, counts, origins and points");
    }
    TRY(ReadModels());
    TRY(ReadWords("counts", counts_));
    TRY(ReadWords("origins", origins_));
    const auto rows = root_.find("points");
    if (rows == root_.end() || !rows->is_array()) {
      return Wrong(file_, "needs the list 'points', one object a figure");
    }
    for (size_t i = 0; i < rows->size(); ++i) TRY(ReadPoint((*rows)[i], i));
    return std::move(literature_);
  }

 private:
  Status ReadModels() {
    const auto models = root_.find("models");
    if (models == root_.end() || !models->is_object()) {
      return Wrong(file_, "needs the object 'models': each name with a list of other names");
    }
    for (const auto& [name, aliases] : models->items()) {
      Literature::Model model{name, {}};
      if (!aliases.is_array()) return Wrong(file_, WrongAliases(name));
      for (const Json& alias : aliases) {
        if (!alias.is_string()) return Wrong(file_, WrongAliases(name));
        model.aliases.push_back(alias.get<std::string>());
      }
      literature_.models.push_back(std::move(model));
    }
    return OkStatus();
  }

  static std::string WrongAliases(const std::string& name) {
    return fmt::format("models: '{}' needs a list of other names, [] when it has none", name);
  }

  Status ReadWords(const char* key, std::map<std::string, std::string>& words) {
    const auto texts = root_.find(key);
    if (texts == root_.end() || !texts->is_object()) {
      return Wrong(file_, fmt::format("needs the object '{}': words for points to name, each with "
                                      "what it stands for",
                                      key));
    }
    for (const auto& [word, text] : texts->items()) {
      if (!text.is_string() || text.get<std::string>().empty()) {
        return Wrong(file_, fmt::format("{}: '{}' needs a text", key, word));
      }
      words[word] = text.get<std::string>();
    }
    return OkStatus();
  }

  Status ReadPoint(const Json& row, size_t index) {
    const auto wrong = [&](const std::string& what) {
      return Wrong(file_, fmt::format("{}: {}", PlaceOf(row, index), what));
    };
    if (!row.is_object()) return wrong("is no object");
    LiteraturePoint point;
    const std::pair<const char*, std::string*> texts[] = {
        {"model", &point.model},   {"method", &point.method}, {"setting", &point.setting},
        {"metric", &point.metric}, {"unit", &point.unit},     {"counts", &point.counts},
        {"origin", &point.origin}};
    for (const auto& [key, text] : texts) {
      *text = TextOf(row, key);
      if (text->empty()) return wrong(fmt::format("needs the text '{}'", key));
      if (text->size() > kMaxText) return wrong(fmt::format("'{}' is too long", key));
    }
    for (const auto& [key, value] : row.items()) {
      const bool known = key == "value" || std::ranges::any_of(texts, [&, &name = key](auto& text) {
                           return name == text.first;
                         });
      if (!known) return wrong(fmt::format("'{}' is no key of a point", key));
    }
    const auto value = row.find("value");
    if (value == row.end() || !value->is_number() || !std::isfinite(value->get<double>())) {
      return wrong("needs the number 'value'");
    }
    point.value = value->get<double>();
    if (std::ranges::find(literature_.models, point.model, &Literature::Model::name) ==
        literature_.models.end()) {
      return wrong("its model is not among 'models'");
    }
    TRY(Resolve("counts", counts_, point.counts, wrong));
    TRY(Resolve("origin", origins_, point.origin, wrong));
    const auto key = std::tuple(point.model, point.method, point.setting, point.metric);
    if (!seen_.insert(key).second) return wrong("there is a point of the same before");
    literature_.points.push_back(std::move(point));
    return OkStatus();
  }

  static Status Resolve(const char* key, const std::map<std::string, std::string>& words,
                        std::string& text, const std::function<Status(const std::string&)>& wrong) {
    const auto found = words.find(text);
    if (found == words.end()) {
      std::vector<std::string_view> known;
      for (const auto& [word, meaning] : words) known.push_back(word);
      return wrong(fmt::format("{} '{}' is not explained in this file{}", key, text,
                               SuggestFrom(text, known)));
    }
    text = found->second;
    return OkStatus();
  }

  const Json& root_;
  const std::string& file_;
  std::map<std::string, std::string> counts_;
  std::map<std::string, std::string> origins_;
  std::set<std::tuple<std::string, std::string, std::string, std::string>> seen_;
  Literature literature_;
};

std::string Plain(std::string_view name) {
  std::string plain(name);
  std::ranges::transform(plain, plain.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (plain.ends_with(".tflite")) plain.resize(plain.size() - 7);
  return plain;
}

std::vector<const LiteraturePoint*> PointsOf(const Literature& literature,
                                             const std::vector<std::string>& models) {
  std::set<std::string_view> wanted;
  for (const std::string& model : models) wanted.insert(literature.ModelOf(model));
  std::vector<const LiteraturePoint*> points;
  for (const LiteraturePoint& point : literature.points) {
    if (wanted.contains(point.model)) points.push_back(&point);
  }
  return points;
}

/// Figures of one method and setting, with the numbers of their notes.
struct Line {
  const LiteraturePoint* first;
  std::map<std::string, std::string> cells;
};

std::string NothingText(const Literature& literature) {
  std::vector<std::string> names;
  for (const Literature::Model& model : literature.models) names.push_back(model.name);
  return Printable(fmt::format(
             "Literature: nothing about the models of this campaign; there are figures of: {}",
             names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")))) +
         "\n";
}

/// In the order of the whole file, so that every campaign's columns come in the same one.
std::vector<std::string> MetricsOf(const Literature& literature,
                                   const std::vector<const LiteraturePoint*>& points) {
  std::vector<std::string> metrics;
  for (const LiteraturePoint& point : literature.points) {
    const bool shown = std::ranges::any_of(
        points, [&](const LiteraturePoint* other) { return other->metric == point.metric; });
    if (shown && std::ranges::find(metrics, point.metric) == metrics.end()) {
      metrics.push_back(point.metric);
    }
  }
  return metrics;
}

std::string ValueText(const LiteraturePoint& point) {
  return point.unit == "1" ? FormatNumber(point.value)
                           : fmt::format("{} {}", FormatNumber(point.value), point.unit);
}

}  // namespace

std::string_view Literature::ModelOf(std::string_view file_name) const {
  const std::string plain = Plain(file_name);
  for (const Model& model : models) {
    const bool is_it = Plain(model.name) == plain ||
                       std::ranges::any_of(model.aliases, [&](const std::string& alias) {
                         return Plain(alias) == plain;
                       });
    if (is_it) return model.name;
  }
  return {};
}

Result<Literature> ParseLiterature(const std::string& text, const std::string& file) {
  Json root;
  try {
    root = Json::parse(text);
  } catch (const Json::exception& error) {
    return Wrong(file, fmt::format("is not JSON: {}", error.what()));
  }
  return LiteratureReader(root, file).Read();
}

std::string LiteratureText(const Literature& literature, const std::vector<std::string>& models) {
  const std::vector<const LiteraturePoint*> points = PointsOf(literature, models);
  if (points.empty()) return NothingText(literature);
  const std::vector<std::string> metrics = MetricsOf(literature, points);
  std::vector<std::string> notes;
  std::vector<Line> lines;
  for (const LiteraturePoint* point : points) {
    const std::string note = fmt::format("{}. From: {}", point->counts, point->origin);
    auto known = std::ranges::find(notes, note);
    if (known == notes.end()) known = notes.insert(notes.end(), note);
    const auto line = std::ranges::find_if(lines, [&](const Line& other) {
      return std::tie(other.first->model, other.first->method, other.first->setting) ==
             std::tie(point->model, point->method, point->setting);
    });
    Line& mine = line == lines.end() ? lines.emplace_back(Line{point, {}}) : *line;
    mine.cells[point->metric] =
        fmt::format("{} [{}]", ValueText(*point), known - notes.begin() + 1);
  }
  std::vector<Column> columns = {{"model"}, {"method"}, {"setting"}};
  for (const std::string& metric : metrics) columns.push_back({metric, Align::kRight});
  Table table(std::move(columns));
  for (const Line& line : lines) {
    std::vector<std::string> row = {Shorten(line.first->model, 32), Shorten(line.first->method, 32),
                                    Shorten(line.first->setting, 32)};
    for (const std::string& metric : metrics) {
      const auto cell = line.cells.find(metric);
      row.push_back(cell == line.cells.end() ? "" : cell->second);
    }
    table.AddRow(std::move(row));
  }
  std::string text = fmt::format("Literature: {}\n\n{}\n", kNote, table.Render());
  for (size_t i = 0; i < notes.size(); ++i) {
    text += fmt::format("[{}] {}\n", i + 1, Printable(notes[i]));
  }
  return text;
}

Json LiteratureJson(const Literature& literature, const std::vector<std::string>& models) {
  Json points = Json::array();
  for (const LiteraturePoint* point : PointsOf(literature, models)) {
    points.push_back({{"model", point->model},
                      {"method", point->method},
                      {"setting", point->setting},
                      {"metric", point->metric},
                      {"value", NumberJson(point->value)},
                      {"unit", point->unit},
                      {"counts", point->counts},
                      {"origin", point->origin}});
  }
  return {{"note", kNote}, {"points", std::move(points)}};
}

}  // namespace tinyrig::cli
