#include "server/api/server_service.h"

#include "server/api/unary.h"
#include "server/service/store_care.h"
#include "server/store/schema.h"

namespace tinyrig::server {

void ServerServiceImpl::Describe(v1::ServerInfo* info) const {
  info->set_version(TINYRIG_VERSION);
  info->set_schema_version(SchemaVersion());
  info->set_instance_id(backend_.instance_id);
  for (const Bundle& bundle : backend_.catalog.bundles()) info->add_firmware(bundle.Name());
  const Scheduler& scheduler = backend_.dispatcher.scheduler();
  info->set_draining(scheduler.draining());
  info->set_leased(static_cast<uint32_t>(scheduler.leased()));
  info->set_queued(static_cast<uint32_t>(scheduler.queued()));
}

grpc::ServerUnaryReactor* ServerServiceImpl::GetServerInfo(grpc::CallbackServerContext* context,
                                                           const v1::GetServerInfoRequest* request,
                                                           v1::ServerInfo* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    Describe(response);
    return {};
  });
}

grpc::ServerUnaryReactor* ServerServiceImpl::SetDrain(grpc::CallbackServerContext* context,
                                                      const v1::SetDrainRequest* request,
                                                      v1::ServerInfo* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    backend_.dispatcher.SetDrain(request->drain());
    Describe(response);
    return {};
  });
}

grpc::ServerUnaryReactor* ServerServiceImpl::CheckStore(grpc::CallbackServerContext* context,
                                                        const v1::CheckStoreRequest* request,
                                                        v1::CheckStoreResponse* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    return Fill(response, tinyrig::server::CheckStore(backend_.readers.file(), backend_.artifacts,
                                                      request->deep()));
  });
}

grpc::ServerUnaryReactor* ServerServiceImpl::Backup(grpc::CallbackServerContext* context,
                                                    const v1::BackupRequest* request,
                                                    v1::BackupResponse* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    return Fill(response, MakeBackup(backend_.readers.file(), request->name(),
                                     [context] { return context->IsCancelled(); }));
  });
}

grpc::ServerUnaryReactor* ServerServiceImpl::Prune(grpc::CallbackServerContext* context,
                                                   const v1::PruneRequest* request,
                                                   v1::PruneResponse* response) {
  return Admitted(context, backend_, request, [=, this](UnaryCall call) {
    const PruneParts parts{backend_.executors, backend_.store, backend_.artifacts,
                           backend_.readers.file(), [context] { return context->IsCancelled(); }};
    tinyrig::server::Prune(parts, *request, [=](Result<v1::PruneResponse> pruned) mutable {
      call.Finish(Fill(response, std::move(pruned)));
    });
  });
}

}  // namespace tinyrig::server
