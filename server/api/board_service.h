#pragma once

#include "proto/tinyrig/v1/boards.grpc.pb.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// tinyrig.v1.BoardService. RecoverBoard answers when the reference job has ended.
class BoardServiceImpl final : public v1::BoardService::CallbackService {
 public:
  explicit BoardServiceImpl(Backend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* ListBoards(grpc::CallbackServerContext* context,
                                       const v1::ListBoardsRequest* request,
                                       v1::ListBoardsResponse* response) override;
  grpc::ServerUnaryReactor* GetBoard(grpc::CallbackServerContext* context,
                                     const v1::GetBoardRequest* request,
                                     v1::Board* response) override;
  grpc::ServerUnaryReactor* ListBoardTypes(grpc::CallbackServerContext* context,
                                           const v1::ListBoardTypesRequest* request,
                                           v1::ListBoardTypesResponse* response) override;
  grpc::ServerUnaryReactor* ListAgents(grpc::CallbackServerContext* context,
                                       const v1::ListAgentsRequest* request,
                                       v1::ListAgentsResponse* response) override;
  grpc::ServerUnaryReactor* AddWindow(grpc::CallbackServerContext* context,
                                      const v1::AddWindowRequest* request,
                                      v1::MaintenanceWindow* response) override;
  grpc::ServerUnaryReactor* ListWindows(grpc::CallbackServerContext* context,
                                        const v1::ListWindowsRequest* request,
                                        v1::ListWindowsResponse* response) override;
  grpc::ServerUnaryReactor* RemoveWindow(grpc::CallbackServerContext* context,
                                         const v1::RemoveWindowRequest* request,
                                         v1::MaintenanceWindow* response) override;
  grpc::ServerUnaryReactor* SetAgentDrain(grpc::CallbackServerContext* context,
                                          const v1::SetAgentDrainRequest* request,
                                          v1::Agent* response) override;
  grpc::ServerUnaryReactor* ReserveBoard(grpc::CallbackServerContext* context,
                                         const v1::ReserveBoardRequest* request,
                                         v1::Board* response) override;
  grpc::ServerUnaryReactor* ReleaseBoard(grpc::CallbackServerContext* context,
                                         const v1::ReleaseBoardRequest* request,
                                         v1::Board* response) override;
  grpc::ServerUnaryReactor* SetMaintenance(grpc::CallbackServerContext* context,
                                           const v1::SetMaintenanceRequest* request,
                                           v1::Board* response) override;
  grpc::ServerUnaryReactor* RecoverBoard(grpc::CallbackServerContext* context,
                                         const v1::RecoverBoardRequest* request,
                                         v1::Board* response) override;
  grpc::ServerBidiReactor<v1::ConsoleRequest, v1::ConsoleOutput>* Console(
      grpc::CallbackServerContext* context) override;

 private:
  Backend& backend_;
};

}  // namespace tinyrig::server
