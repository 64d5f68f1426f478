#include "tests/integration/server/raw_call.h"

#include <arpa/inet.h>
#include <google/protobuf/unknown_field_set.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tinyrig::server {
namespace {

std::string TextOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return "";
  std::string text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

/// The length-delimited fields with this number, in order.
std::vector<std::string> FieldsOf(const std::string& message, int number) {
  google::protobuf::UnknownFieldSet set;
  std::vector<std::string> values;
  if (!set.ParseFromString(message)) return values;
  for (int i = 0; i < set.field_count(); ++i) {
    const auto& field = set.field(i);
    if (field.number() == number &&
        field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      values.push_back(field.length_delimited());
    }
  }
  return values;
}

}  // namespace

RawAnswer RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                  const std::string& request, const std::string& token, int seconds) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const auto wait = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  wait();
  const grpc::Slice slice(request);
  call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
  wait();
  RawAnswer answer;
  grpc::ByteBuffer message;
  for (bool first = true;; first = false) {
    call->Read(&message, nullptr);
    if (!wait()) break;
    if (first) answer.first_message = TextOf(message);
  }
  call->Finish(&answer.status, nullptr);
  wait();
  return answer;
}

RawStream::RawStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& method)
    : stub_(channel) {
  context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  call_ = stub_.PrepareCall(&context_, method, &queue_);
  call_->StartCall(reinterpret_cast<void*>(kStart));
  Wait(kStart, std::chrono::system_clock::time_point::max());
}

RawStream::~RawStream() {
  context_.TryCancel();
  constexpr auto kForever = std::chrono::system_clock::time_point::max();
  if (reading_) Wait(kRead, kForever);
  grpc::Status status;
  call_->Finish(&status, reinterpret_cast<void*>(kFinish));
  Wait(kFinish, kForever);
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) continue;
}

std::optional<bool> RawStream::Wait(Tag wanted, std::chrono::system_clock::time_point until) {
  while (!happened_.contains(wanted)) {
    void* tag = nullptr;
    bool ok = false;
    if (queue_.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) return std::nullopt;
    happened_[static_cast<Tag>(reinterpret_cast<intptr_t>(tag))] = ok;
  }
  return happened_.extract(wanted).mapped();
}

bool RawStream::Write(const std::string& message) {
  const grpc::Slice slice(message);
  call_->Write(grpc::ByteBuffer(&slice, 1), reinterpret_cast<void*>(kWrite));
  return Wait(kWrite, std::chrono::system_clock::time_point::max()).value_or(false);
}

std::optional<std::string> RawStream::Read(int milliseconds) {
  if (!reading_) call_->Read(&read_, reinterpret_cast<void*>(kRead));
  reading_ = true;
  const auto came =
      Wait(kRead, std::chrono::system_clock::now() + std::chrono::milliseconds(milliseconds));
  if (came) reading_ = false;
  return came.value_or(false) ? std::optional(TextOf(read_)) : std::nullopt;
}

std::string SendBytes(const std::string& address, const std::string& bytes) {
  const size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0) {
    (void)!::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    pollfd ready{fd, POLLIN, 0};
    char buffer[4096];
    ssize_t n = 0;
    while (::poll(&ready, 1, 1000) > 0 && (n = ::recv(fd, buffer, sizeof(buffer), 0)) > 0) {
      answer.append(buffer, static_cast<size_t>(n));
    }
  }
  ::close(fd);
  return answer;
}

// By hand, as grpc++ installs no header for its reflection messages: ServerReflectionRequest has
// list_services = 7, the response list_services_response = 6, with service = 1, with name = 1.
std::vector<std::string> ReflectedServices(const std::shared_ptr<grpc::Channel>& channel) {
  const RawAnswer answer =
      RawCall(channel, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              std::string("\x3a\x00", 2));
  std::vector<std::string> names;
  for (const std::string& list : FieldsOf(answer.first_message, 6)) {
    for (const std::string& service : FieldsOf(list, 1)) {
      for (std::string& name : FieldsOf(service, 1)) names.push_back(std::move(name));
    }
  }
  return names;
}

}  // namespace tinyrig::server
