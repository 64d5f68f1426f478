#include "firmware/ports/port.h"
#include "firmware/protocol/program.h"

int main() {
  tinyrig::port::Init();
  tinyrig::device::RunProgram();
}
