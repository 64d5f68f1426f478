#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/integration/server/client.h"
#include "tests/integration/server/fake_agent.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

constexpr int kBoards = 130;  // More than a page that asks for no size.

/// Lists of boards, agents and windows come in pages, as all others do.
class PagingTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Start());
    for (int i = 0; i < kBoards; ++i) names_.push_back(fmt::format("b{:03}", i));
    agent_ = std::make_unique<FakeAgent>(server_.address(), names_);
    ASSERT_TRUE(agent_->Connect());
    ASSERT_TRUE(Eventually([&] { return Page(0, "").boards_size() == 100; }));
  }

  v1::ListBoardsResponse Page(uint32_t size, const std::string& token,
                              const std::string& expression = "") {
    v1::ListBoardsRequest request;
    request.mutable_page()->set_size(size);
    request.mutable_page()->set_token(token);
    request.set_expression(expression);
    v1::ListBoardsResponse response;
    auto context = Client::Context();
    const grpc::Status status = client_.boards->ListBoards(context.get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  /// Names of all pages, and how many there were.
  std::vector<std::string> AllPages(uint32_t size, const std::string& expression, int* pages) {
    std::vector<std::string> names;
    std::string token;
    *pages = 0;
    do {
      const v1::ListBoardsResponse page = Page(size, token, expression);
      EXPECT_LE(page.boards_size(), static_cast<int>(size));
      for (const v1::Board& board : page.boards()) names.push_back(board.board_id());
      token = page.next_page_token();
      ++*pages;
    } while (!token.empty() && *pages < kBoards);
    return names;
  }

  ServerProcess server_;
  Client client_{server_.address()};
  std::vector<std::string> names_;
  std::unique_ptr<FakeAgent> agent_;
};

TEST_F(PagingTest, BoardsComeOnceAndInOrder) {
  int pages = 0;
  EXPECT_EQ(AllPages(7, "", &pages), names_);
  EXPECT_EQ(pages, 19);
  EXPECT_EQ(AllPages(65, "", &pages), names_);
  EXPECT_EQ(pages, 2) << "a last page that is full has none after it";
  EXPECT_EQ(Page(5'000, "").boards_size(), kBoards);
  EXPECT_EQ(Page(0, "").next_page_token(), "b099");
}

TEST_F(PagingTest, AnExpressionCountsWhatMatches) {
  int pages = 0;
  const std::string some = "board == b001 || board == b050 || board == b129";
  EXPECT_EQ(AllPages(2, some, &pages), (std::vector<std::string>{"b001", "b050", "b129"}));
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(AllPages(3, some, &pages).size(), 3u);
  EXPECT_EQ(pages, 1);
}

TEST_F(PagingTest, TokensOfNoPageAreRefused) {
  for (const std::string& token :
       {std::string("nobody"), std::string("b1"), std::string("../b001"), std::string(1, '\0'),
        std::string("-1"), std::string("99999999999999999999"), std::string(100'000, 'b')}) {
    v1::Page page;
    page.set_token(token);
    v1::ListBoardsRequest boards;
    *boards.mutable_page() = page;
    v1::ListBoardsResponse no_boards;
    auto boards_context = Client::Context();
    EXPECT_EQ(client_.boards->ListBoards(boards_context.get(), boards, &no_boards).error_code(),
              grpc::INVALID_ARGUMENT);
    v1::ListAgentsRequest agents;
    *agents.mutable_page() = page;
    v1::ListAgentsResponse no_agents;
    auto agents_context = Client::Context();
    EXPECT_EQ(client_.boards->ListAgents(agents_context.get(), agents, &no_agents).error_code(),
              grpc::INVALID_ARGUMENT);
    v1::ListWindowsRequest windows;
    *windows.mutable_page() = page;
    v1::ListWindowsResponse no_windows;
    auto windows_context = Client::Context();
    EXPECT_EQ(client_.boards->ListWindows(windows_context.get(), windows, &no_windows).error_code(),
              grpc::INVALID_ARGUMENT);
  }
}

TEST_F(PagingTest, AgentsToo) {
  FakeAgent second(server_.address(), {}, "bench-2");
  FakeAgent third(server_.address(), {}, "bench-3");
  ASSERT_TRUE(second.Connect());
  ASSERT_TRUE(third.Connect());
  std::vector<std::string> seen;
  const auto read = [&] {
    seen.clear();
    v1::ListAgentsRequest request;
    request.mutable_page()->set_size(2);
    do {
      v1::ListAgentsResponse page;
      auto context = Client::Context();
      EXPECT_TRUE(client_.boards->ListAgents(context.get(), request, &page).ok());
      EXPECT_LE(page.agents_size(), 2);
      for (const v1::Agent& agent : page.agents()) seen.push_back(agent.agent_id());
      request.mutable_page()->set_token(page.next_page_token());
    } while (!request.page().token().empty() && seen.size() < 10);
    return seen.size() == 3;
  };
  EXPECT_TRUE(Eventually(read));
  EXPECT_EQ(seen, (std::vector<std::string>{"bench-1", "bench-2", "bench-3"}));
}

TEST_F(PagingTest, WindowsTooAlsoWhenOneGoesBetweenTwoPages) {
  for (int i = 1; i <= 5; ++i) {
    v1::AddWindowRequest request;
    request.set_idempotency_key(std::to_string(i));
    request.mutable_window()->set_expression("board == b001");
    request.mutable_window()->set_start_us(4'000'000'000'000'000);
    request.mutable_window()->set_duration_us(1'000'000);
    v1::MaintenanceWindow added;
    auto context = Client::Context();
    ASSERT_TRUE(client_.boards->AddWindow(context.get(), request, &added).ok());
  }
  std::vector<uint64_t> seen;
  v1::ListWindowsRequest request;
  request.mutable_page()->set_size(2);
  do {
    v1::ListWindowsResponse page;
    auto context = Client::Context();
    ASSERT_TRUE(client_.boards->ListWindows(context.get(), request, &page).ok());
    for (const v1::MaintenanceWindow& window : page.windows()) seen.push_back(window.window_id());
    request.mutable_page()->set_token(page.next_page_token());
    if (seen.size() == 2) {
      v1::RemoveWindowRequest remove;
      remove.set_window_id(2);
      v1::MaintenanceWindow removed;
      auto remove_context = Client::Context();
      ASSERT_TRUE(client_.boards->RemoveWindow(remove_context.get(), remove, &removed).ok());
    }
  } while (!request.page().token().empty());
  EXPECT_EQ(seen, (std::vector<uint64_t>{1, 2, 3, 4, 5}));
}

TEST_F(PagingTest, TheCommandLineReadsAllPages) {
  const char* build = std::getenv("TINYRIG_BUILD_DIR");
  const std::string command = fmt::format("'{}/bin/tinyrig' boards --json --server '{}'",
                                          build == nullptr ? "." : build, server_.address());
  FILE* out = popen(command.c_str(), "r");
  ASSERT_NE(out, nullptr);
  std::string text;
  for (int c = std::fgetc(out); c != EOF; c = std::fgetc(out)) text += static_cast<char>(c);
  ASSERT_EQ(pclose(out), 0);
  for (const std::string& name : names_) {
    EXPECT_NE(text.find('"' + name + '"'), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace tinyrig::server
