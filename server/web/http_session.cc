#include "server/web/http_session.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proto/tinyrig/v1/artifacts.pb.h"
#include "server/web/answers.h"
#include "server/web/query_rows.h"

namespace tinyrig::server {
namespace {

namespace http = boost::beast::http;
using Kind = Route::Kind;

constexpr const char* kJson = "application/json";
constexpr std::chrono::seconds kPatience{30};   // For one answer of the API.
constexpr std::chrono::seconds kHeartbeat{10};  // Between comments on a quiet event stream.

// What stands around and between the messages of a stream.
struct Frame {
  const char* type;
  const char* open;
  const char* close;
};

Frame FrameOf(Kind kind) {
  switch (kind) {
    case Kind::kLines:
      return {kJson, "{\"lines\":[", "]}\n"};
    case Kind::kRows:
      return {kJson, "{", "}\n"};
    case Kind::kEvents:
      return {"text/event-stream", "", "event: end\ndata: {}\n\n"};
    default:
      return {"application/octet-stream", "", ""};
  }
}

}  // namespace

boost::asio::awaitable<void> HttpSession::Run() {
  bool go_on = co_await connection_->Handshake();
  while (go_on) {
    request_ = {};
    const int bad = co_await connection_->Read(&request_);
    if (bad < 0) break;
    route_ = "none";
    if (bad > 0) {
      co_await Error(Status(Code::kInvalidArgument, "this is no HTTP request that is taken here"),
                     bad);
      break;
    }
    go_on = co_await Answer();
  }
  connection_->Close();
}

HttpSession::Awaitable HttpSession::Answer() {
  const std::string_view raw(request_.target().data(), request_.target().size());
  const Result<Target> target = ParseTarget(raw);
  if (!target.ok()) co_return co_await Error(target.status());
  const bool post = request_.method() == http::verb::post && target->path == "/api/v1/query";
  if (request_.method() != http::verb::get && !post) {
    route_ = "none";
    Count(405);
    const Status status(Code::kUnimplemented, "this door is for reading: GET only");
    std::string answer = WholeAnswer(405, kJson, ErrorJson(status), false, "Allow: GET\r\n");
    co_await connection_->Write(std::move(answer));
    co_return false;
  }
  if (target->path.starts_with("/api/")) co_return co_await AnswerRoute(*target);
  co_return co_await AnswerOwnPage(target->path);
}

HttpSession::Awaitable HttpSession::AnswerOwnPage(const std::string& path) {
  if (path == "/healthz" || path == "/readyz" || path == "/metrics") route_ = path;
  if (path == "/healthz") co_return co_await Whole(200, "text/plain", "ok\n");
  if (path == "/readyz") {
    const Status ready = co_await shared_.probes.Ready();
    if (!ready.ok()) co_return co_await Whole(503, "text/plain", ready.message() + "\n");
    co_return co_await Whole(200, "text/plain", "ready\n");
  }
  if (path == "/metrics") {
    const std::shared_ptr<Rpc> rpc = Call("AccessService/WhoAmI", "");
    Rpc::Event event = co_await rpc->Next(kPatience);
    while (event == Rpc::Event::kMessage) event = co_await rpc->Next(kPatience);
    if (event == Rpc::Event::kTick) rpc->Cancel();
    if (!rpc->status().ok()) co_return co_await Error(rpc->status());
    std::string text = co_await shared_.probes.Metrics(shared_.answers);
    co_return co_await Whole(200, "text/plain; version=0.0.4", std::move(text));
  }
  co_return co_await Error(Status(Code::kNotFound, "there is nothing; see /api/v1/server"));
}

Result<std::string> HttpSession::RequestFor(const Route& route, const RouteMatch& match,
                                            const Target& target) {
  const auto message = NewRequest(route.method);
  if (request_.method() == http::verb::post) {
    const auto parsed = google::protobuf::util::JsonStringToMessage(request_.body(), message.get());
    if (!parsed.ok()) {
      return Status(Code::kInvalidArgument, "the body is not {\"sql\": \"...\", \"max_rows\": N}");
    }
  }
  TRY_ASSIGN(const Target preset, ParseTarget(fmt::format("?{}", route.preset)));
  TRY(SetFields(preset.parameters, message.get()));
  TRY(SetFields(target.parameters, message.get()));
  // The path last: nothing in the query makes it another job.
  TRY(SetFields(match.parameters, message.get()));
  if (const auto last = request_.find("Last-Event-ID"); last != request_.end()) {
    if (!route.resume.empty()) {
      TRY(SetFields({{std::string(route.resume), std::string(last->value())}}, message.get()));
    }
  }
  return message->SerializeAsString();
}

std::shared_ptr<Rpc> HttpSession::Call(std::string_view method, std::string request) const {
  Rpc::Call call;
  call.method = method;
  call.request = std::move(request);
  call.peer = "http " + peer_;
  if (const auto found = request_.find(http::field::authorization); found != request_.end()) {
    call.authorization = std::string(found->value());
    // gRPC ends the process over metadata that are not printable. No token has such a character.
    const auto odd = [](char c) { return c < ' ' || c > '~'; };
    if (std::ranges::any_of(call.authorization, odd)) call.authorization = "not printable";
  }
  return Rpc::Start(shared_.stub, shared_.io, call);
}

HttpSession::Awaitable HttpSession::AnswerRoute(const Target& target) {
  const RouteMatch match = FindRoute(target.path);
  if (match.route == nullptr) {
    co_return co_await Error(Status(Code::kNotFound, "there is no such page in the API"));
  }
  const Route& route = *match.route;
  route_ = route.pattern;
  const Result<std::string> request = RequestFor(route, match, target);
  if (!request.ok()) {
    // Who may not ask learns nothing of how to ask.
    const std::shared_ptr<Rpc> door = Call("AccessService/WhoAmI", "");
    while (co_await door->Next(kPatience) == Rpc::Event::kMessage) continue;
    const Status refused = door->status();
    if (!refused.ok()) co_return co_await Error(refused);
    co_return co_await Error(request.status());
  }
  std::shared_ptr<Rpc> rpc = Call(route.method, *request);
  const bool whole = route.kind == Kind::kMessage || route.kind == Kind::kText;
  if (whole) co_return co_await AnswerMessage(route, std::move(rpc));
  co_return co_await AnswerStream(route, std::move(rpc));
}

HttpSession::Awaitable HttpSession::AnswerMessage(const Route& route, std::shared_ptr<Rpc> rpc) {
  const auto message = NewResponse(route.method);
  Rpc::Event event = co_await rpc->Next(kPatience);
  if (event == Rpc::Event::kMessage) {
    message->ParseFromString(rpc->TakeMessage());
    event = co_await rpc->Next(kPatience);
  }
  if (event != Rpc::Event::kEnd) {
    rpc->Cancel();
    co_return co_await Error(Status(Code::kDeadlineExceeded, "no answer in time; try again"));
  }
  if (!rpc->status().ok()) co_return co_await Error(rpc->status());
  std::string body = ToJson(*message) + "\n";
  if (route.kind == Kind::kText) {
    const auto* field = message->GetDescriptor()->FindFieldByName("json");
    body = message->GetReflection()->GetString(*message, field);
  }
  co_return co_await Whole(200, kJson, std::move(body));
}

// A message of a stream as the client gets it.
std::string HttpSession::Piece(const Route& route, const std::string& bytes, bool first,
                               bool* truncated) const {
  if (route.kind == Kind::kBytes) {
    v1::ArtifactChunk chunk;
    chunk.ParseFromString(bytes);
    return chunk.data();
  }
  if (route.kind == Kind::kRows) {
    v1::QueryRow row;
    row.ParseFromString(bytes);
    *truncated = row.truncated();
    // The first one has the names, and no values.
    return first ? fmt::format("\"columns\":{},\"rows\":[", ColumnsJson(row)) : RowJson(row);
  }
  const auto message = NewResponse(route.method);
  message->ParseFromString(bytes);
  const std::string json = ToJson(*message);
  if (route.kind == Kind::kLines) return json;
  return fmt::format("id: {}\ndata: {}\n\n", NumberIn(*message, route.place), json);
}

HttpSession::Awaitable HttpSession::AnswerStream(const Route& route, std::shared_ptr<Rpc> rpc) {
  const Frame frame = FrameOf(route.kind);
  const bool events = route.kind == Kind::kEvents;
  const bool chunked = request_.version() >= 11;
  bool truncated = false;
  size_t count = 0;
  // Until something comes a failure is an answer like others; an event stream says hello at once.
  const std::chrono::seconds first_patience = events ? std::chrono::seconds(1) : kPatience;
  Rpc::Event event = co_await rpc->Next(first_patience);
  if (event == Rpc::Event::kEnd && !rpc->status().ok()) co_return co_await Error(rpc->status());
  Count(200);
  std::string out = StreamHead(frame.type, chunked) + Chunk(frame.open, chunked);
  for (;; event = co_await rpc->Next(kHeartbeat)) {
    if (event == Rpc::Event::kEnd) break;
    if (event == Rpc::Event::kTick && events) out += Chunk(":\n\n", chunked);
    if (event == Rpc::Event::kMessage) {
      const bool between =
          route.kind == Kind::kLines ? count > 0 : route.kind == Kind::kRows && count > 1;
      std::string piece = between ? "," : "";
      piece += Piece(route, rpc->TakeMessage(), count == 0, &truncated);
      out += Chunk(piece, chunked);
      ++count;
    }
    if (out.empty()) continue;
    const bool taken = co_await connection_->Write(std::move(out));
    out.clear();
    if (!taken) {
      rpc->Cancel();
      co_return false;
    }
  }
  const Status status = rpc->status();
  if (!status.ok() && !events) co_return false;  // Cut short, and seen to be.
  if (!status.ok()) {
    out += Chunk(fmt::format("event: error\ndata: {}\n", ErrorJson(status)), chunked);
  } else if (route.kind == Kind::kRows) {
    out += Chunk(fmt::format("],\"truncated\":{}{}", truncated, frame.close), chunked);
  } else {
    out += Chunk(frame.close, chunked);
  }
  out += LastChunk(chunked);
  const bool taken = co_await connection_->Write(std::move(out));
  co_return taken&& chunked&& request_.keep_alive();
}

HttpSession::Awaitable HttpSession::Whole(int status, std::string type, std::string body,
                                          std::string extra) {
  Count(status);
  const bool keep_alive = request_.keep_alive() && status != 413 && status != 431;
  std::string answer = WholeAnswer(status, type, body, keep_alive, extra);
  const bool taken = co_await connection_->Write(std::move(answer));
  co_return taken&& keep_alive;
}

HttpSession::Awaitable HttpSession::Error(Status status, int http_status) {
  const int code = http_status != 0 ? http_status : HttpStatusOf(status.code());
  std::string extra = code == 401 ? "WWW-Authenticate: Bearer\r\n" : "";
  std::string body = ErrorJson(status);
  if (http_status != 0) request_.keep_alive(false);
  co_return co_await Whole(code, kJson, std::move(body), std::move(extra));
}

void HttpSession::Count(int status) { ++shared_.answers[{route_, status}]; }

}  // namespace tinyrig::server
