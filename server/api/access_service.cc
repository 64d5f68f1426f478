#include "server/api/access_service.h"

#include "server/api/unary.h"

namespace tinyrig::server {

grpc::ServerUnaryReactor* AccessServiceImpl::WhoAmI(grpc::CallbackServerContext* context,
                                                    const v1::WhoAmIRequest* request,
                                                    v1::Identification* response) {
  return OnPool(context, backend_, request, [=](const Caller& caller) -> Status {
    response->set_user(caller.user);
    response->set_role(caller.role);
    response->set_by(caller.by);
    if (caller.token != nullptr) response->set_expires_us(caller.token->facts.expires_us());
    return {};
  });
}

grpc::ServerUnaryReactor* AccessServiceImpl::CreateToken(grpc::CallbackServerContext* context,
                                                         const v1::CreateTokenRequest* request,
                                                         v1::CreateTokenResponse* response) {
  return OnIo(context, backend_, request, [=, this](const Caller& caller) -> Status {
    return Fill(response, backend_.gate.CreateToken(*request, caller));
  });
}

grpc::ServerUnaryReactor* AccessServiceImpl::ListTokens(grpc::CallbackServerContext* context,
                                                        const v1::ListTokensRequest* request,
                                                        v1::ListTokensResponse* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    return Fill(response, backend_.gate.ListTokens(request->page()));
  });
}

grpc::ServerUnaryReactor* AccessServiceImpl::RevokeToken(grpc::CallbackServerContext* context,
                                                         const v1::RevokeTokenRequest* request,
                                                         v1::Token* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    return Fill(response, backend_.gate.RevokeToken(request->name()));
  });
}

grpc::ServerUnaryReactor* AccessServiceImpl::ListAudit(grpc::CallbackServerContext* context,
                                                       const v1::ListAuditRequest* request,
                                                       v1::ListAuditResponse* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    TRY_ASSIGN(PageOf<v1::AuditEntry> page, reader->ListAudit(request->user(), request->page()));
    for (v1::AuditEntry& entry : page.items) *response->add_entries() = std::move(entry);
    response->set_next_page_token(page.next);
    return {};
  });
}

}  // namespace tinyrig::server
