// What a rank trains with: its share of the training pictures, and the held-out ones, decoded.
// Threads: decoding has threads of its own. Ownership: the result is the caller's.
#pragma once

#include "bluestem/data/dataset.h"
#include "bluestem/train/internal/ranks.h"
#include "bluestem/train/internal/training.h"

namespace bluestem::train {

// Reads what this rank trains with. Ranks have equally many training pictures; rank 0 has all
// held-out ones, the others their share. Notes what data.unreadable: skip leaves out. Errors:
// kInvalidArgument for fewer pictures than ranks; those of decoding, with the way on.
Result<TrainingData> ReadShare(data::Split split, const config::Experiment& given, int threads,
                               const FitOptions& options, Ranks& ranks);

}  // namespace bluestem::train
