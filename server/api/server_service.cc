#include "server/api/server_service.h"

#include "server/api/unary.h"
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

}  // namespace tinyrig::server
