#include "kernels/find_runs.h"

#include <cstddef>
#include <vector>

#include "check.h"
#include "random.h"

using namespace framecast;

TEST(kernels_find_the_same_runs_and_read_and_write_no_further) {
  Random random(3);
  for (std::size_t width = 0; width <= 530; width += width < 200 ? 1 : 33) {
    for (std::size_t misaligned = 0; misaligned < 3; ++misaligned) {
      const std::size_t kind = random.below(3);
      std::vector<std::uint8_t> pixels(misaligned + width + 70, 255);
      for (std::size_t x = 0; x < width; ++x) {
        const bool set = kind == 0 ? random.below(2) == 1 : (kind == 1 ? x / 50 % 2 == 0 : random.below(60) > 0);
        pixels[misaligned + x] = set ? static_cast<std::uint8_t>(1 + random.below(255)) : 0;
      }
      auto runs = [&](kernels::FindRuns find_runs) {
        std::vector<std::uint32_t> ends(width + 3, 12345);
        const std::size_t count = find_runs(pixels.data() + misaligned, width, ends.data());
        CHECK(count <= width + 1 && ends[width + 2] == 12345);
        ends.resize(count);
        return ends;
      };
      const auto expected = runs(kernels::find_runs_scalar);
      CHECK(expected.size() % 2 == 0);
      for (Isa isa : {Isa::neon, Isa::avx2, Isa::avx512}) {
        if (is_supported(isa)) CHECK(runs(kernels::find_runs_kernel(isa)) == expected);
      }
    }
  }
}
