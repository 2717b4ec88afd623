#include "mask_workspace.h"

namespace framecast {

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
