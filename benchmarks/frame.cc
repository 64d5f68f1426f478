// The codec of the device protocol: every byte that goes to or comes from a board passes it.
#include "proto/device/frame.h"

#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "proto/device/crc32c.h"

namespace {

using namespace tinyrig::device;

std::vector<uint8_t> RandomBytes(size_t size) {
  std::mt19937 random(1);
  std::vector<uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

void BM_Encode(benchmark::State& state) {
  const auto payload = RandomBytes(static_cast<size_t>(state.range(0)));
  uint8_t wire[kMaxEncoded];
  for (auto _ : state) {
    benchmark::DoNotOptimize(EncodeFrame(FrameType::kVectorChunk, 0, 1, payload.data(),
                                         payload.size(), nullptr, 0, wire, sizeof(wire)));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Encode)->Arg(64)->Arg(1024);

void BM_Decode(benchmark::State& state) {
  const auto payload = RandomBytes(static_cast<size_t>(state.range(0)));
  uint8_t wire[kMaxEncoded];
  const size_t size = EncodeFrame(FrameType::kVectorChunk, 0, 1, payload.data(), payload.size(),
                                  nullptr, 0, wire, sizeof(wire));
  FrameDecoder decoder;
  for (auto _ : state) {
    for (size_t i = 0; i < size; ++i) benchmark::DoNotOptimize(decoder.Push(wire[i]));
  }
  if (decoder.bad_frames() != 0) state.SkipWithError("a frame did not decode");
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Decode)->Arg(64)->Arg(1024);

void BM_Crc32c(benchmark::State& state) {
  const auto bytes = RandomBytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Crc32c(bytes.data(), bytes.size()));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Crc32c)->Arg(64)->Arg(65536);

}  // namespace
