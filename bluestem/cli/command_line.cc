#include "bluestem/cli/command_line.h"

#include <CLI/CLI.hpp>

#include "bluestem/program/kernel_choice.h"

namespace bluestem::cli {

OptionHandle& OptionHandle::Required() {
  option_->required();
  return *this;
}

OptionHandle& OptionHandle::Range(int64_t min, int64_t max) {
  option_->check(CLI::Range(min, max));
  return *this;
}

OptionHandle& OptionHandle::RealRange(double min, double max) {
  option_->check(CLI::Range(min, max));
  return *this;
}

OptionHandle& OptionHandle::OneOf(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}

OptionHandle& OptionHandle::ShowDefault() {
  option_->capture_default_str();
  return *this;
}

OptionHandle& OptionHandle::Excludes(const OptionHandle& other) {
  option_->excludes(other.option_);
  return *this;
}

OptionHandle CommandLine::Add(const std::string& names, std::string& value,
                              const std::string& help) {
  return OptionHandle(app_->add_option(names, value, help));
}

OptionHandle CommandLine::Add(const std::string& names, int& value, const std::string& help) {
  return OptionHandle(app_->add_option(names, value, help));
}

OptionHandle CommandLine::Add(const std::string& names, int64_t& value, const std::string& help) {
  return OptionHandle(app_->add_option(names, value, help));
}

OptionHandle CommandLine::Add(const std::string& names, double& value, const std::string& help) {
  return OptionHandle(app_->add_option(names, value, help));
}

OptionHandle CommandLine::Add(const std::string& names, std::vector<std::string>& values,
                              const std::string& help) {
  return OptionHandle(app_->add_option(names, values, help));
}

OptionHandle CommandLine::AddEach(const std::string& names, std::vector<std::string>& values,
                                  const std::string& help) {
  return OptionHandle(app_->add_option(names, values, help)->expected(1)->take_all());
}

OptionHandle CommandLine::Flag(const std::string& names, bool& value, const std::string& help) {
  return OptionHandle(app_->add_flag(names, value, help));
}

void AddIsaOption(CommandLine& line, std::string& isa) {
  const std::string names = program::IsaNames(~kernels::IsaSet{0});
  line.Add("--isa", isa, "Instruction set: " + names + " (default: the best)");
}

void AddThreadsOption(CommandLine& line, int64_t& threads) {
  line.Add("--threads", threads,
           "Threads of one inference, 1..64; 0: one a core (default 1). Same bits with any number")
      .Range(0, 64);
}

void AddDeviceOption(CommandLine& line, std::string& device) {
  line.Add("-d,--device", device,
           "Where it runs: a name of `bluestem devices`, AUTO, or HETERO:FIRST,SECOND,...")
      .ShowDefault();
}

}  // namespace bluestem::cli
