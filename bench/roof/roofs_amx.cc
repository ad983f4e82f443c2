#if defined(__x86_64__)
#include <immintrin.h>

#include "bench/roof/roof.h"

namespace bluestem::bench {
namespace {

constexpr int64_t kTileBytes = 1024;  // 16 rows of 64

// Sums of five tiles of 16 pixels by 16 outputs, one tile of weights and two of codes, as in the
// kernel. Codes of all five tiles are 8 KB's.
template <Operands kOperands>
void Passes(int64_t passes, const uint8_t* weights, const uint8_t* codes) {
  constexpr int64_t kMask = (kOperands == Operands::kSecondLevel ? kWeightBytes : kCodeBytes) - 1;
  constexpr bool kLoads = kOperands != Operands::kRegisters;
  _tile_loadd(5, weights, 64);
  _tile_loadd(6, codes, 64);
  _tile_loadd(7, codes + kTileBytes, 64);
  for (int64_t pass = 0; pass < passes; ++pass) {
    if constexpr (kLoads) _tile_loadd(5, weights + (pass * kTileBytes & kMask), 64);
    if constexpr (kLoads) _tile_loadd(6, codes, 64);
    _tile_dpbusd(0, 6, 5);
    if constexpr (kLoads) _tile_loadd(7, codes + kTileBytes, 64);
    _tile_dpbusd(1, 7, 5);
    if constexpr (kLoads) _tile_loadd(6, codes + 2 * kTileBytes, 64);
    _tile_dpbusd(2, 6, 5);
    if constexpr (kLoads) _tile_loadd(7, codes + 3 * kTileBytes, 64);
    _tile_dpbusd(3, 7, 5);
    if constexpr (kLoads) _tile_loadd(6, codes + 4 * kTileBytes, 64);
    _tile_dpbusd(4, 6, 5);
  }
}

void Run(Operands operands, int64_t passes, const uint8_t* weights, const uint8_t* codes) {
  // Palette 1: eight tiles of 16 rows of 64 bytes.
  struct alignas(64) {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } config;
  __asm__ volatile("" : : "r"(&config) : "memory");  // GCC 12's intrinsic reads the first 8 bytes
  _tile_loadconfig(&config);
  switch (operands) {
    case Operands::kRegisters: Passes<Operands::kRegisters>(passes, weights, codes); break;
    case Operands::kFirstLevel: Passes<Operands::kFirstLevel>(passes, weights, codes); break;
    case Operands::kSecondLevel: Passes<Operands::kSecondLevel>(passes, weights, codes); break;
  }
  _tile_release();
}

}  // namespace

const Roof kAmxRoofs[1] = {
    {{"qconv_u8s8_tile16__amx"}, "tdpbusd, 16384 MACs", 5 * 16384, Run},
};

}  // namespace bluestem::bench
#endif
