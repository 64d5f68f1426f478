// The client as a program against a server that answers from a script: exit codes, output, uploads,
// watching.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "server/cli/text/file.h"
#include "tests/integration/cli/fake_server.h"

namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

v1::JobResult Outcome(uint64_t id, v1::JobState state,
                      v1::FailureOwner owner = v1::FAILURE_OWNER_UNSPECIFIED) {
  v1::JobResult result;
  result.set_job_id(id);
  result.set_campaign_id(1);
  result.set_model("m.tflite");
  result.set_state(state);
  result.set_board_type("virtual_m4");
  if (owner != v1::FAILURE_OWNER_UNSPECIFIED) {
    result.mutable_failure()->set_owner(owner);
    result.mutable_failure()->set_message("it went wrong");
  }
  if (state == v1::JOB_STATE_SUCCEEDED) {
    result.set_fidelity(v1::FIDELITY_EMULATED);
    v1::Measurement& m = *result.add_measurements();
    m.set_metric("instructions_p50");
    m.set_value(1000.0 * static_cast<double>(id));
    m.set_fidelity(v1::FIDELITY_EMULATED);
    result.add_layers()->set_fnv1a32(0xabc);
  }
  return result;
}

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

class Commands : public testing::Test {
 protected:
  Commands() {
    std::ofstream(folder_ + "/m.tflite") << std::string(600'000, 'm');
    std::ofstream(folder_ + "/v.npz") << "vectors";
    std::ofstream(folder_ + "/c.yaml")
        << "models: [m.tflite]\nboard_types: [virtual_m4]\nvectors: v.npz\n"
           "goals: {min: [instructions_p50]}\n";
  }
  ~Commands() override { fs::remove_all(folder_); }

  void Serve(std::vector<v1::JobResult> results, Script script = {}) {
    script.results = std::move(results);
    for (const v1::JobResult& result : script.results) {
      v1::CampaignEvent& event = script.events.emplace_back();
      event.set_event_id(script.events.size());
      event.set_job_id(result.job_id());
      event.set_state(result.state());
    }
    server_ = std::make_unique<FakeServer>(folder_ + "/s.sock", std::move(script));
  }

  Ran Tinyrig(const std::string& arguments) const {
    const char* build = std::getenv("TINYRIG_BUILD_DIR");
    if (build == nullptr) ADD_FAILURE() << "set TINYRIG_BUILD_DIR, as ctest does";
    const std::string command = std::string("timeout 60 ") + (build == nullptr ? "." : build) +
                                "/bin/tinyrig " + arguments +
                                (server_ == nullptr ? "" : " --server " + server_->address()) +
                                " >" + folder_ + "/out 2>" + folder_ + "/err </dev/null";
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), *ReadFile(folder_ + "/out", 1 << 24),
            *ReadFile(folder_ + "/err", 1 << 24)};
  }

  std::string Campaign() const { return folder_ + "/c.yaml"; }

  static std::string MakeFolder() {
    // A socket's path must be short.
    std::string name = "/tmp/tinyrig-cli-XXXXXX";
    return mkdtemp(name.data());
  }
  const std::string folder_ = MakeFolder();
  std::unique_ptr<FakeServer> server_;
};

TEST_F(Commands, ExitCodesTellHowACampaignEnded) {
  const v1::JobResult ok = Outcome(1, v1::JOB_STATE_SUCCEEDED);
  const std::pair<v1::JobResult, int> kCases[] = {
      {Outcome(2, v1::JOB_STATE_SUCCEEDED), 0},
      {Outcome(2, v1::JOB_STATE_FAILED, v1::FAILURE_OWNER_VARIANT), 2},
      {Outcome(2, v1::JOB_STATE_INFEASIBLE, v1::FAILURE_OWNER_INFEASIBLE), 3},
      {Outcome(2, v1::JOB_STATE_FAILED, v1::FAILURE_OWNER_BENCH), 4},
      {Outcome(2, v1::JOB_STATE_CANCELLED), 4},
  };
  for (const auto& [outcome, code] : kCases) {
    server_.reset();
    Serve({ok, outcome});
    EXPECT_EQ(Tinyrig("run " + Campaign() + " --wait").code, code);
    const Ran as_json = Tinyrig("run " + Campaign() + " --wait --json");
    EXPECT_EQ(as_json.code, code);
    EXPECT_EQ(json::parse(as_json.out)["jobs"].size(), 2u);
  }
}

TEST_F(Commands, RunPrintsResultsAndJsonWithLayers) {
  Serve({Outcome(1, v1::JOB_STATE_SUCCEEDED),
         Outcome(2, v1::JOB_STATE_FAILED, v1::FAILURE_OWNER_VARIANT)});
  const Ran text = Tinyrig("run " + Campaign() + " --wait");
  EXPECT_THAT(text.out, HasSubstr("1,000"));
  EXPECT_THAT(text.out, HasSubstr("failed (variant)"));
  EXPECT_THAT(text.out, HasSubstr("it went wrong"));
  EXPECT_THAT(text.out, HasSubstr("latency is virtual time"));
  EXPECT_THAT(text.err, HasSubstr("job 1 succeeded"));
  EXPECT_THAT(text.err, Not(HasSubstr("\x1b")));  // No terminal, no control codes.
  const json document = json::parse(Tinyrig("run " + Campaign() + " --wait --json").out);
  EXPECT_EQ(document["jobs"][0]["instructions_p50"], 1000);
  EXPECT_EQ(document["jobs"][0]["layers"][0]["fnv1a32"], "00000abc");
  EXPECT_EQ(document["front"], json({1}));
}

TEST_F(Commands, RunUploadsEachFileOnceAndSubmitsItsHash) {
  Serve({Outcome(1, v1::JOB_STATE_SUCCEEDED)});
  ASSERT_EQ(Tinyrig("run " + Campaign()).code, 0);
  ASSERT_EQ(Tinyrig("run " + Campaign()).code, 0);
  EXPECT_EQ(server_->uploads(), 2u);
  const auto submissions = server_->Submissions();
  ASSERT_EQ(submissions.size(), 2u);
  EXPECT_FALSE(submissions[0].idempotency_key().empty());
  EXPECT_NE(submissions[0].idempotency_key(), submissions[1].idempotency_key());
  const v1::CampaignSpec& spec = submissions[0].spec();
  EXPECT_EQ(spec.models(0).size_bytes(), 600'000u);
  EXPECT_EQ(server_->Files().at(spec.models(0).sha256()), std::string(600'000, 'm'));
  // printf vectors | sha256sum
  EXPECT_EQ(spec.vectors().npz().sha256(),
            "29a6a5e3c39862766d200557894f42fe0afed05234816b0ca9cbb59bbc1d6023");
}

TEST_F(Commands, FlagsOutrankTheFile) {
  Serve({Outcome(1, v1::JOB_STATE_SUCCEEDED)});
  ASSERT_EQ(
      Tinyrig("run --variant weights=int16 --variant kernels=reference --vectors B --repetitions 3 "
              "--board-type other " +
              Campaign())
          .code,
      0);
  const v1::CampaignSpec spec = server_->Submissions().at(0).spec();
  EXPECT_EQ(spec.variants().exclude_size(), 2);
  EXPECT_EQ(spec.vectors().patterns(), "B");
  EXPECT_EQ(spec.repetitions(), 3u);
  EXPECT_THAT(spec.board_types(), ElementsAre("other"));
}

TEST_F(Commands, WatchingSurvivesAServerThatGoesAway) {
  std::vector<v1::JobResult> results;
  for (uint64_t id = 1; id <= 7; ++id) results.push_back(Outcome(id, v1::JOB_STATE_SUCCEEDED));
  Script script;
  script.events_per_stream = 3;
  Serve(results, script);
  const Ran ran = Tinyrig("run " + Campaign() + " --wait");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(server_->Watches(), ElementsAre(0, 3, 6));
  for (int id = 1; id <= 7; ++id) {
    const std::string line = "job " + std::to_string(id) + " succeeded";
    const size_t first = ran.err.find(line);
    ASSERT_NE(first, std::string::npos) << line;
    EXPECT_EQ(ran.err.find(line, first + 1), std::string::npos) << line;
  }
}

TEST_F(Commands, ListsOfManyPagesAreComplete) {
  std::vector<v1::JobResult> results;
  for (uint64_t id = 1; id <= 25; ++id) results.push_back(Outcome(id, v1::JOB_STATE_SUCCEEDED));
  Script script;
  script.page_size = 10;
  Serve(results, script);
  EXPECT_EQ(json::parse(Tinyrig("jobs --json").out)["jobs"].size(), 25u);
}

TEST_F(Commands, QueryGivesRowsAsObjectsCsvAndTable) {
  Serve({});
  EXPECT_EQ(json::parse(Tinyrig("query 'SELECT 1' --json").out),
            (json{{"columns", {"n", "n_2", "x", "t"}},
                  {"rows", json::array({{{"n", 7}, {"n_2", 8}, {"x", 0.5}, {"t", nullptr}}})},
                  {"truncated", false}}));
  EXPECT_EQ(Tinyrig("query 'SELECT 1' --csv").out, "n,n,x,t\r\n7,8,0.5,\r\n");
  EXPECT_THAT(Tinyrig("query 'SELECT 1'").out, HasSubstr("7  8  0.5"));
  const Ran refused = Tinyrig("query 'DROP TABLE jobs'");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("only SELECT"));
}

TEST_F(Commands, ReportsAreWritten) {
  Serve({Outcome(1, v1::JOB_STATE_SUCCEEDED)});
  ASSERT_EQ(Tinyrig("run " + Campaign() + " --wait").code, 0);
  const Ran ran = Tinyrig("report --html " + folder_ + "/r.html --junit " + folder_ +
                          "/r.xml --csv - --campaign 1");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("job_id,campaign_id,state"));
  EXPECT_THAT(*ReadFile(folder_ + "/r.html", 1 << 24), HasSubstr("</html>"));
  EXPECT_THAT(*ReadFile(folder_ + "/r.xml", 1 << 24), HasSubstr("</testsuites>"));
  EXPECT_EQ(Tinyrig("report --html /nowhere/r.html").code, 1);
  EXPECT_EQ(Tinyrig("report").code, 1);
}

TEST_F(Commands, SayWhatAServerCannotDoYet) {
  Serve({});
  const Ran ran = Tinyrig("manifest 1");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("this server cannot do that yet"));
}

TEST_F(Commands, BadCommandLinesAndFilesExitWith1) {
  for (const char* arguments : {"",
                                "nonsense",
                                "run",
                                "run /nowhere.yaml",
                                "boards --nonsense",
                                "jobs x",
                                "pareto --min nonsense",
                                "model /nowhere.tflite",
                                "plan /dev/null",
                                "cancel",
                                "query x --csv --json",
                                "boards --server nonsense",
                                "job",
                                "rerun x",
                                "board",
                                "board nonsense b",
                                "board reserve",
                                "board reserve b --for soon",
                                "drain --reason x",
                                "window add m4 --start soon",
                                "cancel --job 1 --campaign 1",
                                "up --listen 127.0.0.1:0"}) {
    const Ran ran = Tinyrig(arguments);
    EXPECT_EQ(ran.code, 1) << arguments << "\n" << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("tinyrig: ")) << arguments;
  }
  EXPECT_EQ(Tinyrig("--help").code, 0);
  EXPECT_EQ(Tinyrig("--version").code, 0);
  // What is asked for is one of the report's own options.
  EXPECT_THAT(Tinyrig("report").err, HasSubstr("[--html,--junit,--csv] is required"));
}

TEST_F(Commands, NoServerExitsWith5) {
  EXPECT_EQ(Tinyrig("boards --server unix:" + folder_ + "/none.sock").code, 5);
  const Ran ran = Tinyrig("boards --state " + folder_ + "/none");
  EXPECT_EQ(ran.code, 5);
  EXPECT_THAT(ran.err, HasSubstr("tinyrig run"));
}

TEST_F(Commands, EveryHelpHasExamples) {
  for (const char* command :
       {"up",    "run",     "watch",  "boards", "board",  "console",  "jobs",   "job",
        "rerun", "results", "pareto", "query",  "report", "manifest", "logs",   "cancel",
        "model", "plan",    "doctor", "bench",  "agents", "window",   "drain",  "backup",
        "check", "prune",   "token",  "audit",  "whoami", "compare",  "profile"}) {
    const Ran ran = Tinyrig(std::string(command) + " --help");
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.out, HasSubstr("Examples:\n  tinyrig " + std::string(command))) << command;
    EXPECT_THAT(ran.out, HasSubstr("--json"));
  }
  EXPECT_THAT(Tinyrig("--help").out, HasSubstr("Exit codes:"));
}

}  // namespace
}  // namespace tinyrig::cli
