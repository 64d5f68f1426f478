#include "server/cli/commands/command.h"

int main(int argc, char** argv) { return tinyrig::cli::Main(argc, argv); }
