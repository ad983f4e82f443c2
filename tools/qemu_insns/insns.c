// insns: counts the instructions that a program executes under qemu-user, exactly.
//
//   gcc -O2 -shared -fPIC -o libinsns.so insns.c
//   qemu-aarch64 -plugin libinsns.so,out=COUNT[,hist=FILE] program
//
// When the program makes the system call getppid with the first argument 0x626c7565, and when it
// ends, the number of instructions executed so far is written to the file COUNT as one u64. So a
// program that reads COUNT after such a call knows what it has executed (bench/arm/counter.h).
// With hist=FILE, the first argument 0x626c7566 writes there "COUNT KIND" for the instructions
// since the last such call, and begins anew. A kind is a mnemonic, and of NEON the width, as
// "vadd.i8 q" or "vld1.8 d aligned"; "(miss) l1d load" and so on are the lines that the data
// caches of a Cyclone V would have fetched.
//
// An instruction of a conditional kind counts whether its condition holds or not, as it takes its
// place in a pipeline either way. One thread only: counts are not added atomically.
//
// Debian's qemu-user has plugins but no qemu-plugin.h; what is used of the documented interface
// (version 1, "QEMU TCG Plugins") is declared here.
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
typedef void (*tb_trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb* tb);
typedef void (*syscall_cb)(qemu_plugin_id_t id, unsigned vcpu, int64_t number, uint64_t a1,
                           uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6,
                           uint64_t a7, uint64_t a8);
typedef void (*udata_cb)(qemu_plugin_id_t id, void* userdata);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_cb cb);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* tb);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb* tb, size_t index);
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_RW = 3 };
typedef void (*mem_cb)(unsigned vcpu, uint32_t info, uint64_t address, void* userdata);
unsigned qemu_plugin_mem_size_shift(uint32_t info);
bool qemu_plugin_mem_is_store(uint32_t info);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn* insn, mem_cb cb,
                                      enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw,
                                      void* userdata);
char* qemu_plugin_insn_disas(const struct qemu_plugin_insn* insn);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn* insn,
                                                enum qemu_plugin_op op, void* at, uint64_t add);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t id, syscall_cb cb);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, udata_cb cb, void* userdata);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

static const uint64_t kMagic = 0x626c7565;
static uint64_t executed;
static int out = -1;

// What `executed` is made of, where hist= is given.
struct Kind {
  char name[40];
  uint64_t count;
};
static struct Kind kinds[1024];
static size_t kind_count;
static const char* histogram;

// A cache of 32-byte lines that replaces the least recently used of a set.
#define WAYS 8
struct Cache {
  size_t sets, ways;
  uint64_t misses[2];          // of loads, of stores
  uint64_t lines[2048][WAYS];  // of a set, the most recently used first; 0 is none
};
static struct Cache l1d = {.sets = 256, .ways = 4};  // 32 KB
static struct Cache l2 = {.sets = 2048, .ways = 8};  // 512 KB

// Returns whether `line` was there, and has it there.
static bool Touch(struct Cache* cache, uint64_t line, bool store) {
  uint64_t* set = cache->lines[line % cache->sets];
  size_t way = 0;
  while (way + 1 < cache->ways && set[way] != line) ++way;
  const bool hit = set[way] == line;
  memmove(set + 1, set, way * sizeof(*set));
  set[0] = line;
  cache->misses[store] += hit ? 0 : 1;
  return hit;
}

static void Accessed(unsigned vcpu, uint32_t info, uint64_t address, void* userdata) {
  (void)vcpu, (void)userdata;
  const uint64_t last = (address + (1u << qemu_plugin_mem_size_shift(info)) - 1) / 32;
  const bool store = qemu_plugin_mem_is_store(info);
  for (uint64_t line = address / 32; line <= last; ++line) {
    if (!Touch(&l1d, line, store)) Touch(&l2, line, store);
  }
}

static void WriteHistogram(void) {
  FILE* file = fopen(histogram, "w");
  for (int store = 0; file != NULL && store < 2; ++store) {
    fprintf(file, "%llu (miss) l1d %s\n", (unsigned long long)l1d.misses[store],
            store ? "store" : "load");
    fprintf(file, "%llu (miss) l2 %s\n", (unsigned long long)l2.misses[store],
            store ? "store" : "load");
    l1d.misses[store] = l2.misses[store] = 0;
  }
  for (size_t i = 0; i < kind_count; ++i) {
    if (file != NULL && kinds[i].count != 0) {
      fprintf(file, "%llu %s\n", (unsigned long long)kinds[i].count, kinds[i].name);
    }
    kinds[i].count = 0;
  }
  if (file == NULL || fclose(file) != 0) perror("insns: hist");
}

// Returns the counter of the instruction's kind; of the last kind if there are too many.
static uint64_t* KindOf(const struct qemu_plugin_insn* insn) {
  char* text = qemu_plugin_insn_disas(insn);
  char name[40];
  size_t end = strcspn(text, " ");
  if (end > 20) end = 20;
  memcpy(name, text, end);
  name[end] = 0;
  if (name[0] == 'v') strcat(name, strpbrk(text + end, "q") != NULL ? " q" : " d");
  if (name[0] == 'v' && strchr(text + end, ':') != NULL) strcat(name, " aligned");
  free(text);
  size_t i = 0;
  while (i < kind_count && strcmp(kinds[i].name, name) != 0) ++i;
  if (i == kind_count && kind_count + 1 < sizeof(kinds) / sizeof(kinds[0])) {
    strcpy(kinds[kind_count++].name, name);
  }
  return &kinds[i].count;
}

static void WriteCount(void) {
  if (pwrite(out, &executed, sizeof(executed), 0) != sizeof(executed)) perror("insns: out");
}

// One addition an instruction, not one a block: a block may be left in its middle.
static void Translated(qemu_plugin_id_t id, struct qemu_plugin_tb* tb) {
  (void)id;
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); ++i) {
    struct qemu_plugin_insn* insn = qemu_plugin_tb_get_insn(tb, i);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &executed, 1);
    if (histogram == NULL) continue;
    qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, KindOf(insn), 1);
    qemu_plugin_register_vcpu_mem_cb(insn, Accessed, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
                                     NULL);
  }
}

static void Called(qemu_plugin_id_t id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                   uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8) {
  (void)id, (void)vcpu, (void)number, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7;
  (void)a8;
  if (a1 == kMagic) WriteCount();
  if (a1 == kMagic + 1 && histogram != NULL) WriteHistogram();
}

static void Ended(qemu_plugin_id_t id, void* userdata) {
  (void)id, (void)userdata;
  WriteCount();
}

// Returns 0, or -1 if an argument is wrong: qemu then does not start.
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void* info, int argc, char** argv) {
  (void)info;
  for (int i = 0; i < argc; ++i) {
    if (strncmp(argv[i], "out=", 4) == 0) out = open(argv[i] + 4, O_RDWR | O_CREAT, 0644);
    if (strncmp(argv[i], "hist=", 5) == 0) histogram = strdup(argv[i] + 5);
  }
  if (out < 0) {
    fprintf(stderr, "insns: give out=FILE, a file that can be written\n");
    return -1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, Translated);
  qemu_plugin_register_vcpu_syscall_cb(id, Called);
  qemu_plugin_register_atexit_cb(id, Ended, NULL);
  return 0;
}
