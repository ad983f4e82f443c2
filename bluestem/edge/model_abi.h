/* The C interface of a Bluestem artefact: what libbluestem_<target>.so exports and
 * bin/bluestem-run, python/run.py and the in-process runtime call. C99; no dependency but libc.
 *
 * Threads: bluestem_model_* information calls may be made from any thread at any time. One
 * bluestem_session belongs to one thread at a time; different sessions run in parallel. A session
 * runs on the thread that calls it, and on threads of its own only where bluestem_create_with asked
 * for them; outputs have the same bits with any number of threads. Several artefacts may be loaded
 * in one process (dlopen with RTLD_LOCAL). Memory: bluestem_create allocates everything;
 * bluestem_run allocates nothing.
 *
 * Version 2 added bluestem_create_with and bluestem_session_threads. */
#ifndef BLUESTEM_EDGE_MODEL_ABI_H_
#define BLUESTEM_EDGE_MODEL_ABI_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BLUESTEM_ABI_VERSION 2
#define BLUESTEM_MAX_RANK 6

#if defined(__GNUC__)
#define BLUESTEM_EXPORT __attribute__((visibility("default")))
#else
#define BLUESTEM_EXPORT
#endif

typedef enum {
  BLUESTEM_OK = 0,
  BLUESTEM_ERROR_ARGUMENT = 1, /* null pointer, index or number out of range */
  BLUESTEM_ERROR_MEMORY = 2,   /* the session could not be allocated */
  BLUESTEM_ERROR_ISA = 3,      /* this CPU or library does not have the instruction set */
  BLUESTEM_ERROR_THREADS = 4   /* the system did not start that many threads */
} bluestem_status;

typedef enum { BLUESTEM_F32 = 0, BLUESTEM_U8 = 1, BLUESTEM_S32 = 2 } bluestem_dtype;

typedef struct {
  const char* name;
  bluestem_dtype dtype;
  int32_t rank;
  int64_t shape[BLUESTEM_MAX_RANK]; /* images are NHWC */
  size_t bytes;
  double scale; /* u8 only: real = (code - zero_point) * scale; 0 for f32 */
  int32_t zero_point;
} bluestem_tensor_info;

/* One executed call, for profiles. */
typedef struct {
  const char* op;     /* the node it came from */
  const char* kernel; /* the chosen kernel's symbol */
  int32_t x_bits, w_bits;
  int64_t macs;
  int64_t nanoseconds; /* of the last profiled run */
} bluestem_op_info;

typedef struct bluestem_session bluestem_session;

/* How a session is to be. Later versions add fields at the end. */
typedef struct {
  size_t struct_bytes; /* sizeof(bluestem_options): fields behind it have their defaults */
  const char* isa;     /* as bluestem_create_isa's; NULL (the default) is the best of this CPU */
  int32_t threads;     /* 1..64, the caller's among them; 0: one a core that this process may use.
                          Default 1 */
} bluestem_options;

BLUESTEM_EXPORT int32_t bluestem_abi_version(void);
BLUESTEM_EXPORT const char* bluestem_model_name(void);
BLUESTEM_EXPORT const char* bluestem_model_hash(void); /* SHA-256 of model.onnx, hex */
BLUESTEM_EXPORT const char* bluestem_tool_version(void);
BLUESTEM_EXPORT const char* bluestem_status_text(bluestem_status status);
BLUESTEM_EXPORT int32_t bluestem_input_count(void);
BLUESTEM_EXPORT int32_t bluestem_output_count(void);
/* Null when out of range. The strings and arrays live as long as the library. */
BLUESTEM_EXPORT const bluestem_tensor_info* bluestem_input(int32_t index);
BLUESTEM_EXPORT const bluestem_tensor_info* bluestem_output(int32_t index);
/* Of every session: what calls leave for others. */
BLUESTEM_EXPORT size_t bluestem_arena_bytes(void);
BLUESTEM_EXPORT size_t bluestem_weight_bytes(void);

/* The best instruction set of this CPU. */
BLUESTEM_EXPORT bluestem_status bluestem_create(bluestem_session** session);
/* A named one, for tests: "amx", "avx512_vbmi", "avx512_vnni", "avx512", "avx2", "sse4",
 * "neon_dot", "neon", ... */
BLUESTEM_EXPORT bluestem_status bluestem_create_isa(const char* isa, bluestem_session** session);
/* What `options` asks for; threads start here and wait asleep between runs. */
BLUESTEM_EXPORT bluestem_status bluestem_create_with(const bluestem_options* options,
                                                     bluestem_session** session);
/* Ends the session's threads and frees it. */
BLUESTEM_EXPORT void bluestem_destroy(bluestem_session* session); /* null is allowed */
BLUESTEM_EXPORT const char* bluestem_session_isa(const bluestem_session* session);
BLUESTEM_EXPORT int32_t bluestem_session_threads(const bluestem_session* session);
/* What the kernels of this session's instruction set work in, over all threads. */
BLUESTEM_EXPORT size_t bluestem_scratch_bytes(const bluestem_session* session);

/* Runs one inference. `inputs[i]` points at input i's bytes, `outputs[i]` at room for output i; any
 * alignment. */
BLUESTEM_EXPORT bluestem_status bluestem_run(bluestem_session* session, const void* const* inputs,
                                             void* const* outputs);

BLUESTEM_EXPORT int32_t bluestem_op_count(void);
/* Runs once with a clock around each call and fills ops[0..bluestem_op_count()). */
BLUESTEM_EXPORT bluestem_status bluestem_profile(bluestem_session* session,
                                                 const void* const* inputs, void* const* outputs,
                                                 bluestem_op_info* ops);

#ifdef __cplusplus
}
#endif
#endif /* BLUESTEM_EDGE_MODEL_ABI_H_ */
