#include "bluestem/runtime/rehearsal.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "bluestem/base/rng.h"
#include "bluestem/runtime/aligned.h"

namespace bluestem::runtime {
namespace {

using kernels::QConvArgs;
using kernels::QConvEpilogue;
using kernels::QConvParams;

// Of so many runs, after one that brings its own weights into the caches.
template <typename Run>
int64_t Nanoseconds(int64_t runs, const Run& run) {
  run();
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < runs; ++i) run();
  const auto elapsed = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count();
}

// Of one run among many. For some milliseconds after heavy vector code a core runs slower, whatever
// it runs: so what ran before is waited for.
template <typename Run>
int64_t SettledNanoseconds(const Run& run) {
  constexpr int64_t kSettle = 5'000'000, kMeasure = 2'000'000;  // nanoseconds
  constexpr size_t kLeastRuns = 3;
  for (int64_t spent = 0; spent < kSettle;) spent += Nanoseconds(1, run);
  std::vector<int64_t> times;
  for (int64_t spent = 0; spent < kMeasure || times.size() < kLeastRuns; spent += times.back()) {
    times.push_back(Nanoseconds(1, run));
  }
  const auto middle = times.begin() + static_cast<int64_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

bool Rehearse(const QConvParams& p, const ConvConstants& constants, const kernels::QConvKernel& row,
              PreparedConv& prepared, const edge::Workers& workers) {
  constexpr int kRounds = 5;
  constexpr int64_t kSample = 200'000;     // nanoseconds that a sample should last
  constexpr int64_t kEnough = 20'000'000;  // nanoseconds, of all
  constexpr int64_t kClear = 4;            // a difference of more than a quarter is none of chance
  const size_t x_bytes = static_cast<size_t>(p.h) * static_cast<size_t>(p.w * p.ci);
  const size_t y_bytes = static_cast<size_t>(p.ho) * static_cast<size_t>(p.wo) *
                         static_cast<size_t>(p.co) *
                         (p.epilogue == QConvEpilogue::kThreshold ? 1 : sizeof(int32_t));
  const AlignedBytes x = AllocateAligned(x_bytes);
  const AlignedBytes y = AllocateAligned(y_bytes);
  const AlignedBytes y_prepared = AllocateAligned(y_bytes);
  if (x == nullptr || y == nullptr || y_prepared == nullptr) return false;
  AlignedBytes copy;  // of weights that do not lie as rows want them
  const uint8_t* weights = constants.weights;
  if (reinterpret_cast<uintptr_t>(weights) % 64 != 0) {
    copy = AllocateAligned(QConvPackedBytes(p));
    if (copy == nullptr) return false;
    std::memcpy(copy.get(), weights, QConvPackedBytes(p));
    weights = copy.get();
  }
  Rng random(1);
  for (size_t i = 0; i < x_bytes; ++i) {
    x.get()[i] = static_cast<uint8_t>(random.Next() >> 32 & ((1u << p.x_bits) - 1));
  }
  QConvArgs args{};
  args.x = x.get();
  args.weights = weights;
  args.thresholds = constants.thresholds;
  args.directions = constants.directions;
  args.y = y.get();
  QConvArgs prepared_args = args;
  prepared_args.y = y_prepared.get();
  const auto run_row = [&] { edge::RunConv(workers, row, p, args); };
  const auto run_prepared = [&] { prepared.Run(prepared_args, workers); };
  int64_t spent = Nanoseconds(1, run_row) + Nanoseconds(1, run_prepared);
  if (std::memcmp(y.get(), y_prepared.get(), y_bytes) != 0) return false;
  const int64_t runs = std::clamp<int64_t>(kSample / (Nanoseconds(1, run_row) + 1), 1, 16);
  int64_t of_row = INT64_MAX, of_prepared = INT64_MAX;
  for (int round = 0; round < kRounds && (round == 0 || spent < kEnough); ++round) {
    const int64_t now = Nanoseconds(runs, run_row);
    const int64_t now_prepared = Nanoseconds(runs, run_prepared);
    spent += now + now_prepared;
    of_row = std::min(of_row, now);
    of_prepared = std::min(of_prepared, now_prepared);
    const int64_t less = std::min(of_row, of_prepared);
    if (round > 0 && std::max(of_row, of_prepared) - less > less / kClear) break;
  }
  return of_prepared < of_row;
}

// What calls are equal in, and what was found.
struct Memory {
  std::mutex mutex;
  std::map<std::string, bool> found;
};

Memory& TheMemory() {
  static Memory memory;
  return memory;
}

std::string Key(const QConvParams& params, const kernels::QConvKernel& row, int32_t threads) {
  return std::string(reinterpret_cast<const char*>(&params), sizeof(params)) +
         fmt::format("{} {}", row.symbol, threads);
}

}  // namespace

std::optional<bool> RememberedFaster(const QConvParams& params, const kernels::QConvKernel& row,
                                     int32_t threads) {
  Memory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  const auto at = memory.found.find(Key(params, row, threads));
  return at == memory.found.end() ? std::nullopt : std::optional<bool>(at->second);
}

bool PreparedIsFaster(const QConvParams& params, const ConvConstants& constants,
                      const kernels::QConvKernel& row, PreparedConv& prepared,
                      const edge::Workers& workers) {
  const bool faster = Rehearse(params, constants, row, prepared, workers);
  Memory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  return memory.found.try_emplace(Key(params, row, workers.threads), faster).first->second;
}

bool MixIsFaster(const program::Program& program, const std::vector<Region>& regions,
                 const std::vector<Kernel>& mixed, const std::vector<Kernel>& rows,
                 const edge::Workers& workers) {
  constexpr double kWorthIt = 0.97;  // of the rows' time
  // Zeros are codes of any bits.
  std::vector<AlignedBytes> memory;
  const auto allocate = [&](int64_t bytes) {
    memory.push_back(AllocateAligned(static_cast<size_t>(bytes)));
    return memory.back().get();
  };
  Spaces spaces;
  spaces.arena = allocate(program.arena_bytes);
  uint8_t* constants = allocate(static_cast<int64_t>(program.constants.size()));
  spaces.constants = constants;
  for (const auto& input : program.inputs) spaces.inputs.push_back(allocate(input.bytes()));
  for (const auto& output : program.outputs) spaces.outputs.push_back(allocate(output.bytes()));
  for (const AlignedBytes& bytes : memory) {
    if (bytes == nullptr) return false;
  }
  if (!program.constants.empty()) {
    std::memcpy(constants, program.constants.data(), program.constants.size());
  }
  const auto run = [&](const std::vector<Kernel>& kernels) {
    for (const Region& region : regions) {
      for (size_t i = region.begin; i < region.end; ++i) {
        Execute(program.calls[i], kernels[i], spaces, workers);
      }
    }
  };
  const int64_t of_rows = SettledNanoseconds([&] { run(rows); });
  const int64_t of_mixed = SettledNanoseconds([&] { run(mixed); });
  return static_cast<double>(of_mixed) < kWorthIt * static_cast<double>(of_rows);
}

}  // namespace bluestem::runtime
