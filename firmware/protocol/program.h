#pragma once

namespace tinyrig::device {

/// The firmware after port::Init(): serves sessions for ever. OnFault() (fault.h) goes on with the
/// same memory.
[[noreturn]] void RunProgram();

}  // namespace tinyrig::device
