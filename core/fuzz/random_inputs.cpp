// Stands in for libFuzzer where the compiler has none: inputs of random bytes, and files given by name.
// It knows nothing of coverage, so it finds less; use clang++ to hunt.

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "../tests/random.h"
#include "fuzz_input.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace {

std::vector<std::uint8_t> current;

void save_input() {
  std::ofstream("crash-input", std::ios::binary)
      .write(reinterpret_cast<const char*>(current.data()), static_cast<std::streamsize>(current.size()));
  std::fprintf(stderr, "the input is in ./crash-input\n");
}

void run(std::vector<std::uint8_t> input) {
  current = std::move(input);
  // A copy of the exact length, so that a read past the end is seen.
  const std::vector<std::uint8_t> exact(current.begin(), current.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void run_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  run({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

std::vector<std::uint8_t> random_input(Random& random) {
  const std::size_t size = random.below(std::size_t{1} << random.below(13));
  std::vector<std::uint8_t> input(size);
  const std::size_t kind = random.below(4);
  for (std::uint8_t& byte : input) {
    const std::uint64_t bits = random.bits();
    // Wholly random bytes, small numbers, few values, or long runs.
    if (kind == 0) byte = static_cast<std::uint8_t>(bits);
    if (kind == 1) byte = static_cast<std::uint8_t>(bits % 16);
    if (kind == 2) byte = bits % 2 ? 0xff : 0;
    if (kind == 3) byte = bits % 16 == 0 || &byte == input.data() ? static_cast<std::uint8_t>(bits >> 8) : (&byte)[-1];
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::string_view kTime = "-max_total_time=";
  constexpr std::string_view kSeed = "-seed=";
  std::int64_t seconds = 10;
  std::uint64_t seed = 1;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(save_input);
#endif
  std::signal(SIGABRT, [](int) {
    save_input();
    std::_Exit(1);
  });
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.substr(0, kTime.size()) == kTime) {
      std::from_chars(argument.data() + kTime.size(), argument.data() + argument.size(), seconds);
    } else if (argument.substr(0, kSeed.size()) == kSeed) {
      std::from_chars(argument.data() + kSeed.size(), argument.data() + argument.size(), seed);
    } else if (std::filesystem::is_directory(argument)) {
      for (const auto& entry : std::filesystem::directory_iterator(argument)) run_file(entry.path());
    } else if (std::filesystem::exists(argument)) {
      run_file(argument);
    }
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  Random random(seed);
  std::uint64_t runs = 0;
  while (std::chrono::steady_clock::now() < end) {
    run(random_input(random));
    ++runs;
  }
  std::printf("%llu random inputs in %lld s, no finding\n", static_cast<unsigned long long>(runs),
              static_cast<long long>(seconds));
  return 0;
}
