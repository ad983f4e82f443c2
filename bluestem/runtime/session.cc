#include "bluestem/runtime/session.h"

namespace bluestem::runtime {

void Session::RunTogether(std::span<SessionRun> runs) {
  for (SessionRun& run : runs) {
    WatchCancel(run.cancel);
    Result<std::vector<Tensor>> outputs =
        run.rows != nullptr ? Profile(*run.inputs, *run.rows) : Run(*run.inputs);
    WatchCancel(nullptr);
    run.status = outputs.status();
    if (outputs.ok()) run.outputs = std::move(*outputs);
  }
}

}  // namespace bluestem::runtime
