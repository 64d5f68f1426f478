#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "proto/tinyrig/v1/boards.pb.h"
#include "server/cli/report/records.h"

/// The JSON that `--json` prints. Its keys are part of the interface: server/cli/README.md
/// documents them, tests/unit/cli pins them. Absent numbers are absent keys, never null or zero.
namespace tinyrig::cli {

/// Ordered as a person would read it; objects keep the order of insertion.
using Json = nlohmann::ordered_json;

/// {"campaign_id", "name", "ended", "jobs": [...], "front": [job ids], "fronts": [...]}
Json CampaignJson(const CampaignRecord& record);

/// One job: identity, state, every metric as a key of its own, "measurements" with unit,
/// uncertainty, fidelity and method, "failure" and "layers" when there are any.
Json JobJson(const JobRecord& record);

/// {"board_type", "fidelity", "model" if there is but one, "goals": {"min", "max"}, "front": [ids],
/// "dominated": [ids], "notes", "ties": [[ids]], "knee", "hypervolume", "best": [{"metric",
/// "limit_bytes", "job_id"}]}
Json FrontJson(const v1::Front& front);

/// {"base": job, "other": job, "metrics": [...], "layers": [...], "notes"}
Json ComparisonJson(const v1::CompareJobsResponse& comparison);

Json BoardJson(const v1::Board& board);

/// {"owner", "code", "message", "evidence"}
Json FailureJson(const v1::Failure& failure);

/// A whole number stays one (up to 2^53); a value that JSON cannot say (infinite, NaN) becomes
/// null.
Json NumberJson(double value);

/// Text with two blanks of indentation and a line end. Broken UTF-8 is replaced, never an
/// exception.
std::string Dump(const Json& json);

}  // namespace tinyrig::cli
