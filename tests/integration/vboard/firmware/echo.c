// Test firmware of the virtual board: echoes its UART, with a few bytes that do more.
// No libraries, no initialised data: what is not in the image cannot work by accident.

#include <stdint.h>

#define REG(address) (*(volatile uint32_t*)(address))

#ifdef BOARD_F4  // USART1 and TIM2 of the STM32F405
#define UART_DATA REG(0x40011004)
#define UART_STATE REG(0x40011000)
#define TX_FULL_IS 0u
#define TX_FLAG 0x80u  // TXE: empty
#define RX_FLAG 0x20u
#define TIMER_VALUE REG(0x40000024)
static void SetUp(void) {
  REG(0x4001100C) = 0x200C;  // CR1: UE, TE, RE
}
static uint32_t RestartTimer(void) {
  REG(0x40000000) = 0;
  REG(0x40000028) = 0;            // PSC
  REG(0x4000002C) = 0xFFFFFFFFu;  // ARR
  REG(0x40000024) = 0;
  REG(0x40000000) = 1;
  return TIMER_VALUE;
}
#define ELAPSED(start) (TIMER_VALUE - (start))
#else  // CMSDK UART0 and dual timer of the MPS2 images
#define UART_DATA REG(0x40004000)
#define UART_STATE REG(0x40004004)
#define TX_FULL_IS 1u
#define TX_FLAG 1u
#define RX_FLAG 2u
#define TIMER_VALUE REG(0x40002004)
static void SetUp(void) {
  REG(0x40004010) = 16;  // baud rate divisor
  REG(0x40004008) = 3;   // transmitter and receiver on
}
static uint32_t RestartTimer(void) {
  REG(0x40002008) = 0;
  REG(0x40002000) = 0xFFFFFFFFu;
  REG(0x40002008) = 0x82u;  // on, 32 bit
  return TIMER_VALUE;
}
#define ELAPSED(start) ((start) - TIMER_VALUE)
#endif

#define NVIC_ENABLE REG(0xE000E100)
#define NVIC_CLEAR_PENDING REG(0xE000E280)
#define DOORBELL (1u << 31)

extern uint32_t stack_top;
void Reset(void);

// Survives resets; the probe may read and write it.
__attribute__((section(".noinit"))) volatile uint32_t mailbox[4];

static void Put(char c) {
  while (((UART_STATE & TX_FLAG) != 0) == TX_FULL_IS) {
  }
  UART_DATA = (uint32_t)(uint8_t)c;
}

static void PutText(const char* text) {
  while (*text) Put(*text++);
}

static void PutHex(uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4) Put("0123456789abcdef"[(value >> shift) & 15]);
}

static uint8_t Get(void) {
  while (!(UART_STATE & RX_FLAG)) {
  }
  return (uint8_t)UART_DATA;
}

__attribute__((noinline)) static void Spin(uint32_t count) {
  __asm volatile("1: subs %0, #1\n bne 1b\n" : "+r"(count) : : "cc");
}

// Ticks of a loop of two million instructions, counted from a freshly loaded timer.
static uint32_t MeasuredTicks(void) {
  const uint32_t start = RestartTimer();
  Spin(1000000);
  return ELAPSED(start);
}

// Sleeps until somebody else makes an interrupt pending; it is never taken.
static void SleepUntilDoorbell(void) {
  NVIC_CLEAR_PENDING = DOORBELL;
  NVIC_ENABLE = DOORBELL;
  PutText("asleep\n");
  __asm volatile("cpsid i\n dsb\n wfi\n" ::: "memory");
  NVIC_CLEAR_PENDING = DOORBELL;
  PutText("awake\n");
}

static void Fault(void) {
  for (;;) __asm volatile("udf #0");  // a fault in the fault handler: lock-up
}

static void Bulk(void) {
  for (uint32_t i = 0; i < 100000; ++i) Put((char)(i * 7 + (i >> 8)));
}

void Reset(void) {
  SetUp();
  PutText(FIRMWARE_NAME " up\n");
  for (;;) {
    const uint8_t byte = Get();
    switch (byte) {
      case 0x01:
        PutText("ticks ");
        PutHex(MeasuredTicks());
        Put('\n');
        break;
      case 0x02:
        Bulk();
        break;
      case 0x03:
        PutText("dying\n");
        __asm volatile("udf #0");
        break;
      case 0x04:
        PutText("mailbox ");
        PutHex(mailbox[0]);
        Put('\n');
        break;
      case 0x05:
        __asm volatile("bkpt #0");
        PutText("past bkpt\n");
        break;
      case 0x06:
        SleepUntilDoorbell();
        break;
      default:
        Put((char)byte);
        break;
    }
  }
}

__attribute__((section(".vectors"), used)) void (*const vectors[16])(void) = {
    (void (*)(void)) & stack_top, Reset, Fault, Fault, Fault, Fault, Fault};
