#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace tinyrig::agent {

/// SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  void Update(std::string_view bytes);
  /// Lower-case hex, once; empty (so equal to no hash) when libcrypto failed.
  std::string Hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  bool ok_ = false;
};

}  // namespace tinyrig::agent
