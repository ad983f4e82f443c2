// archive: a folder as a .tar.gz whose bytes depend on the files alone: sorted, no dates, no
// owners.
#pragma once

#include "bluestem/base/file.h"

namespace bluestem::codegen {

// Writes `folder` to `archive` under the top-level name `name`. Errors: kIo; then `archive` is as
// it was.
Status WriteTarGz(const Path& folder, const std::string& name, const Path& archive);

}  // namespace bluestem::codegen
