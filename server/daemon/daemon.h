#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "server/api/tls.h"
#include "server/service/reference_jobs.h"

namespace tinyrig::server {

struct DaemonOptions {
  std::filesystem::path state_dir;
  std::vector<std::string> listen;  ///< And unix:STATE/tinyrigd.sock when none is a socket.
  std::vector<std::string> http;    ///< HOST:PORT of the gateway for reading; empty: none.
  TlsFiles tls;                     ///< Empty: no TLS, and nothing beyond loopback.
  std::filesystem::path firmware_dir;
  std::filesystem::path reference_model;  ///< .tflite of the reference jobs.
  ReferencePolicy reference_policy;
  std::chrono::seconds query_time{5};  ///< Of a user's query.
};

/// Runs the server until SIGTERM or SIGINT, on the calling thread. Prints one line when it is
/// ready:
///   tinyrigd ready: ADDRESS [ADDRESS ...] [http://ADDRESS ...]
Status RunDaemon(const DaemonOptions& options);

/// ../share/tinyrig beside this program: how the build tree and an installation lie.
std::filesystem::path DefaultShareDir();

}  // namespace tinyrig::server
