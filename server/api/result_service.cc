#include "server/api/result_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <semaphore>

#include "server/api/pull_stream.h"
#include "server/api/unary.h"
#include "server/service/front_query.h"
#include "server/service/job_comparison.h"
#include "server/store/user_query.h"

namespace tinyrig::server {
namespace {

constexpr int kMaxQueries = 2;
std::counting_semaphore<kMaxQueries> query_slots{kMaxQueries};

// Runs the statement when the client asks for the first row, then hands out what it gave.
class QueryStream final : public PullStream<v1::QueryRow> {
 public:
  QueryStream(Backend& backend, const v1::QueryRequest& request)
      : PullStream(backend), sql_(request.sql()), max_rows_(request.max_rows()) {}

  Step Next(v1::QueryRow* message, Status* status) override {
    if (!started_) {
      started_ = true;
      UserQueryLimits limits = backend_.query_limits;
      if (max_rows_ != 0) limits.max_rows = std::min(max_rows_, limits.max_rows);
      Result<UserQueryResult> result = Status(
          Code::kResourceExhausted,
          fmt::format("{} queries are running already; try again in a few seconds", kMaxQueries));
      // Others plan and judge on the same pool: queries never get all of its threads.
      if (query_slots.try_acquire()) {
        result = RunUserQuery(backend_.readers.file(), sql_, limits);
        query_slots.release();
      }
      if (!result.ok()) {
        *status = result.status();
        return Step::kEnd;
      }
      result_ = std::move(*result);
      for (const std::string& column : result_.columns) message->add_columns(column);
      message->set_truncated(result_.truncated && result_.rows.empty());
      return Step::kMessage;
    }
    if (next_ == result_.rows.size()) return Step::kEnd;
    *message = std::move(result_.rows[next_++]);
    message->set_truncated(result_.truncated && next_ == result_.rows.size());
    return Step::kMessage;
  }

 private:
  const std::string sql_;
  const uint32_t max_rows_;
  bool started_ = false;
  UserQueryResult result_;
  size_t next_ = 0;
};

}  // namespace

grpc::ServerUnaryReactor* ResultServiceImpl::ListResults(grpc::CallbackServerContext* context,
                                                         const v1::ListResultsRequest* request,
                                                         v1::ListResultsResponse* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    ResultFilter filter;
    filter.campaign = CampaignId(request->campaign_id());
    filter.job = JobId(request->job_id());
    filter.with_layers = request->with_layers();
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    TRY_ASSIGN(PageOf<v1::JobResult> page, reader->ListResults(filter, request->page()));
    for (v1::JobResult& result : page.items) *response->add_results() = std::move(result);
    response->set_next_page_token(page.next);
    return {};
  });
}

grpc::ServerUnaryReactor* ResultServiceImpl::GetFront(grpc::CallbackServerContext* context,
                                                      const v1::GetFrontRequest* request,
                                                      v1::Front* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    return Fill(response, QueryFront(*reader, *request));
  });
}

grpc::ServerUnaryReactor* ResultServiceImpl::CompareJobs(grpc::CallbackServerContext* context,
                                                         const v1::CompareJobsRequest* request,
                                                         v1::CompareJobsResponse* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    return Fill(response, tinyrig::server::CompareJobs(*reader, *request));
  });
}

grpc::ServerWriteReactor<v1::QueryRow>* ResultServiceImpl::Query(
    grpc::CallbackServerContext* context, const v1::QueryRequest* request) {
  return QueryStream::Start(context, request, std::make_shared<QueryStream>(backend_, *request));
}

}  // namespace tinyrig::server
