#include <malloc.h>

#include <thread>

#include "tests/codegen/fixture.h"

namespace bluestem {
namespace {

using runtime::Interpret;
using runtime::LoadLibrary;
using runtime::Session;
using testing::EveryCall;
using testing::LibraryOf;
using testing::RandomInputs;
using testing::SmallNetwork;

std::unique_ptr<Session> Need(Result<std::unique_ptr<Session>> session) {
  EXPECT_TRUE(session.ok()) << session.status().message();
  return session.ok() ? std::move(session).value() : nullptr;
}

void ExpectEqualBits(const std::shared_ptr<program::Program>& program, const Path& library,
                     const std::string& isa) {
  const auto interpreter = Need(Interpret(program, "reference"));
  const auto compiled = Need(LoadLibrary(library, isa));
  ASSERT_TRUE(interpreter != nullptr && compiled != nullptr);
  EXPECT_EQ(compiled->isa(), isa);
  for (uint32_t seed = 0; seed < 5; ++seed) {
    const std::vector<Tensor> inputs = RandomInputs(*program, seed);
    const auto expected = interpreter->Run(inputs);
    const auto actual = compiled->Run(inputs);
    ASSERT_TRUE(expected.ok() && actual.ok());
    EXPECT_EQ(*actual, *expected) << isa << ", input " << seed;
  }
}

TEST(Artefact, EqualsTheInterpreterOnEveryIsa) {
  for (const std::string& isa : testing::IsasHere()) {
    ExpectEqualBits(SmallNetwork(1), LibraryOf(testing::SmallArtefact()), isa);
  }
}

TEST(Artefact, EqualsTheInterpreterForEveryKindOfCall) {
  for (const std::string& isa : testing::IsasHere()) {
    ExpectEqualBits(EveryCall(), LibraryOf(testing::EveryCallArtefact()), isa);
  }
}

TEST(Artefact, TellsWhatItIs) {
  const auto program = EveryCall();
  const auto session = Need(LoadLibrary(LibraryOf(testing::EveryCallArtefact())));
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->model_hash(), program->model_hash);
  EXPECT_EQ(session->arena_bytes(), program->arena_bytes);
  EXPECT_EQ(session->weight_bytes(), static_cast<int64_t>(program->constants.size()));
  ASSERT_EQ(session->outputs().size(), 2u);
  EXPECT_EQ(session->outputs()[1].name, "codes");
  EXPECT_EQ(session->outputs()[1].shape, (Shape{1, 6, 6, 8}));
  EXPECT_EQ(session->outputs()[1].scale, 0.25);
  EXPECT_EQ(session->outputs()[1].zero_point, 3);
}

TEST(Artefact, ProfilesEachCallWithTheKernelThatRan) {
  const auto program = SmallNetwork(1);
  for (const auto& session :
       {Need(LoadLibrary(LibraryOf(testing::SmallArtefact()))), Need(Interpret(program))}) {
    std::vector<runtime::OpProfile> ops;
    ASSERT_TRUE(session->Profile(RandomInputs(*program, 1), ops).ok());
    ASSERT_EQ(ops.size(), program->calls.size());
    EXPECT_EQ(ops[0].op, "conv1");
    EXPECT_EQ(ops[0].kernel.rfind("qconv_", 0), 0u);
    EXPECT_EQ(ops[1].w_bits, 1);
    EXPECT_EQ(ops[1].macs, 64 * 40 * 9 * 32);
    EXPECT_EQ(ops[2].kernel, "strided_copy");
    EXPECT_GE(ops[1].nanoseconds, 0);
  }
}

TEST(Artefact, TwoModelsLiveInOneProcess) {
  const auto small = Need(LoadLibrary(LibraryOf(testing::SmallArtefact())));
  const auto every = Need(LoadLibrary(LibraryOf(testing::EveryCallArtefact())));
  ASSERT_TRUE(small != nullptr && every != nullptr);
  EXPECT_NE(small->model_hash(), every->model_hash());
  for (const auto& [program, session] :
       {std::pair(SmallNetwork(1), small.get()), std::pair(EveryCall(), every.get())}) {
    const auto inputs = RandomInputs(*program, 9);
    EXPECT_EQ(*session->Run(inputs), *Need(Interpret(program))->Run(inputs));
  }
}

TEST(Artefact, FourThreadsRunTheirOwnSessions) {
  const auto program = SmallNetwork(1);
  const auto inputs = RandomInputs(*program, 4);
  const auto expected = *Need(Interpret(program))->Run(inputs);
  std::vector<std::thread> threads;
  std::vector<int> equal(4, 0);
  for (size_t t = 0; t < equal.size(); ++t) {
    threads.emplace_back([&, t] {
      const auto session = Need(LoadLibrary(LibraryOf(testing::SmallArtefact())));
      for (int n = 0; n < 50; ++n) equal[t] += *session->Run(inputs) == expected ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(equal, std::vector<int>(4, 50));
}

TEST(Artefact, GivesTheSameBitsWithAnyNumberOfThreads) {
  const auto program = testing::WideNetwork();
  const auto inputs = RandomInputs(*program, 3);
  const auto expected = *Need(Interpret(program, "reference"))->Run(inputs);
  for (const std::string& isa : testing::IsasHere()) {
    for (const int32_t threads : {1, 2, 3, 8}) {
      for (const auto& session :
           {Need(LoadLibrary(LibraryOf(testing::WideArtefact()), isa, threads)),
            Need(Interpret(program, isa, threads))}) {
        ASSERT_NE(session, nullptr);
        EXPECT_EQ(session->threads(), threads);
        for (int n = 0; n < 5; ++n) {
          ASSERT_EQ(*session->Run(inputs), expected) << isa << ", " << threads << " threads";
        }
      }
    }
  }
}

TEST(Artefact, TwoSessionsWithThreadsRunAtOnce) {
  const auto program = testing::WideNetwork();
  const auto inputs = RandomInputs(*program, 5);
  const auto expected = *Need(Interpret(program))->Run(inputs);
  std::vector<std::thread> callers;
  std::vector<int> equal(2, 0);
  for (size_t t = 0; t < equal.size(); ++t) {
    callers.emplace_back([&, t] {
      const auto session = Need(LoadLibrary(LibraryOf(testing::WideArtefact()), "", 2));
      for (int n = 0; n < 30; ++n) equal[t] += *session->Run(inputs) == expected ? 1 : 0;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(equal, std::vector<int>(2, 30));
}

TEST(Artefact, OptionsThatItDoesNotKnowOrThatAreMissingHaveTheirDefaults) {
  testing::RawLibrary library(LibraryOf(testing::WideArtefact()));
  struct {
    bluestem_options known;
    int64_t later[4];
  } newer = {{sizeof(newer), nullptr, 2}, {1, 2, 3, 4}};
  bluestem_session* session = nullptr;
  ASSERT_EQ(library.create_with(&newer.known, &session), BLUESTEM_OK);
  EXPECT_EQ(library.session_threads(session), 2);
  library.destroy(session);
  const bluestem_options older = {offsetof(bluestem_options, threads), "portable", 9};
  ASSERT_EQ(library.create_with(&older, &session), BLUESTEM_OK);
  EXPECT_EQ(library.session_threads(session), 1);
  library.destroy(session);
  bluestem_options options = {sizeof(options), nullptr, 0};
  ASSERT_EQ(library.create_with(&options, &session), BLUESTEM_OK);
  EXPECT_GE(library.session_threads(session), 1);
  library.destroy(session);
  for (const int32_t threads : {-1, 65}) {
    options.threads = threads;
    EXPECT_EQ(library.create_with(&options, &session), BLUESTEM_ERROR_ARGUMENT);
  }
  options = {sizeof(options), "mmx", 1};
  EXPECT_EQ(library.create_with(&options, &session), BLUESTEM_ERROR_ISA);
  options.struct_bytes = 0;
  EXPECT_EQ(library.create_with(&options, &session), BLUESTEM_ERROR_ARGUMENT);
  EXPECT_EQ(library.create_with(nullptr, &session), BLUESTEM_ERROR_ARGUMENT);
}

TEST(Artefact, RunTakesAnyAlignment) {
  const auto program = EveryCall();
  const auto inputs = RandomInputs(*program, 2);
  const auto expected = *Need(Interpret(program))->Run(inputs);
  testing::RawLibrary library(LibraryOf(testing::EveryCallArtefact()));
  Bytes in(1 + static_cast<size_t>(inputs[0].bytes()));
  std::memcpy(in.data() + 1, inputs[0].raw(), in.size() - 1);
  Bytes scores(1 + static_cast<size_t>(expected[0].bytes()));
  Bytes codes(1 + static_cast<size_t>(expected[1].bytes()));
  const void* input_pointers[] = {in.data() + 1};
  void* output_pointers[] = {scores.data() + 1, codes.data() + 1};
  ASSERT_EQ(library.run(library.session, input_pointers, output_pointers), BLUESTEM_OK);
  EXPECT_EQ(std::memcmp(scores.data() + 1, expected[0].raw(), scores.size() - 1), 0);
  EXPECT_EQ(std::memcmp(codes.data() + 1, expected[1].raw(), codes.size() - 1), 0);
}

TEST(Artefact, RunAllocatesNothing) {
  const auto program = SmallNetwork(1);
  const auto inputs = RandomInputs(*program, 2);
  testing::RawLibrary library(LibraryOf(testing::SmallArtefact()));
  std::vector<float> scores(10);
  const void* input_pointers[] = {inputs[0].raw()};
  void* output_pointers[] = {scores.data()};
  std::vector<bluestem_op_info> ops(static_cast<size_t>(library.op_count()));
  const struct mallinfo2 before = mallinfo2();
  library.run(library.session, input_pointers, output_pointers);
  library.profile(library.session, input_pointers, output_pointers, ops.data());
  const struct mallinfo2 after = mallinfo2();
  EXPECT_EQ(after.uordblks, before.uordblks);
  EXPECT_EQ(after.hblkhd, before.hblkhd);
  // An allocation that is freed again would not show above; a library that cannot allocate in run
  // does not import the functions that could: only create (aligned_alloc) and destroy (free) do.
  const auto symbols = RunProcess(
      {"nm", "-D", "--undefined-only", LibraryOf(testing::SmallArtefact()).string()}, "/");
  ASSERT_TRUE(symbols.ok());
  EXPECT_EQ(symbols->output.find("malloc"), std::string::npos) << symbols->output;
  EXPECT_EQ(symbols->output.find("_Zn"), std::string::npos) << symbols->output;
}

TEST(Artefact, NeedsNothingButLibc) {
  for (const Path& artefact : {testing::SmallArtefact(), testing::EveryCallArtefact()}) {
    const auto dynamic = RunProcess({"readelf", "-d", LibraryOf(artefact).string()}, "/");
    ASSERT_TRUE(dynamic.ok());
    size_t needed = 0;
    for (size_t at = dynamic->output.find("(NEEDED)"); at != std::string::npos;
         at = dynamic->output.find("(NEEDED)", at + 1)) {
      ++needed;
    }
    EXPECT_NE(dynamic->output.find("[libc.so.6]"), std::string::npos) << dynamic->output;
    EXPECT_EQ(needed, 1u) << dynamic->output;
  }
}

TEST(Artefact, RefusesWhatDoesNotFit) {
  testing::RawLibrary library(LibraryOf(testing::SmallArtefact()));
  void* outputs[] = {nullptr};
  const void* inputs[] = {nullptr};
  EXPECT_EQ(library.run(nullptr, inputs, outputs), BLUESTEM_ERROR_ARGUMENT);
  EXPECT_EQ(library.run(library.session, inputs, outputs), BLUESTEM_ERROR_ARGUMENT);
  EXPECT_EQ(library.run(library.session, nullptr, outputs), BLUESTEM_ERROR_ARGUMENT);
  EXPECT_EQ(library.input(-1), nullptr);
  EXPECT_EQ(library.input(1), nullptr);
  bluestem_session* session = nullptr;
  EXPECT_EQ(library.create_isa("neon", &session), BLUESTEM_ERROR_ISA);
  EXPECT_EQ(library.create_isa("mmx", &session), BLUESTEM_ERROR_ISA);
  EXPECT_EQ(session, nullptr);
}

}  // namespace
}  // namespace bluestem
