#include <cstdint>

#include "firmware/ports/port.h"
#include "firmware/runtime/kernels/kernel.h"

/// A kernel set whose RESHAPE does what the first byte of its input says: copies, crashes in one of
/// the ways of fault_test.cc, or copies and leaves its arena.
namespace tinyrig::runtime {
namespace {

Code Accept(const OpCheck&) { return Code::kOk; }

[[gnu::noinline]] uint32_t Recurse(uint32_t depth) {
  volatile uint32_t local[16] = {depth};
  return depth == 0 ? 0 : Recurse(depth - 1) + local[0];
}

/// An address that the compiler does not see through.
volatile uint32_t* At(uintptr_t address) {
  asm volatile("" : "+r"(address));
  return reinterpret_cast<volatile uint32_t*>(address);
}

uintptr_t AddressOf(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

[[gnu::noinline]] void BigFrame() {
  volatile uint8_t local[8192];
  for (auto& byte : local) byte = 0;
}

void Copy(const OpContext& context) {
  const int8_t* input = context.input_data();
  for (uint32_t i = 0; i < context.output().dims[0]; ++i) context.output_data()[i] = input[i];
}

/// Changes every bit, so that no byte written looks unwritten.
void WriteBeyondArena(const OpContext& context, uint32_t bytes) {
  std::byte* end = context.arena + context.InBlob<BlobHeader>(0)->arena_bytes;
  for (uint32_t i = 0; i < bytes; ++i) end[i] = ~end[i];
}

void Misbehave(const OpContext& context) {
  const int8_t* input = context.input_data();
  const port::Memory memory = port::GetMemory();
  switch (input[0]) {
    case 1:
      Recurse(100000);
      break;
    case 2:
      BigFrame();
      break;
    case 3:
      *At(AddressOf(memory.code.data()) + 16) = 1;  // into the vector table
      break;
    case 4:
      __builtin_trap();  // an undefined instruction
      break;
    case 5:
      static_cast<void>(*At(AddressOf(memory.arena.data() + memory.arena.size())));  // past RAM
      break;
    case 6:
      reinterpret_cast<void (*)()>(AddressOf(memory.stack.data()) + 1)();  // code in RAM (Thumb)
      break;
    case 7:
      static_cast<void>(*At(0xB0000000));  // nobody answers
      break;
    case 8:
      Copy(context);
      WriteBeyondArena(context, 16);
      break;
    case 9:
      Copy(context);
      WriteBeyondArena(context, 100);  // over the staged input
      break;
    default:
      Copy(context);
  }
}

constexpr Kernel kKernels[] = {{OpKind::kReshape, WeightForm::kPlain, Accept, Misbehave}};
constexpr KernelSet kSet = {KernelSetId::kReference, kKernels};

}  // namespace

const KernelSet& LinkedKernels() { return kSet; }

}  // namespace tinyrig::runtime
