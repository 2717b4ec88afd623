#include "mask_workspace.h"

#include <cstdint>

namespace framecast {
namespace {

template <typename T>
void append_all(const std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

/// Goes on from the last offset.
void append_splits(const std::vector<std::int64_t>& from, std::vector<std::int64_t>& to) {
  const std::int64_t first = to.back();
  const std::size_t before = to.size();
  to.resize(before + from.size() - 1);
  for (std::size_t i = 1; i < from.size(); ++i) to[before + i - 1] = first + from[i];
}

}  // namespace

MaskWorkspace::MaskWorkspace() : state_(std::make_unique<State>()) {}
MaskWorkspace::~MaskWorkspace() = default;

void append_instances(const Polygons& from, Polygons& out) {
  append_all(from.points, out.points);
  append_splits(from.ring_splits, out.ring_splits);
  append_splits(from.part_splits, out.part_splits);
  append_splits(from.instance_splits, out.instance_splits);
  append_all(from.areas, out.areas);
  append_all(from.boxes, out.boxes);
}

}  // namespace framecast
