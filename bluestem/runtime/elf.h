// elf: what a shared library's header says, read before dlopen so that a wrong file gets a clear
// message.
#pragma once

#include <string>

#include "bluestem/base/file.h"

namespace bluestem::runtime {

// Checks that `library` is a whole ELF shared library for this machine.
// Errors: kIo; kInvalidData for what is no ELF file, is cut short, or is for another architecture,
// naming both.
Status CheckElf(const Path& library);

}  // namespace bluestem::runtime
