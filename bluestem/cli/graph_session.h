// A graph behind the Session interface: the reference evaluation (f32, bit for bit what kernels
// compute) or the plain one in double. For comparing; slow.
//
// Threads: as Session.
#pragma once

#include <memory>

#include "bluestem/core/model_source.h"
#include "bluestem/runtime/session.h"

namespace bluestem::cli {

enum class GraphEngine { kReference, kDouble };

// Returns a session over `model.graph` as it was read. Its image input is f32 [1,h,w,c].
std::unique_ptr<runtime::Session> MakeGraphSession(const core::LoadedModel& model,
                                                   GraphEngine engine);

}  // namespace bluestem::cli
