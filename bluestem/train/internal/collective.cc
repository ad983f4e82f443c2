#include "bluestem/train/internal/collective.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "bluestem/train/internal/backend.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wdeprecated-copy"
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#ifdef USE_C10D_MPI
#include <torch/csrc/distributed/c10d/ProcessGroupMPI.hpp>
#endif
#pragma GCC diagnostic pop

namespace bluestem::train {
namespace {

using Gloo = c10d::ProcessGroupGloo;

// Returns this machine's address on the way to rank 0, or "" where there is none: the name of a
// machine often stands for its loopback, which others cannot reach.
std::string OwnAddress(const config::RankPlace& place) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  const std::string port = std::to_string(place.port);
  if (::getaddrinfo(place.address.c_str(), port.c_str(), &hints, &found) != 0) return "";
  std::string own;
  const int fd = ::socket(found->ai_family, SOCK_DGRAM, 0);
  sockaddr_storage name = {};
  socklen_t size = sizeof(name);
  char text[NI_MAXHOST];
  // Connecting a datagram socket sends nothing; it asks for the route.
  if (fd >= 0 && ::connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0 &&
      ::getnameinfo(reinterpret_cast<sockaddr*>(&name), size, text, sizeof(text), nullptr, 0,
                    NI_NUMERICHOST) == 0)
    own = text;
  if (fd >= 0) ::close(fd);
  ::freeaddrinfo(found);
  return own;
}

auto MakeDevice(const config::RankPlace& place) {
  const char* asked = std::getenv("GLOO_SOCKET_IFNAME");  // as torch.distributed has it
  const std::string interface = asked != nullptr ? asked : place.interface;
  if (!interface.empty()) return Gloo::createDeviceForInterface(interface);
  const std::string own = OwnAddress(place);
  return own.empty() ? Gloo::createDefaultDevice() : Gloo::createDeviceForHostname(own);
}

// One of c10d's classes, whatever they derive from in this version.
template <typename Group>
class CollectiveOf : public Collective {
 public:
  CollectiveOf(c10::intrusive_ptr<Group> group, at::Device device)
      : group_(std::move(group)), device_(device) {}

  void Reduce(at::Tensor values, c10d::ReduceOp::RedOpType operation) override {
    std::vector<at::Tensor> tensors = {values.to(device_)};  // itself, where it is there
    c10d::AllreduceOptions options;
    options.reduceOp = operation;
    group_->allreduce(tensors, options)->wait();
    if (!device_.is_cpu()) values.copy_(tensors[0]);
  }
  void Broadcast(at::Tensor values) override {
    std::vector<at::Tensor> tensors = {values.to(device_)};
    group_->broadcast(tensors)->wait();
    if (!device_.is_cpu()) values.copy_(tensors[0]);
  }

 private:
  c10::intrusive_ptr<Group> group_;
  at::Device device_;
};

#ifdef USE_C10D_NCCL
std::unique_ptr<Collective> MakeNccl(const config::RankPlace& place,
                                     const c10::intrusive_ptr<c10d::Store>& store,
                                     const Transport& transport, std::chrono::seconds timeout) {
  // wait() throws when the timeout is over; read when the group is made, under either name.
  ::setenv("NCCL_BLOCKING_WAIT", "1", 0);
  ::setenv("TORCH_NCCL_BLOCKING_WAIT", "1", 0);
  using Nccl = c10d::ProcessGroupNCCL;
  const auto settings = Nccl::Options::create();
  settings->timeout = timeout;
  return std::make_unique<CollectiveOf<Nccl>>(
      c10::make_intrusive<Nccl>(store, static_cast<int>(place.rank), static_cast<int>(place.ranks),
                                settings),
      at::Device(transport.device));
}
#endif

#ifdef USE_C10D_MPI
std::unique_ptr<Collective> MakeMpi(const config::RankPlace& place) {
  using Mpi = c10d::ProcessGroupMPI;
  c10::intrusive_ptr<Mpi> group = Mpi::createProcessGroupMPI();
  if (!group || group->getRank() != place.rank || group->getSize() != place.ranks)
    throw std::runtime_error("train.backend: mpi needs the ranks that mpirun started");
  return std::make_unique<CollectiveOf<Mpi>>(std::move(group), at::kCPU);
}
#endif

}  // namespace

Backends BuiltBackends() {
  Backends built;
#ifdef USE_C10D_NCCL
  built.nccl = true;
#endif
#ifdef USE_C10D_MPI
  built.mpi = true;
#endif
  return built;
}

std::unique_ptr<Collective> MakeCollective(const config::RankPlace& place,
                                           const c10::intrusive_ptr<c10d::Store>& store,
                                           [[maybe_unused]] const Transport& transport,
                                           std::chrono::seconds timeout) {
#ifdef USE_C10D_NCCL
  if (transport.backend == "nccl") return MakeNccl(place, store, transport, timeout);
#endif
#ifdef USE_C10D_MPI
  if (transport.backend == "mpi") return MakeMpi(place);
#endif
  const auto settings = Gloo::Options::create(timeout);
  settings->threads = 1;
  settings->devices.push_back(MakeDevice(place));
  return std::make_unique<CollectiveOf<Gloo>>(
      c10::make_intrusive<Gloo>(store, static_cast<int>(place.rank), static_cast<int>(place.ranks),
                                settings),
      at::kCPU);
}

}  // namespace bluestem::train
