// The commands, each in the file of its name. Their rows stand in main.cc, in the order of the help
// page.
#pragma once

#include "bluestem/cli/command.h"

namespace bluestem::cli {

Command InitCommand();
Command ConfigCheckCommand();
Command ConfigKeysCommand();
Command DataCheckCommand();
Command DataShowCommand();
Command TrainCommand();
Command TuneCommand();
Command SensitivityCommand();
Command EvaluateCommand();
Command ReportCommand();
Command ExportCommand();
Command ConvertCommand();
Command InspectCommand();
Command RunCommand();
Command MeasureCommand();
Command ProfileCommand();
Command DevicesCommand();
Command PlaceCommand();
Command BenchmarkCommand();
Command FpgaReportCommand();
Command FpgaSelfTestCommand();
Command DoctorCommand();
Command VersionCommand();

}  // namespace bluestem::cli
