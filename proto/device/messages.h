#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

/// Fixed little-endian payloads of the device protocol. They need no encoder, so that a board in a
/// fault handler can still send them. Layout is frozen per kProtocolVersion; fields are only ever
/// appended, and a receiver accepts a longer payload than it knows.
namespace tinyrig::device {

inline constexpr uint16_t kProtocolVersion = 1;
inline constexpr uint32_t kHelloMagic = 0x47495254;  ///< "TRIG" in memory.

/// What the counter behind `ticks` counts.
enum class CounterKind : uint8_t {
  kUnknown = 0,
  kVirtualInstructions = 1,  ///< Ticks of an emulator's virtual time; instructions follow exactly.
  kCycles = 2,               ///< Core clock cycles counted by hardware.
  kHostClock = 3,            ///< Nanoseconds of the host: native port only.
};

enum class Phase : uint8_t { kWarmup = 0, kTimed = 1, kObserved = 2 };

enum class FaultKind : uint8_t {
  kUnknown = 0,
  kHardFault = 3,  ///< The exception number, as for the next three.
  kMemManage = 4,
  kBusFault = 5,
  kUsageFault = 6,
  kStackOverflow = 32,
  kPanic = 33,  ///< The firmware gave up by itself; `detail` says where.
};

/// `ticks` of a window that was longer than the counter holds: not a number.
inline constexpr uint32_t kTicksOverflow = 0xFFFFFFFF;

#pragma pack(push, 1)

struct HelloRequest {
  uint16_t protocol_version;
  uint16_t reserved;
  uint32_t token;  ///< Echoed, so that an old HELLO in a buffer is not taken for the answer.
};
static_assert(sizeof(HelloRequest) == 8);

struct Hello {
  uint32_t magic;
  uint16_t protocol_version;
  uint16_t struct_size;
  uint32_t token;
  uint32_t
      mailbox_word;      ///< What the probe wrote into the board's RAM: proves probe and link meet.
  uint8_t mcu_uid[12];   ///< Factory unique id.
  uint8_t build_id[20];  ///< GNU build id of the firmware.
  uint32_t code_size;    ///< Bytes from the load address that code_crc32c covers.
  uint32_t code_crc32c;  ///< Computed by the device over its own memory, now.
  uint32_t blob_size;    ///< 0 when there is no plausible blob header.
  uint32_t blob_crc32c;  ///< Computed by the device over the whole blob, now.
  uint32_t clock_hz;
  uint32_t counter_hz;   ///< Ticks per second of the counter.
  uint32_t arena_limit;  ///< Bytes there are for arena and input staging together.
  uint32_t fault_count;  ///< Faults since power-on that ended in a restart.
  uint16_t rx_window;    ///< Unacknowledged bytes on the wire that the device can take.
  uint8_t counter_kind;  ///< CounterKind.
  uint8_t reserved;
  char port[16];     ///< Zero-padded, e.g. "virtual_m4".
  char kernels[16];  ///< Zero-padded, e.g. "dsp".
};
static_assert(sizeof(Hello) == 116);

/// Head of kVectorChunk. Chunks of one vector come in order; a chunk with kFlagRun and no bytes
/// runs the vector again (this is how a lost result is asked for: running is idempotent).
struct VectorChunk {
  uint64_t nonce;
  uint32_t vector_index;
  uint32_t offset;
};
static_assert(sizeof(VectorChunk) == 16);

/// Answer to every kVectorChunk that is not run. `next_offset` is where the device wants the next
/// byte; a sender that sees another value than it expects goes back to it.
struct ChunkAck {
  uint64_t nonce;
  uint32_t vector_index;
  uint32_t next_offset;
  uint8_t code;  ///< Code; not OK: the chunk was refused and why.
  uint8_t reserved[3];
};
static_assert(sizeof(ChunkAck) == 20);

/// One inference. Nothing is sent inside the measured window.
struct InferenceResult {
  uint64_t nonce;              ///< The job's, from Start: a frame of another run is dropped.
  uint32_t vector_set_crc32c;  ///< From Start.
  uint32_t vector_index;
  uint32_t repetition;
  uint32_t input_crc32c;   ///< Of the bytes the device saw.
  uint32_t output_crc32c;  ///< Of all output tensors, one after the other.
  uint32_t output_size;    ///< Bytes that follow in kOutput frames; 0 when not asked for.
  uint32_t ticks;  ///< Counter ticks of the window, the cost of reading the counter taken off;
                   ///< kTicksOverflow when the window was too long.
  uint8_t phase;   ///< Phase.
  uint8_t code;    ///< Code of the inference.
  uint8_t reserved[2];
};
static_assert(sizeof(InferenceResult) == 40);

/// Head of kOutput.
struct OutputChunk {
  uint64_t nonce;
  uint32_t vector_index;
  uint32_t offset;
};
static_assert(sizeof(OutputChunk) == 16);

/// One operator of an observed run.
struct LayerRecord {
  uint64_t nonce;
  uint32_t vector_index;
  uint16_t op_index;      ///< Of the operators of this run, in the order of execution: 0, 1, 2...
  uint16_t tflite_index;  ///< Position in the model file.
  uint32_t tensor_index;  ///< Output tensor, numbered as in the model file.
  uint32_t bytes;
  uint32_t fnv1a32;  ///< Of the output, right after the operator.
  uint32_t ticks;    ///< Of the operator alone; 0 when not measured.
  uint64_t macs;     ///< That a fused phase did, counted as it ran; 0 of other operators.
};
static_assert(sizeof(LayerRecord) == 40);

/// The last words of a crashing board.
struct Fault {
  uint64_t nonce;  ///< Of the running job, 0 outside.
  uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
  uint32_t sp, exc_return;
  uint32_t cfsr, hfsr, mmfar, bfar;
  uint32_t detail;
  uint8_t kind;  ///< FaultKind.
  uint8_t reserved[3];
};
static_assert(sizeof(Fault) == 72);

#pragma pack(pop)

/// Copies a fixed struct out of a payload. False when the payload is shorter than the struct.
template <typename T>
bool ReadStruct(const void* payload, size_t size, T* out) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (size < sizeof(T)) return false;
  std::memcpy(out, payload, sizeof(T));
  return true;
}

#if defined(__BYTE_ORDER__)
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "both ends must be little-endian");
#endif

}  // namespace tinyrig::device
