#include "tests/integration/firmware/qemu_board.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace tinyrig::device {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What the virtual board does for each port, and a plain QEMU has to be told.
struct Machine {
  const char* port;
  const char* name;
  uint32_t unique_id_address;
  uint32_t uart_control;
  int serial;
};
constexpr Machine kMachines[] = {{"virtual_m4", "mps2-an386", 0x003FFFF0, 0x40004008, 0},
                                 {"virtual_f4", "netduinoplus2", 0x2002FFF0, 0x4001100C, 0},
                                 {"virtual_m7", "mps2-an500", 0x003FFFF0, 0x40004008, 0},
                                 // USART3; QEMU has no memory where the part has its id.
                                 {"nucleo_f412zg", "netduinoplus2", 0, 0x4000480C, 2}};

void WriteFile(const std::string& path, const std::vector<std::byte>& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

int Connect(const std::string& path, steady_clock::time_point deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  while (steady_clock::now() < deadline) {
    const int link = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(link, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return link;
    close(link);
    std::this_thread::sleep_for(milliseconds(10));
  }
  return -1;
}

}  // namespace

QemuBoard::QemuBoard(const QemuImage& image) {
  char folder[] = "/tmp/tinyrig-qemu-XXXXXX";
  folder_ = mkdtemp(folder);
  const std::string serial = folder_ + "/uart";
  const std::string monitor = folder_ + "/monitor";
  const std::string qtest = folder_ + "/qtest";
  std::vector<std::string> arguments = {"qemu-system-arm", "-M",  image.machine, "-accel", "tcg",
                                        "-display",        "none"};
  const std::pair<const char*, std::string> options[] = {
      {"-icount", "shift=6,sleep=off"},
      {"-monitor", "unix:" + monitor + ",server=on,wait=off"},
      {"-qtest", "unix:" + qtest + ",server=on,wait=off"},
      {"-qtest-log", "none"}};
  for (const auto& [name, value] : options) {
    arguments.push_back(name);
    arguments.push_back(value);
  }
  for (int i = 0; i <= image.serial; ++i) {
    arguments.push_back("-serial");
    arguments.push_back(i < image.serial ? "null" : "unix:" + serial + ",server=on,wait=on");
  }
  const auto load = [&](const std::string& what) {
    arguments.push_back("-device");
    arguments.push_back("loader," + what);
  };
  load("file=" + image.bin + ",addr=" + std::to_string(image.load_address) + ",force-raw=on");
  if (!image.blob.empty()) {
    WriteFile(folder_ + "/blob", image.blob);
    load("file=" + folder_ + "/blob,addr=" + std::to_string(image.blob_address) + ",force-raw=on");
  }
  if (image.unique_id_address != 0) {
    WriteFile(folder_ + "/uid", image.unique_id);
    load("file=" + folder_ + "/uid,addr=" + std::to_string(image.unique_id_address) +
         ",force-raw=on");
  }
  if (image.mailbox_address != 0) {
    load("addr=" + std::to_string(image.mailbox_address) +
         ",data=" + std::to_string(image.mailbox) + ",data-len=4");
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  const std::string log = folder_ + "/log";
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int out = open(log.c_str(), O_CREAT | O_WRONLY, 0600);
    dup2(out, 1);
    dup2(out, 2);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  const auto deadline = steady_clock::now() + milliseconds(10000);
  link_ = Connect(serial, deadline);
  monitor_ = Connect(monitor, deadline);
  qtest_ = Connect(qtest, deadline);
  if (link_ < 0 || monitor_ < 0 || qtest_ < 0) {
    std::ifstream text(log);
    ADD_FAILURE() << "qemu-system-arm did not start: "
                  << std::string(std::istreambuf_iterator<char>(text), {});
    return;
  }
  WaitForUart(image.uart_control, deadline);
}

// What an STM32's receiver hears before it is turned on is lost.
void QemuBoard::WaitForUart(uint32_t control, steady_clock::time_point deadline) {
  while (ReadWord(control) == 0) {
    ASSERT_LT(steady_clock::now(), deadline) << "the firmware does not turn on its UART";
    std::this_thread::sleep_for(milliseconds(2));
  }
}

QemuBoard::~QemuBoard() {
  if (link_ >= 0) close(link_);
  if (monitor_ >= 0) close(monitor_);
  if (qtest_ >= 0) close(qtest_);
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void QemuBoard::Send(const uint8_t* bytes, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(link_, bytes, size, MSG_NOSIGNAL);
    if (sent <= 0) {
      ADD_FAILURE() << "the machine ended";
      return;
    }
    bytes += sent;
    size -= static_cast<size_t>(sent);
  }
}

std::optional<FrameView> QemuBoard::Receive(steady_clock::time_point deadline) {
  for (;;) {
    while (at_ < received_.size()) {
      if (decoder_.Push(received_[at_++]) == FrameDecoder::Event::kFrame) return decoder_.frame();
    }
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
    pollfd ready = {link_, POLLIN, 0};
    if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) <= 0) return std::nullopt;
    received_.resize(4096);
    at_ = 0;
    const ssize_t size = recv(link_, received_.data(), received_.size(), 0);
    received_.resize(size > 0 ? static_cast<size_t>(size) : 0);
    if (size <= 0) return std::nullopt;
  }
}

std::vector<std::byte> QemuBoard::ReadMemory(uint32_t address, size_t size) {
  const std::string path = folder_ + "/memory";
  const std::string command =
      "pmemsave " + std::to_string(address) + " " + std::to_string(size) + " \"" + path + "\"\n";
  EXPECT_EQ(send(monitor_, command.data(), command.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(command.size()));
  const auto deadline = steady_clock::now() + milliseconds(10000);
  std::error_code absent;
  while (std::filesystem::file_size(path, absent) != size && steady_clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  std::vector<std::byte> bytes(size);
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)));
  std::filesystem::remove(path, absent);
  return bytes;
}

std::string QemuBoard::Qtest(const std::string& command) {
  const std::string line = command + "\n";
  EXPECT_EQ(send(qtest_, line.data(), line.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(line.size()));
  std::string reply;
  while (!reply.ends_with('\n')) {
    char part[4096];
    const ssize_t size = recv(qtest_, part, sizeof(part), 0);
    if (size <= 0) break;
    reply.append(part, static_cast<size_t>(size));
  }
  EXPECT_TRUE(reply.starts_with("OK")) << command << ": " << reply;
  return reply.size() > 3 ? reply.substr(3) : "";
}

uint32_t QemuBoard::ReadWord(uint32_t address) {
  const std::string value = Qtest("readl " + std::to_string(address));
  return static_cast<uint32_t>(std::strtoull(value.c_str(), nullptr, 16));
}

void QemuBoard::WriteWord(uint32_t address, uint32_t value) {
  Qtest("writel " + std::to_string(address) + " " + std::to_string(value));
}

std::vector<uint8_t> QemuBoard::ReadBytes(uint32_t address, size_t size) {
  const std::string hex =
      Qtest("read " + std::to_string(address) + " " + std::to_string(size));  // 0x00112233...
  std::vector<uint8_t> bytes;
  for (size_t at = 2; at + 1 < hex.size() && bytes.size() < size; at += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(hex.substr(at, 2), nullptr, 16)));
  }
  EXPECT_EQ(bytes.size(), size);
  return bytes;
}

void QemuBoard::WriteBytes(uint32_t address, const std::vector<uint8_t>& bytes) {
  std::string hex = "0x";
  for (uint8_t byte : bytes) {
    const char digits[] = "0123456789abcdef";
    hex += {digits[byte >> 4], digits[byte & 15]};
  }
  Qtest("write " + std::to_string(address) + " " + std::to_string(bytes.size()) + " " + hex);
}

milliseconds QemuBoard::CpuTime() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string text(std::istreambuf_iterator<char>(file), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  long user = 0, system = 0;
  fields >> user >> system;
  return milliseconds((user + system) * 1000 / sysconf(_SC_CLK_TCK));
}

Bundle ReadBundle(const std::string& name, const std::string& folder) {
  const char* build = std::getenv("TINYRIG_BUILD_DIR");
  const std::string path = std::string(build ? build : ".") + "/" + folder + "/" + name;
  std::ifstream file(path + ".json");
  if (!file) {
    ADD_FAILURE() << path << ".json is missing; build the target firmware_bundles";
    return {};
  }
  return {nlohmann::json::parse(file), path + ".bin"};
}

Bundle ReadTestProgram(const std::string& port, const std::string& name) {
  return ReadBundle(name, "firmware/image-" + port + "/test");
}

QemuImage MakeImage(const Bundle& bundle, const std::vector<std::byte>& blob) {
  QemuImage image;
  for (const Machine& machine : kMachines) {
    if (bundle.json.value("port", "") != machine.port) continue;
    image.machine = machine.name;
    image.unique_id_address = machine.unique_id_address;
    image.uart_control = machine.uart_control;
    image.serial = machine.serial;
  }
  image.load_address = bundle.json.value("load_address", 0u);
  image.bin = bundle.bin_path;
  image.blob = blob;
  image.blob_address = bundle.json.value("blob_address", 0u);
  image.mailbox_address = bundle.json.value("mailbox_address", 0u);
  image.mailbox = 0xC0FFEE42;
  for (int i = 0; i < 12; ++i) image.unique_id.push_back(static_cast<std::byte>(0xA0 + i));
  return image;
}

}  // namespace tinyrig::device
