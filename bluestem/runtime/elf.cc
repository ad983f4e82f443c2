#include "bluestem/runtime/elf.h"

#include <elf.h>

#include <cstring>
#include <fstream>

namespace bluestem::runtime {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kThisMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kThisMachine = EM_AARCH64;
#else
constexpr uint16_t kThisMachine = EM_ARM;
#endif

std::string MachineName(uint16_t machine) {
  switch (machine) {
    case EM_X86_64: return "x86-64";
    case EM_AARCH64: return "aarch64";
    case EM_ARM: return "armhf";
    case EM_386: return "x86 (32 bit)";
    case EM_RISCV: return "RISC-V";
    default: return fmt::format("ELF machine {}", machine);
  }
}

// Returns the number of bytes that the section table's end asks for. The linker puts that table
// last.
template <typename Header>
uint64_t SectionTableEnd(const uint8_t* bytes) {
  Header header;
  std::memcpy(&header, bytes, sizeof(header));
  const uint64_t table = uint64_t{header.e_shentsize} * header.e_shnum;
  return header.e_shoff > UINT64_MAX - table ? UINT64_MAX : header.e_shoff + table;
}

}  // namespace

Status CheckElf(const Path& library) {
  std::error_code error;
  if (std::filesystem::is_directory(library, error)) {
    return Error(Code::kIo, "{}: is a folder; expected a libbluestem_<target>.so",
                 library.string());
  }
  const uint64_t file_bytes = std::filesystem::file_size(library, error);
  if (error) return Error(Code::kIo, "{}: cannot open: {}", library.string(), error.message());
  std::ifstream stream(library, std::ios::binary);
  uint8_t head[sizeof(Elf64_Ehdr)] = {};
  stream.read(reinterpret_cast<char*>(head), sizeof(head));
  const auto got = static_cast<uint64_t>(stream.gcount());
  if (!stream && got == 0 && file_bytes > 0) {
    return Error(Code::kIo, "{}: cannot read", library.string());
  }
  if (got < sizeof(Elf32_Ehdr) || std::memcmp(head, ELFMAG, SELFMAG) != 0) {
    return Error(Code::kInvalidData,
                 "{}: not a shared library; expected a libbluestem_<target>.so that `bluestem "
                 "convert` made",
                 library.string());
  }
  uint16_t machine = 0;  // at the same place in both classes
  std::memcpy(&machine, head + offsetof(Elf64_Ehdr, e_machine), sizeof(machine));
  if (machine != kThisMachine) {
    return Error(Code::kInvalidData,
                 "{}: this library is for {}; this machine is {}: take libbluestem_{}.so, or "
                 "convert with --target {}",
                 library.string(), MachineName(machine), MachineName(kThisMachine),
                 MachineName(kThisMachine), MachineName(kThisMachine));
  }
  const uint64_t needed = head[EI_CLASS] == ELFCLASS64 ? SectionTableEnd<Elf64_Ehdr>(head)
                                                       : SectionTableEnd<Elf32_Ehdr>(head);
  if (needed > file_bytes) {
    return Error(Code::kInvalidData,
                 "{}: cut short: {} bytes, but its header tells of {}; copy or convert it again",
                 library.string(), file_bytes, needed);
  }
  return OkStatus();
}

}  // namespace bluestem::runtime
