#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "server/cli/report/json.h"
#include "server/cli/report/records.h"

/// What each operator of a job took: for terminals, JSON and HTML. Pure.
namespace tinyrig::cli {

struct ProfileRow {
  uint32_t op = 0;            ///< Position in the order of execution.
  uint32_t tflite_index = 0;  ///< Position in the model file.
  std::string name;           ///< "CONV_2D".
  std::string form;           ///< "packed int8"; may be empty.
  std::vector<uint32_t> output_shape;
  std::optional<uint64_t> macs;
  std::optional<uint64_t> counted;  ///< In Profile::unit; none where the counter did not hold it.
};

/// All operators of one kind.
struct ProfileKind {
  std::string name;  ///< "CONV_2D".
  uint32_t count = 0;
  uint64_t macs = 0;
  uint64_t counted = 0;
};

/// The operators of one job with one vector, in the order of execution.
struct Profile {
  JobRecord job;
  std::string unit;    ///< "instructions", "cycles" or "ns", by the job's fidelity.
  std::string vector;  ///< "A" or an index.
  std::vector<ProfileRow> rows;
  uint64_t sum = 0;             ///< Of what was counted.
  uint64_t macs = 0;            ///< Of all operators.
  std::optional<double> timed;  ///< Median of the timed runs, in `unit`.

  /// Of the sum, 0 to 1; 0 when nothing was counted.
  double Share(uint64_t counted) const;
  double Share(const ProfileRow& row) const { return Share(row.counted.value_or(0)); }
  /// The costliest first.
  std::vector<ProfileKind> Kinds() const;
  /// What the operators took together, less the timed run; negative when that was longer.
  std::optional<double> Difference() const;
};

/// The first vector whose operators the job has. Errors: kNotFound when it has none.
Result<Profile> MakeProfile(const JobRecord& job);

/// {"job_id", "model", "variant", "board_type", "fidelity", "unit", "vector", "layers": [..],
/// "kinds": [..], "sum", "timed", "difference"}; server/cli/README.md says more.
Json ProfileJson(const Profile& profile);

/// A table and below it a bar for every operator, in lines of at most `width` columns (80 or more).
std::string ProfileText(const Profile& profile, size_t width);

/// One page for all of them, as self-contained as HtmlReport().
std::string ProfileHtml(const std::vector<Profile>& profiles, int64_t now_us);

/// "instr/MAC".
std::string PerMacTitle(const Profile& profile);

/// How sum and timed run compare, in a sentence; empty when one of them is missing.
std::string DifferenceText(const Profile& profile);

}  // namespace tinyrig::cli
