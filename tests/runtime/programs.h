// Small Programs for tests of the runtime.
#pragma once

#include <memory>

#include "bluestem/program/program.h"

namespace bluestem::runtime {

// `count` unary ops on f32 [1,4], one after the other: relu, copy, copy, ... Buffers take turns.
inline std::shared_ptr<program::Program> Chain(int count) {
  auto program = std::make_shared<program::Program>();
  program->name = "chain";
  program->model_hash = "hash";
  program->inputs = {{.name = "x", .dtype = DType::kF32, .shape = {1, 4}}};
  program->outputs = {{.name = "y", .dtype = DType::kF32, .shape = {1, 4}}};
  program->arena_bytes = 128;
  for (int i = 0; i < count; ++i) {
    const kernels::UnaryParams params = {
        .op = i == 0 ? kernels::UnaryOp::kRelu : kernels::UnaryOp::kCopy,
        .count = 4,
        .p0 = 0,
        .p1 = 0};
    const program::Operand before = {program::Space::kArena, 64 * ((i + 1) % 2)};
    const program::Operand after = {program::Space::kArena, 64 * (i % 2)};
    program->calls.push_back(
        {.op = i == 0 ? "relu" : "copy" + std::to_string(i),
         .comment = "",
         .params = params,
         .inputs = {i == 0 ? program::Operand{program::Space::kInput, 0} : before},
         .output = i + 1 == count ? program::Operand{program::Space::kOutput, 0} : after});
  }
  return program;
}

}  // namespace bluestem::runtime
