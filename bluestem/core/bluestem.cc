#include "bluestem/core/bluestem.h"

#include <algorithm>
#include <cstring>

#include "bluestem/core/core.h"

using bluestem::Code;
using bluestem::Error;
using bluestem::Status;
using bluestem::Tensor;
using bluestem::core::Core;
using bluestem::core::DeviceInfo;
using bluestem::core::OpenedModel;
using bluestem::program::TensorInfo;
namespace runtime = bluestem::runtime;

struct bluestem_network {
  OpenedModel opened;
  std::vector<bluestem_port> inputs, outputs;
  std::string model_hash;
};

struct bluestem_request {
  runtime::InferRequest request;
  std::vector<TensorInfo> inputs;
};

namespace {

thread_local std::string last_error;

// Exceptions are a library's, out of memory for one: none may reach C.
template <typename Function>
int Guarded(const Function& function) {
  Status status;
  try {
    status = function();
  } catch (const std::exception& error) {
    status = Error(Code::kInternal, "{}", error.what());
  }
  if (!status.ok()) last_error = status.message();
  return static_cast<int>(status.code());
}

Status Missing(const char* what) {
  return Error(Code::kInvalidArgument, "{} is NULL", what);
}

std::string TextOf(const char* text) {
  return text == nullptr ? "" : text;
}

std::vector<bluestem_port> PortsOf(const std::vector<TensorInfo>& infos) {
  std::vector<bluestem_port> ports;
  for (const TensorInfo& info : infos) {
    ports.push_back({.name = info.name.c_str(),
                     .dtype = bluestem::DTypeName(info.dtype),
                     .rank = static_cast<int32_t>(info.shape.size()),
                     .shape = info.shape.data(),
                     .bytes = info.bytes()});
  }
  return ports;
}

const bluestem_port* PortAt(const std::vector<bluestem_port>& ports, int32_t index) {
  if (index < 0 || index >= static_cast<int32_t>(ports.size())) return nullptr;
  return &ports[static_cast<size_t>(index)];
}

Status CheckBytes(const char* name, int64_t got, int64_t expected) {
  if (got == expected) return bluestem::OkStatus();
  return Error(Code::kInvalidArgument, "'{}': got {} bytes; it takes {}", name, got, expected);
}

const std::vector<DeviceInfo>& Devices() {
  static const std::vector<DeviceInfo> devices = Core().Devices();
  return devices;
}

const DeviceInfo* DeviceAt(int32_t index) {
  if (index < 0 || index >= bluestem_device_count()) return nullptr;
  return &Devices()[static_cast<size_t>(index)];
}

// Each device's, with pointers to the texts of Devices().
const std::vector<std::vector<bluestem_property>>& Properties() {
  static const auto properties = [] {
    std::vector<std::vector<bluestem_property>> all;
    for (const DeviceInfo& device : Devices()) {
      all.emplace_back();
      for (const runtime::DeviceProperty& property : device.properties)
        all.back().push_back({property.name.c_str(), property.value.c_str()});
    }
    return all;
  }();
  return properties;
}

Status Open(const char* model, const bluestem_settings& given, bluestem_network** network) {
  if (model == nullptr) return Missing("model");
  runtime::CompileSettings settings;
  if (given.device != nullptr) settings.device = given.device;
  settings.isa = TextOf(given.isa);
  settings.hint =
      given.hint == BLUESTEM_HINT_THROUGHPUT ? runtime::Hint::kThroughput : runtime::Hint::kLatency;
  settings.streams = given.streams;
  settings.threads = given.threads;
  settings.batch = given.batch;
  BLUESTEM_ASSIGN_OR_RETURN(OpenedModel opened, Core().Open(model, settings, TextOf(given.meta)));
  *network = new bluestem_network{std::move(opened), {}, {}, {}};
  (*network)->inputs = PortsOf((*network)->opened.model.inputs());
  (*network)->outputs = PortsOf((*network)->opened.model.outputs());
  (*network)->model_hash = (*network)->opened.model.model_hash();
  return bluestem::OkStatus();
}

Status SetInput(bluestem_request& request, const char* name, const void* data, int64_t bytes) {
  if (name == nullptr) return Missing("name");
  if (data == nullptr) return Missing("data");
  Tensor tensor;
  for (const TensorInfo& info : request.inputs) {
    if (info.name != name) continue;
    BLUESTEM_RETURN_IF_ERROR(CheckBytes(name, bytes, info.bytes()));
    tensor = Tensor(info.dtype, info.shape);
    std::memcpy(tensor.raw(), data, static_cast<size_t>(bytes));
  }
  return request.request.SetInput(name, std::move(tensor));  // names those there are
}

Status StartAll(bluestem_request* const* requests, int32_t count) {
  if (requests == nullptr) return Missing("requests");
  std::vector<runtime::InferRequest> all;
  for (int32_t i = 0; i < count; ++i) {
    if (requests[i] == nullptr) return Missing("a request");
    all.push_back(requests[i]->request);  // a second handle of it
  }
  return runtime::InferRequest::StartTogether(all);
}

Status ReadRow(const bluestem_request& request, int32_t index, bluestem_op_profile* row) {
  if (row == nullptr) return Missing("row");
  const std::vector<runtime::OpProfile>& rows = request.request.Profile();
  if (index < 0 || index >= static_cast<int32_t>(rows.size())) {
    return Error(Code::kInvalidArgument,
                 "profile row {} of {}; ask with bluestem_request_enable_profile before the "
                 "inference",
                 index, rows.size());
  }
  const runtime::OpProfile& op = rows[static_cast<size_t>(index)];
  *row = {.op = op.op.c_str(),
          .kernel = op.kernel.c_str(),
          .device = op.device.c_str(),
          .x_bits = op.x_bits,
          .w_bits = op.w_bits,
          .macs = op.macs,
          .nanoseconds = op.nanoseconds,
          .cpu_nanoseconds = op.cpu_nanoseconds,
          .cycles = op.cycles};
  return bluestem::OkStatus();
}

Status ReadOutput(const bluestem_request& request, const char* name, void* data, int64_t bytes) {
  if (name == nullptr) return Missing("name");
  if (data == nullptr) return Missing("data");
  BLUESTEM_ASSIGN_OR_RETURN(const Tensor tensor, request.request.Output(name));
  BLUESTEM_RETURN_IF_ERROR(CheckBytes(name, bytes, tensor.bytes()));
  std::memcpy(data, tensor.raw(), static_cast<size_t>(bytes));
  return bluestem::OkStatus();
}

}  // namespace

extern "C" {

const char* bluestem_last_error(void) {
  return last_error.c_str();
}

int32_t bluestem_device_count(void) {
  return static_cast<int32_t>(Devices().size());
}

const char* bluestem_device_name(int32_t index) {
  const DeviceInfo* device = DeviceAt(index);
  return device == nullptr ? nullptr : device->name.c_str();
}

const char* bluestem_device_summary(int32_t index) {
  const DeviceInfo* device = DeviceAt(index);
  return device == nullptr ? nullptr : device->summary.c_str();
}

const char* bluestem_device_reason(int32_t index) {
  const DeviceInfo* device = DeviceAt(index);
  return device == nullptr || device->status.ok() ? nullptr : device->status.message().c_str();
}

int32_t bluestem_device_properties(int32_t index) {
  if (DeviceAt(index) == nullptr) return 0;
  return static_cast<int32_t>(Properties()[static_cast<size_t>(index)].size());
}

const bluestem_property* bluestem_device_property(int32_t index, int32_t property) {
  if (property < 0 || property >= bluestem_device_properties(index)) return nullptr;
  return &Properties()[static_cast<size_t>(index)][static_cast<size_t>(property)];
}

bluestem_network* bluestem_open(const char* model, const bluestem_settings* settings) {
  bluestem_network* network = nullptr;
  const bluestem_settings defaults = {};
  Guarded([&] { return Open(model, settings == nullptr ? defaults : *settings, &network); });
  return network;
}

void bluestem_close(bluestem_network* network) {
  delete network;
}

int bluestem_export(const bluestem_network* network, const char* path) {
  return Guarded([&] {
    if (network == nullptr || path == nullptr) return Missing("network or path");
    return Core().Export(network->opened.model, path);
  });
}

int32_t bluestem_network_inputs(const bluestem_network* network) {
  return static_cast<int32_t>(network->inputs.size());
}

int32_t bluestem_network_outputs(const bluestem_network* network) {
  return static_cast<int32_t>(network->outputs.size());
}

const bluestem_port* bluestem_network_input(const bluestem_network* network, int32_t index) {
  return PortAt(network->inputs, index);
}

const bluestem_port* bluestem_network_output(const bluestem_network* network, int32_t index) {
  return PortAt(network->outputs, index);
}

int32_t bluestem_network_streams(const bluestem_network* network) {
  return network->opened.model.streams();
}

int32_t bluestem_network_batch(const bluestem_network* network) {
  return network->opened.model.settings().batch;
}

const char* bluestem_network_model_hash(const bluestem_network* network) {
  return network->model_hash.c_str();
}

bluestem_request* bluestem_request_create(const bluestem_network* network) {
  bluestem_request* request = nullptr;
  Guarded([&] {
    if (network == nullptr) return Missing("network");
    const runtime::CompiledModel& model = network->opened.model;
    request = new bluestem_request{model.CreateRequest(), model.inputs()};
    return bluestem::OkStatus();
  });
  return request;
}

void bluestem_request_destroy(bluestem_request* request) {
  if (request == nullptr) return;
  request->request.Cancel();
  const Status ended = request->request.Wait();
  static_cast<void>(ended);  // no longer matters
  delete request;
}

int bluestem_request_set_input(bluestem_request* request, const char* name, const void* data,
                               int64_t bytes) {
  return Guarded([&] { return SetInput(*request, name, data, bytes); });
}

int bluestem_request_output(const bluestem_request* request, const char* name, void* data,
                            int64_t bytes) {
  return Guarded([&] { return ReadOutput(*request, name, data, bytes); });
}

int bluestem_request_infer(bluestem_request* request) {
  return Guarded([&] { return request->request.Infer(); });
}

int bluestem_request_start(bluestem_request* request) {
  return Guarded([&] { return request->request.StartAsync(); });
}

int bluestem_requests_start(bluestem_request* const* requests, int32_t count) {
  return Guarded([&] { return StartAll(requests, count); });
}

int bluestem_request_wait(bluestem_request* request) {
  return Guarded([&] { return request->request.Wait(); });
}

int bluestem_request_wait_for(bluestem_request* request, int64_t milliseconds) {
  return request->request.WaitFor(std::chrono::milliseconds(milliseconds)) ? 1 : 0;
}

void bluestem_request_cancel(bluestem_request* request) {
  request->request.Cancel();
}

void bluestem_request_set_callback(bluestem_request* request, bluestem_callback callback,
                                   void* user) {
  if (callback == nullptr) {
    request->request.SetCallback(nullptr);
  } else {
    request->request.SetCallback(
        [=](const Status& status) { callback(user, static_cast<int>(status.code())); });
  }
}

void bluestem_request_enable_profile(bluestem_request* request, int enable) {
  request->request.EnableProfiling(enable != 0);
}

int32_t bluestem_request_profile_rows(const bluestem_request* request) {
  return static_cast<int32_t>(request->request.Profile().size());
}

int bluestem_request_profile_row(const bluestem_request* request, int32_t index,
                                 bluestem_op_profile* row) {
  return Guarded([&] { return ReadRow(*request, index, row); });
}

}  // extern "C"
