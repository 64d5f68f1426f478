#include "server/api/board_service.h"

#include "server/api/unary.h"

namespace tinyrig::server {

grpc::ServerUnaryReactor* BoardServiceImpl::ListBoards(grpc::CallbackServerContext* context,
                                                       const v1::ListBoardsRequest*,
                                                       v1::ListBoardsResponse* response) {
  return OnIo(context, backend_, [=, this]() -> Status {
    for (v1::Board& board : backend_.dispatcher.Boards())
      *response->add_boards() = std::move(board);
    return {};
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::GetBoard(grpc::CallbackServerContext* context,
                                                     const v1::GetBoardRequest* request,
                                                     v1::Board* response) {
  return OnIo(context, backend_, [=, this]() -> Status {
    return Fill(response, backend_.dispatcher.GetBoard(BoardId(request->board_id())));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::ListBoardTypes(grpc::CallbackServerContext* context,
                                                           const v1::ListBoardTypesRequest*,
                                                           v1::ListBoardTypesResponse* response) {
  return OnPool(context, backend_, [=, this]() -> Status {
    for (v1::BoardType& type : backend_.catalog.BoardTypes())
      *response->add_board_types() = std::move(type);
    return {};
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::ListAgents(grpc::CallbackServerContext* context,
                                                       const v1::ListAgentsRequest*,
                                                       v1::ListAgentsResponse* response) {
  return OnIo(context, backend_, [=, this]() -> Status {
    for (v1::Agent& agent : backend_.dispatcher.Agents())
      *response->add_agents() = std::move(agent);
    return {};
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::ReserveBoard(grpc::CallbackServerContext* context,
                                                         const v1::ReserveBoardRequest* request,
                                                         v1::Board* response) {
  return OnIo(context, backend_, [=, this]() -> Status {
    return Fill(response, backend_.dispatcher.Reserve(*request));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::ReleaseBoard(grpc::CallbackServerContext* context,
                                                         const v1::ReleaseBoardRequest* request,
                                                         v1::Board* response) {
  return OnIo(context, backend_, [=, this]() -> Status {
    return Fill(response, backend_.dispatcher.Release(*request));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::SetMaintenance(grpc::CallbackServerContext* context,
                                                           const v1::SetMaintenanceRequest* request,
                                                           v1::Board* response) {
  return OnIo(context, backend_, [=, this]() -> Status {
    return Fill(response, backend_.dispatcher.SetMaintenance(*request));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::RecoverBoard(grpc::CallbackServerContext* context,
                                                         const v1::RecoverBoardRequest* request,
                                                         v1::Board* response) {
  auto* reactor = context->DefaultReactor();
  boost::asio::post(backend_.executors.io, [this, reactor, request, response] {
    backend_.dispatcher.Recover(BoardId(request->board_id()),
                                [reactor, response](Result<v1::Board> board) {
                                  reactor->Finish(ToGrpc(Fill(response, std::move(board))));
                                });
  });
  return reactor;
}

}  // namespace tinyrig::server
