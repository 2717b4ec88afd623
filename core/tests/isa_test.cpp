#include "isa.h"

#include <stdexcept>

#include "check.h"

using namespace framecast;

TEST(picks_a_supported_set_where_none_is_named) {
  CHECK(is_supported(Isa::scalar));
  CHECK(is_supported(select_isa(nullptr)));
  CHECK(select_isa("") == select_isa(nullptr));
}

TEST(takes_the_set_that_is_named_or_refuses) {
  for (Isa isa : {Isa::scalar, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (is_supported(isa)) {
      CHECK(select_isa(name(isa)) == isa);
    } else {
      CHECK_REFUSES("FRAMECAST_ISA", select_isa(name(isa)));
    }
  }
  CHECK_REFUSES("FRAMECAST_ISA", select_isa("sse9"));
  CHECK_REFUSES("FRAMECAST_ISA", select_isa("AVX2"));
}
