#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/status/status.h"

/// The reading half of the API as URLs: a table, each line of which names a method.
namespace tinyrig::server {

struct Route {
  /// What becomes of the answers.
  enum class Kind {
    kMessage,  ///< One, as JSON.
    kLines,    ///< Many, as JSON {"lines": [...]}.
    kEvents,   ///< Many, as server-sent events; `place` is the number to resume after.
    kRows,     ///< Rows of a query, as {"columns", "rows", "truncated"}.
    kBytes,    ///< The chunks of a file.
    kText,     ///< The field `json` of the answer is the document.
  };
  std::string_view pattern;  ///< "/api/v1/jobs/{job_id}": the name is a field of the request.
  std::string_view method;   ///< "JobService/GetJob"
  Kind kind = Kind::kMessage;
  std::string_view resume = {};  ///< kEvents: field of the request that takes Last-Event-ID.
  std::string_view place = {};   ///< kEvents: field of the answers that gives it.
  std::string_view preset = {};  ///< Parameters that are always set, as in a URL.
};

std::span<const Route> Routes();

/// A URL taken apart; names and values are decoded.
struct Target {
  std::string path;
  std::vector<std::pair<std::string, std::string>> parameters;
};
/// Errors: kInvalidArgument for a broken percent code.
Result<Target> ParseTarget(std::string_view target);

/// The route of a path and the parameters in it. Null when there is none.
struct RouteMatch {
  const Route* route = nullptr;
  std::vector<std::pair<std::string, std::string>> parameters;
};
RouteMatch FindRoute(std::string_view path);

/// An empty message of the type that the method takes, or gives.
std::unique_ptr<google::protobuf::Message> NewRequest(std::string_view method);
std::unique_ptr<google::protobuf::Message> NewResponse(std::string_view method);

/// Sets fields by name ("page.size" for one within another; a repeated one as often as it is given;
/// enums by their short name: "queued"). Errors: kInvalidArgument, with the names that there are.
Status SetFields(const std::vector<std::pair<std::string, std::string>>& parameters,
                 google::protobuf::Message* message);

}  // namespace tinyrig::server
