// The inner loop of every banded qconv: P output pixels times V::kLanes outputs, over all taps and
// channels. Template over V, what one ISA does for one step; V lives in an unnamed namespace of the
// ISA's file, so that each instance stays in its file.
//
// V has:
//   kLanes         outputs of a tile: a divisor of 32, or 64 (two blocks of packed weights)
//   kMaxPixels     pixels of the largest tile that its registers hold. If a power of two, tiles
//                  are of powers of two, else of any number up to it
//   kStepWeights   bytes of packed weights of a step of a block (32: s1, 128: s8)
//   kStepBytes     bytes of a prepared step, kStepChannels its channels
//   kSumScale, kSumOffset   acc = kSumScale * sum - kSumOffset * (sum of the codes of the window)
//   Weights LoadWeights(bytes, block_bytes)   what is shared by all pixels of a step
//   Sum ZeroSum(), Step(Sum&, prepared, Weights)  sums; if kNarrow, safe for ChunkSteps(p) steps
//   Wide ZeroWide(), Widen(Wide&, Sum)         if kNarrow: safe for SegmentChunks(p) widenings
//   StoreWide(Wide, add, s32 [kLanes])         writes or adds the sums, in order;
//                                              takes a Sum, which is a Wide, if not kNarrow
//   kBandStep      band.h's description of a step
//   Narrow         if kLanes is 64: the same for 32
//   Prepare(codes, steps, to)                  steps * kStepChannels codes to prepared steps
//   SumCodes(codes, count)                     if kSumOffset: their sum
//   kFinishes, FinishesNarrow, Position, Values, ValuesOf, StoreValues   see narrow_finish_inl.h
// and, if it wants:
//   kWideInMemory  the registers hold only the narrow sums; then also Wide Widened(Sum)
//   AddRun<P>(codes, pixel_stride, weights, steps, sums)   LoadWeights and Step for many steps
//   PreparePixels(codes, channels, pixels, to, sums)   instead of Prepare, if groups == 1
//   WriteIndices(p, packed, to)                 what takes the weights' place (band.h)
//   Offsets(p, packed, s32 [groups][blocks * 32])          what is added to every sum of an output
#pragma once

#include "bluestem/kernels/qconv/narrow_finish_inl.h"

namespace bluestem::kernels {

// What is the same for every tile of one output row.
struct TileJob {
  const uint8_t* ring;
  int64_t row_bytes;
  int32_t rows;
  int32_t first_slot;  // of the ring: the row under kernel row 0
  int32_t kernel_h, dilation_h;
  // Steps that are contiguous in ring and weights are one run: a whole kernel row if it can be.
  int32_t runs_w, run_steps;
  int64_t run_stride;    // bytes between the runs of a kernel row
  int64_t pixel_stride;  // bytes between output pixels
  int32_t chunk_steps, segment_chunks;
  int64_t block_bytes;  // of packed weights
};

// Steps of a chunk: at most `limit` (before narrow sums could overflow), made to divide a run
// evenly so that no chunk is a short rest.
static inline int32_t EvenChunk(int32_t run_steps, int64_t limit) {
  if (run_steps <= limit) {
    const int64_t runs = limit / run_steps;
    return runs * run_steps > INT32_MAX ? run_steps : static_cast<int32_t>(runs * run_steps);
  }
  const int32_t chunks = CeilDiv(run_steps, static_cast<int32_t>(limit));
  return CeilDiv(run_steps, chunks);
}

// Adds steps of one run to the narrow sums.
template <class V, int P>
static inline __attribute__((always_inline)) void AddSteps(const uint8_t* codes,
                                                           int64_t pixel_stride,
                                                           const uint8_t* weights,
                                                           int64_t block_bytes, int32_t steps,
                                                           typename V::Sum* sums) {
  if constexpr (requires { V::template AddRun<P>; }) {
    V::template AddRun<P>(codes, pixel_stride, weights, steps, sums);
  } else {
#pragma GCC unroll 2
    for (int32_t step = 0; step < steps; ++step) {
      const typename V::Weights w = V::LoadWeights(weights, block_bytes);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) V::Step(sums[p], codes + p * pixel_stride, w);
      codes += V::kStepBytes;
      weights += V::kStepWeights;
    }
  }
}

// GCC 12 would keep both forms of the sums in registers where only one fits, and store each wide
// one twice. Told that it does not know where they are, it adds to memory.
template <class V>
static constexpr bool kWideInMemory = requires {
  V::kWideInMemory;
};

// The sums of P pixels, in registers, between their narrow and their stored form.
template <class V, int P>
struct TileSums {
  typename V::Wide* wide;  // [P], apart from what must stay in registers
  typename V::Sum narrow[P];
  bool fresh = true;  // nothing is in `wide` yet

  inline __attribute__((always_inline)) void Clear() {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      narrow[p] = V::ZeroSum();
      if constexpr (V::kNarrow && !kWideInMemory<V>) wide[p] = V::ZeroWide();
    }
  }
  inline __attribute__((always_inline)) void Widen() {
    if constexpr (V::kNarrow) {
      typename V::Wide* to = wide;
      if constexpr (kWideInMemory<V>) {
        __asm__ volatile("" : "+r"(to) : : "memory");
        if (fresh) {
          fresh = false;
#pragma GCC unroll 16
          for (int p = 0; p < P; ++p) {
            to[p] = V::Widened(narrow[p]);
            narrow[p] = V::ZeroSum();
          }
          return;
        }
      }
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
        V::Widen(to[p], narrow[p]);
        narrow[p] = V::ZeroSum();
      }
    }
  }
  inline __attribute__((always_inline)) void Store(bool add, int32_t* acc) {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      if constexpr (V::kNarrow) {
        V::StoreWide(wide[p], add, acc + p * V::kLanes);
        if constexpr (kWideInMemory<V>) {
          fresh = true;
        } else {
          wide[p] = V::ZeroWide();
        }
      } else {
        V::StoreWide(narrow[p], add, acc + p * V::kLanes);
      }
    }
  }
};

// Computes the sums of P pixels for the lanes at `weights`: acc [P][kLanes]; or, if kFinish, their
// codes as `finish` says. `first_pixel` is the byte offset of the first pixel's first tap in a ring
// row. Not inlined: its loops need every register.
template <class V, int P, bool kFinish>
static __attribute__((noinline)) void SumTile(const TileJob& shared, const uint8_t* weights,
                                              int64_t first_pixel, int32_t* acc,
                                              const NarrowFinish* finish) {
  const TileJob job = shared;  // a copy, which stores of sums do not change
  bool add = false;
  const uint8_t* w = weights;
  typename V::Wide wide[P];
  TileSums<V, P> sums = {.wide = wide, .narrow = {}};
  sums.Clear();
  int32_t chunk_left = job.chunk_steps;
  int32_t segment_left = job.segment_chunks;
  int32_t slot = job.first_slot;
  for (int32_t kh = 0; kh < job.kernel_h; ++kh) {
    const uint8_t* row = job.ring + slot * job.row_bytes + first_pixel;
    for (int32_t run = 0; run < job.runs_w; ++run) {
      const uint8_t* codes = row + run * job.run_stride;
      for (int32_t left = job.run_steps; left > 0;) {
        const int32_t steps = V::kNarrow && chunk_left < left ? chunk_left : left;
        AddSteps<V, P>(codes, job.pixel_stride, w, job.block_bytes, steps, sums.narrow);
        codes += int64_t{steps} * V::kStepBytes;
        w += int64_t{steps} * V::kStepWeights;
        left -= steps;
        if constexpr (V::kNarrow) {
          chunk_left -= steps;
          if (chunk_left > 0) continue;
          chunk_left = job.chunk_steps;
          sums.Widen();
          if constexpr (!kFinish) {  // a tile that finishes in 16 bits is one segment
            if (--segment_left > 0) continue;
            segment_left = job.segment_chunks;
            sums.Store(add, acc);
            add = true;
          }
        }
      }
    }
    slot += job.dilation_h;
    if (slot >= job.rows) slot -= job.rows;
  }
  sums.Widen();
  if constexpr (kFinish) {
    if constexpr (V::kNarrow) {
      FinishNarrow<V, P>(*finish, wide);
    } else {
      FinishNarrow<V, P>(*finish, sums.narrow);
    }
  } else {
    sums.Store(add, acc);
  }
}

}  // namespace bluestem::kernels
