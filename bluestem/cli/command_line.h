// CommandLine: the options of one command. CLI11 stands behind it, in command_line.cc and frame.cc
// alone: its header takes seconds to compile.
//
//   line.Add("-o,--output", options->output, "The file to write").Required();
//
// What an option names must live until the command has run. Threads: one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bluestem::cli {

// One option, while it is being described.
class OptionHandle {
 public:
  explicit OptionHandle(CLI::Option* option) : option_(option) {}
  OptionHandle& Required();
  OptionHandle& Range(int64_t min, int64_t max);  // both allowed
  OptionHandle& RealRange(double min, double max);
  OptionHandle& OneOf(const std::vector<std::string>& words);
  OptionHandle& ShowDefault();  // the help page prints the value that it has now
  OptionHandle& Excludes(const OptionHandle& other);

 private:
  CLI::Option* option_;
};

class CommandLine {
 public:
  explicit CommandLine(CLI::App& app) : app_(&app) {}
  // `names` as "-o,--output", or "FILE" for a place on the line.
  OptionHandle Add(const std::string& names, std::string& value, const std::string& help);
  OptionHandle Add(const std::string& names, int& value, const std::string& help);
  OptionHandle Add(const std::string& names, int64_t& value, const std::string& help);
  OptionHandle Add(const std::string& names, double& value, const std::string& help);
  // One value a use; the option may be repeated, and takes words until the next option.
  OptionHandle Add(const std::string& names, std::vector<std::string>& values,
                   const std::string& help);
  // One value a use; the option may be repeated.
  OptionHandle AddEach(const std::string& names, std::vector<std::string>& values,
                       const std::string& help);
  OptionHandle Flag(const std::string& names, bool& value, const std::string& help);

 private:
  CLI::App* app_;
};

// Adds -d,--device: where a model runs.
void AddDeviceOption(CommandLine& line, std::string& device);
// Adds --isa, by its default "" the best of this CPU; and --threads, of one inference.
void AddIsaOption(CommandLine& line, std::string& isa);
void AddThreadsOption(CommandLine& line, int64_t& threads);

}  // namespace bluestem::cli
