// Scores of a run's best checkpoint, computed by bluestem-train in its own process.
#pragma once

#include "bluestem/cli/scoring.h"

namespace bluestem::cli {

// Has bluestem-train evaluate the dataset of `options` and write its scores: little-endian f32,
// images x classes, in the dataset's order. Errors: kUnavailable without a trainer; the trainer's
// own; kInvalidData for scores of another size than the dataset.
Result<predict::Evaluation> ScoreWithTrainer(const Scorer& scorer, const data::Dataset& dataset,
                                             const DataOptions& options, Output& output);

}  // namespace bluestem::cli
