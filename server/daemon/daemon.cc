#include "server/daemon/daemon.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <optional>
#include <random>
#include <thread>

#include "proto/notify/notify.h"
#include "server/api/api_server.h"
#include "server/daemon/state_dir.h"
#include "server/service/firmware_folder.h"
#include "server/web/gateway.h"
#include "server/web/probes.h"

namespace tinyrig::server {
namespace {

namespace asio = boost::asio;

std::string RandomId() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

}  // namespace

std::filesystem::path DefaultShareDir() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return self.parent_path().parent_path() / "share" / "tinyrig";
}

Status RunDaemon(const DaemonOptions& options) {
  TRY_ASSIGN(const StateDir state, StateDir::Open(options.state_dir));
  std::vector<std::string> listen = options.listen;
  // There is always one door that asks for no token: the first token comes through it.
  const auto is_socket = [](const std::string& address) { return address.starts_with("unix:"); };
  if (std::ranges::none_of(listen, is_socket)) listen.push_back("unix:" + state.socket().string());
  std::optional<TlsIdentity> tls;
  if (!options.tls.cert.empty() || !options.tls.key.empty() || !options.tls.client_ca.empty()) {
    TRY_ASSIGN(tls, LoadTls(options.tls));
  }
  for (const std::string& address : listen) TRY(CheckListenAddress(address, tls.has_value()));
  for (const std::string& address : options.http) TRY(CheckHttpAddress(address, tls.has_value()));

  TRY_ASSIGN(Store store, Store::Open(state.database()));
  TRY_ASSIGN(ArtifactFolder artifacts, ArtifactFolder::Open(state.artifacts()));
  TRY_ASSIGN(const Catalog catalog, LoadFirmware(options.firmware_dir, artifacts));
  for (const Bundle& bundle : catalog.bundles()) {
    TRY(store.SaveFirmware(bundle.build_id, bundle.provenance));
  }
  if (catalog.bundles().empty()) spdlog::warn("no firmware in {}", options.firmware_dir.string());

  asio::io_context io;
  // More threads than cores: some of them wait for disks and for users' queries.
  asio::thread_pool pool(std::max(4u, 2 * std::thread::hardware_concurrency()));
  const Executors executors{io, pool};
  const Clock clock;
  ReaderPool readers(state.database());
  EventHub hub;
  PlanCache plans;
  Judge judge(artifacts, readers, catalog);
  const std::string instance_id = RandomId();
  TRY_ASSIGN(ReferenceJobs references,
             ReferenceJobs::Prepare(options.reference_model, catalog, artifacts));
  Dispatcher dispatcher(executors, clock, store, hub, judge, std::move(references),
                        options.reference_policy, catalog.BoardTypes(), instance_id);
  TRY(dispatcher.Start());
  TRY_ASSIGN(MethodRules rules, RulesOfServices());
  Gate gate(clock, executors, store, std::move(rules));
  TRY(gate.Load());
  const UserQueryLimits query_limits{.max_time = options.query_time};
  Backend backend{executors, clock, store, dispatcher, readers,     artifacts,
                  catalog,   hub,   plans, gate,       instance_id, query_limits};
  TRY_ASSIGN(const std::unique_ptr<ApiServer> api, ApiServer::Start(backend, listen, tls));

  Probes probes(backend, state.dir());
  probes.Start();
  TRY_ASSIGN(std::shared_ptr<grpc::Channel> channel, api->InProcessChannel());
  TRY_ASSIGN(const std::unique_ptr<Gateway> gateway,
             Gateway::Start(std::move(channel), options.http, tls, probes));

  // The end: streams are told, calls finish, work that was accepted is done, then the io thread has
  // nothing left.
  auto keep_running = asio::make_work_guard(io);
  std::thread stopper;
  asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code& error, int signal) {
    if (error) return;
    spdlog::info("stopping on signal {}", signal);
    NotifyManager("STOPPING=1");
    dispatcher.Stop();
    probes.Stop();
    gateway->Close();
    stopper = std::thread([&] {
      api->Shutdown();
      pool.join();
      keep_running.reset();
    });
  });
  std::vector<std::string> reachable = api->addresses();
  for (const std::string& address : gateway->addresses()) {
    reachable.push_back((tls ? "https://" : "http://") + address);
  }
  const std::string addresses = fmt::format("{}", fmt::join(reachable, " "));
  fmt::print("tinyrigd ready: {}\n", addresses);
  std::fflush(stdout);
  NotifyManager("READY=1\nSTATUS=listening on " + addresses);
  io.run();
  if (stopper.joinable()) stopper.join();
  return {};
}

}  // namespace tinyrig::server
