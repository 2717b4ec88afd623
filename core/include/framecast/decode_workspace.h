#pragma once

#include <cstdint>
#include <vector>

#include "framecast/candidates.h"

namespace framecast {

/// A class of a position that may pass, and its number in the network's output.
struct ClassHit {
  std::uint32_t slot;
  std::int32_t class_index;  ///< Negative: none yet.
  float value;
};

/// What one thread needs for one image at a time.
struct DecodeScratch {
  std::vector<std::uint64_t> marks;     ///< A bit per number that reaches a bound.
  std::vector<std::uint64_t> allowed;   ///< A bit per class; empty where all are allowed.
  std::vector<std::uint32_t> classes;   ///< The allowed ones, rising.
  std::vector<std::uint32_t> starts;    ///< Per block of positions: its first.
  std::vector<float> bounds;            ///< Per slot, that is place in a block: what a class must reach.
  std::vector<float> objects;           ///< Per slot: objectness.
  std::vector<std::uint32_t> slots;     ///< Found in one plane.
  std::vector<ClassHit> hits;           ///< By class, or per slot the best.
  std::vector<ClassHit> by_slot;        ///< The hits by slot and class.
  std::vector<std::uint32_t> counters;  ///< Of that sort.
  std::vector<std::uint64_t> keys;      ///< Score and row of the best so far.
};

/// Memory of the decoders of networks with one stage and of `decode_boxes`, reused across calls; one per caller.
struct DecodeWorkspace {
  std::vector<DecodeScratch> threads;
  std::vector<Candidates> images;  ///< What each image gives, where several threads work.
};

}  // namespace framecast
