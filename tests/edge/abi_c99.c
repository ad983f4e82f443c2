/* The artefact's header as a C99 program sees it; cpu_features_test.cc compares. */
#include "bluestem/edge/model_abi.h"

int32_t BluestemAbiVersionSeenFromC(void);
size_t BluestemTensorInfoBytesSeenFromC(void);

int32_t BluestemAbiVersionSeenFromC(void) {
  return BLUESTEM_ABI_VERSION;
}

size_t BluestemTensorInfoBytesSeenFromC(void) {
  bluestem_tensor_info info;
  return sizeof(info);
}
