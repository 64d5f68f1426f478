#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "proto/status/status.h"
#include "server/cli/client/client.h"

/// The commands of `tinyrig`: each is a file that declares its options and does its work; a table
/// names them. Results go to stdout, everything else to stderr.
namespace tinyrig::cli {

/// Options that every command has.
struct Common {
  ServerChoice server;  ///< --server and what goes with it.
  std::string state;    ///< --state; empty = the default folder.
  bool json = false;    ///< --json: one JSON document on stdout.
};

/// Does the work after the command line was read; gives the exit code.
using Runner = std::function<Result<int>(const Common&)>;

struct Command {
  const char* name;
  const char* summary;
  const char* examples;  ///< Lines for --help.
  Runner (*define)(CLI::App& app);
};

/// In the order of --help.
std::span<const Command> Commands();

Runner DefineUp(CLI::App& app);
Runner DefineRun(CLI::App& app);
Runner DefineWatch(CLI::App& app);
Runner DefineBoards(CLI::App& app);
Runner DefineBoard(CLI::App& app);
Runner DefineAgents(CLI::App& app);
Runner DefineDrain(CLI::App& app);
Runner DefineWindow(CLI::App& app);
Runner DefineConsole(CLI::App& app);
Runner DefineJobs(CLI::App& app);
Runner DefineJob(CLI::App& app);
Runner DefineRerun(CLI::App& app);
Runner DefineResults(CLI::App& app);
Runner DefinePareto(CLI::App& app);
Runner DefineCompare(CLI::App& app);
Runner DefineQuery(CLI::App& app);
Runner DefineReport(CLI::App& app);
Runner DefineManifest(CLI::App& app);
Runner DefineLogs(CLI::App& app);
Runner DefineCancel(CLI::App& app);
Runner DefineModel(CLI::App& app);
Runner DefinePlan(CLI::App& app);
Runner DefineProfile(CLI::App& app);
Runner DefineCheck(CLI::App& app);
Runner DefineBackup(CLI::App& app);
Runner DefinePrune(CLI::App& app);
Runner DefineDoctor(CLI::App& app);
Runner DefineBench(CLI::App& app);
Runner DefineToken(CLI::App& app);
Runner DefineWhoAmI(CLI::App& app);
Runner DefineAudit(CLI::App& app);

/// The program: reads the command line, runs the command, prints its error. Gives the exit code.
int Main(int argc, char** argv);

}  // namespace tinyrig::cli
