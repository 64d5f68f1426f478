#include "server/api/server_service.h"

#include "server/api/unary.h"
#include "server/store/schema.h"

namespace tinyrig::server {

grpc::ServerUnaryReactor* ServerServiceImpl::GetServerInfo(grpc::CallbackServerContext* context,
                                                           const v1::GetServerInfoRequest* request,
                                                           v1::ServerInfo* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    response->set_version(TINYRIG_VERSION);
    response->set_schema_version(SchemaVersion());
    response->set_instance_id(backend_.instance_id);
    for (const Bundle& bundle : backend_.catalog.bundles()) response->add_firmware(bundle.Name());
    return {};
  });
}

}  // namespace tinyrig::server
