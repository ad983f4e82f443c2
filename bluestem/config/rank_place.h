// RankPlace: which of the processes of one training run this is, as whoever started it says it.
//
//   torchrun and --nproc   RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT
//   mpirun (Open MPI)      OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_SIZE
//   mpirun (MPICH, Intel)  PMI_RANK, PMI_SIZE, MPI_LOCALNRANKS
//   SageMaker              /opt/ml/input/config/resourceconfig.json: current_host, hosts
//
// torchrun that starts all machines' ranks without a rendezvous of its own keeps the store where
// they meet, and says so: TORCHELASTIC_USE_AGENT_STORE, TORCHELASTIC_RESTART_COUNT.
// MPI's ranks meet at MASTER_ADDR too, which may be left out where all are on one machine. The file
// counts only where no variable names a rank. Threads: pure functions. Ownership: values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "bluestem/base/status.h"

namespace bluestem::config {

struct RankPlace {
  int64_t rank = 0;
  int64_t ranks = 1;
  int64_t sharing = 1;   // ranks between which this machine's cores are to be divided
  std::string address;   // where rank 0, or the starter, listens; "" for one rank
  int64_t port = 29500;  // torchrun's own default
  std::string store;     // prefix of keys in the store that the starter keeps; "": rank 0 opens one
  std::string interface;  // network interface, "eth0"; "": the one that leads to `address`
};

// Returns the value of an environment variable, or nothing where it is unset.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// BLUESTEM_RESOURCE_CONFIG names another resourceconfig.json. One rank where nothing is said.
// Errors: kInvalidArgument naming the variable or the file that is wrong, missing or contradicts
// another.
Result<RankPlace> FindRankPlace(const Environment& environment);
// Of this process.
Result<RankPlace> FindRankPlace();

}  // namespace bluestem::config
