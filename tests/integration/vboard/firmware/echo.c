// Test firmware of the virtual board: echoes its UART, with a few bytes that do more.
// No libraries, no initialised data: what is not in the image cannot work by accident.

#include <stdint.h>

#define REG(address) (*(volatile uint32_t*)(address))

// CMSDK UART0 and dual timer of the MPS2 image AN386.
#define UART_DATA REG(0x40004000)
#define UART_STATE REG(0x40004004)
#define UART_CTRL REG(0x40004008)
#define UART_BAUDDIV REG(0x40004010)
#define TIMER_LOAD REG(0x40002000)
#define TIMER_VALUE REG(0x40002004)
#define TIMER_CTRL REG(0x40002008)
#define TX_FULL 1u
#define RX_FULL 2u
#define TIMER_ON_32_BIT 0x82u

extern uint32_t stack_top;
void Reset(void);

// Survives resets; the probe may read and write it.
__attribute__((section(".noinit"))) volatile uint32_t mailbox[4];

static void Put(char c) {
  while (UART_STATE & TX_FULL) {
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
  while (!(UART_STATE & RX_FULL)) {
  }
  return (uint8_t)UART_DATA;
}

__attribute__((noinline)) static void Spin(uint32_t count) {
  __asm volatile("1: subs %0, #1\n bne 1b\n" : "+r"(count) : : "cc");
}

// Ticks of a loop of two million instructions, counted from a freshly loaded timer.
static uint32_t MeasuredTicks(void) {
  TIMER_CTRL = 0;
  TIMER_LOAD = 0xFFFFFFFFu;
  TIMER_CTRL = TIMER_ON_32_BIT;
  const uint32_t start = TIMER_VALUE;
  Spin(1000000);
  return start - TIMER_VALUE;
}

static void Fault(void) {
  for (;;) __asm volatile("udf #0");  // a fault in the fault handler: lock-up
}

static void Bulk(void) {
  for (uint32_t i = 0; i < 100000; ++i) Put((char)(i * 7 + (i >> 8)));
}

void Reset(void) {
  UART_BAUDDIV = 16;
  UART_CTRL = 3;
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
      default:
        Put((char)byte);
        break;
    }
  }
}

__attribute__((section(".vectors"), used)) void (*const vectors[16])(void) = {
    (void (*)(void)) & stack_top, Reset, Fault, Fault, Fault, Fault, Fault};
