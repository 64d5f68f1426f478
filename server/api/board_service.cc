#include "server/api/board_service.h"

#include "server/api/bidi_stream.h"
#include "server/api/unary.h"

namespace tinyrig::server {
namespace {

/// A client that reads slower than its board talks loses bytes, and is told.
constexpr size_t kMaxWaiting = 256;
constexpr size_t kMaxInput = 64 << 10;

class ConsoleStream final : public BidiStream<v1::ConsoleRequest, v1::ConsoleOutput>,
                            public ConsoleClient {
 public:
  using BidiStream::BidiStream;

  void Output(v1::ConsoleOutput output) override {
    if (waiting() >= kMaxWaiting) {
      lost_ += output.data().size();
      return;
    }
    if (lost_ > 0) {
      output.set_note("... " + std::to_string(lost_) + " bytes were lost here: read faster. " +
                      output.note());
      lost_ = 0;
    }
    Write(std::move(output));
  }
  void Ended(const Status& why) override { End(why); }

 private:
  void Received(v1::ConsoleRequest& request) override {
    const bool first = console_ == 0;
    if (first != request.has_open()) {
      return End(
          Status(Code::kInvalidArgument, "the first request, and no other, opens a console"));
    }
    if (request.input().size() > kMaxInput) {
      return End(Status(Code::kInvalidArgument, "at most 64 KiB of input at a time"));
    }
    if (!first) return backend_.dispatcher.consoles().Input(console_, request.input());
    const auto self = std::static_pointer_cast<ConsoleStream>(shared_from_this());
    request.mutable_open()->set_user(caller().UserOr(request.open().user()));
    const Result<uint64_t> opened = backend_.dispatcher.OpenConsole(request.open(), self);
    backend_.gate.Record(caller(), request, opened.status());
    if (!opened.ok()) return End(opened.status());
    console_ = *opened;
  }
  void Gone() override { backend_.dispatcher.consoles().Close(console_); }

  uint64_t console_ = 0;
  size_t lost_ = 0;
};

}  // namespace

grpc::ServerUnaryReactor* BoardServiceImpl::ListBoards(grpc::CallbackServerContext* context,
                                                       const v1::ListBoardsRequest* request,
                                                       v1::ListBoardsResponse* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(PageOf<v1::Board> page, backend_.dispatcher.ListBoards(*request));
    for (v1::Board& board : page.items) *response->add_boards() = std::move(board);
    response->set_next_page_token(page.next);
    return {};
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::GetBoard(grpc::CallbackServerContext* context,
                                                     const v1::GetBoardRequest* request,
                                                     v1::Board* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    return Fill(response, backend_.dispatcher.GetBoard(BoardId(request->board_id())));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::ListBoardTypes(grpc::CallbackServerContext* context,
                                                           const v1::ListBoardTypesRequest* request,
                                                           v1::ListBoardTypesResponse* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    for (v1::BoardType& type : backend_.catalog.BoardTypes())
      *response->add_board_types() = std::move(type);
    return {};
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::ListAgents(grpc::CallbackServerContext* context,
                                                       const v1::ListAgentsRequest* request,
                                                       v1::ListAgentsResponse* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(PageOf<v1::Agent> page, backend_.dispatcher.ListAgents(*request));
    for (v1::Agent& agent : page.items) *response->add_agents() = std::move(agent);
    response->set_next_page_token(page.next);
    return {};
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::AddWindow(grpc::CallbackServerContext* context,
                                                      const v1::AddWindowRequest* request,
                                                      v1::MaintenanceWindow* response) {
  return OnIo(context, backend_, request, [=, this](const Caller& caller) -> Status {
    v1::AddWindowRequest wanted = *request;
    wanted.mutable_window()->set_user(caller.UserOr(request->window().user()));
    return Fill(response, backend_.dispatcher.AddWindow(wanted));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::ListWindows(grpc::CallbackServerContext* context,
                                                        const v1::ListWindowsRequest* request,
                                                        v1::ListWindowsResponse* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(PageOf<v1::MaintenanceWindow> page, backend_.dispatcher.ListWindows(*request));
    for (v1::MaintenanceWindow& window : page.items) *response->add_windows() = std::move(window);
    response->set_next_page_token(page.next);
    return {};
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::RemoveWindow(grpc::CallbackServerContext* context,
                                                         const v1::RemoveWindowRequest* request,
                                                         v1::MaintenanceWindow* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    return Fill(response, backend_.dispatcher.RemoveWindow(request->window_id()));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::SetAgentDrain(grpc::CallbackServerContext* context,
                                                          const v1::SetAgentDrainRequest* request,
                                                          v1::Agent* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    return Fill(response, backend_.dispatcher.SetAgentDrain(*request));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::ReserveBoard(grpc::CallbackServerContext* context,
                                                         const v1::ReserveBoardRequest* request,
                                                         v1::Board* response) {
  return OnIo(context, backend_, request, [=, this](const Caller& caller) -> Status {
    v1::ReserveBoardRequest reserve = *request;
    reserve.set_user(caller.UserOr(request->user()));
    return Fill(response, backend_.dispatcher.Reserve(reserve));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::ReleaseBoard(grpc::CallbackServerContext* context,
                                                         const v1::ReleaseBoardRequest* request,
                                                         v1::Board* response) {
  return OnIo(context, backend_, request, [=, this](const Caller& caller) -> Status {
    v1::ReleaseBoardRequest release = *request;
    release.set_user(caller.UserOr(request->user()));
    if (!caller.local && caller.role >= v1::ROLE_OPERATOR) {
      TRY_ASSIGN(const v1::Board board, backend_.dispatcher.GetBoard(BoardId(request->board_id())));
      release.set_user(board.reserved_by());
    }
    return Fill(response, backend_.dispatcher.Release(release));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::SetMaintenance(grpc::CallbackServerContext* context,
                                                           const v1::SetMaintenanceRequest* request,
                                                           v1::Board* response) {
  return OnIo(context, backend_, request, [=, this](const Caller&) -> Status {
    return Fill(response, backend_.dispatcher.SetMaintenance(*request));
  });
}

grpc::ServerUnaryReactor* BoardServiceImpl::RecoverBoard(grpc::CallbackServerContext* context,
                                                         const v1::RecoverBoardRequest* request,
                                                         v1::Board* response) {
  return Admitted(context, backend_, request, [=, this](UnaryCall call) {
    boost::asio::post(backend_.executors.io, [this, call, request, response] {
      const auto done = [call, response](Result<v1::Board> board) mutable {
        call.Finish(Fill(response, std::move(board)));
      };
      backend_.dispatcher.Recover(BoardId(request->board_id()), done);
    });
  });
}

grpc::ServerBidiReactor<v1::ConsoleRequest, v1::ConsoleOutput>* BoardServiceImpl::Console(
    grpc::CallbackServerContext* context) {
  return ConsoleStream::Start(context, std::make_shared<ConsoleStream>(backend_));
}

}  // namespace tinyrig::server
