#include "framecast/decode_proposals.h"

#include <nanobind/stl/array.h>

#include "recycled.h"
#include "tensor.h"

namespace framecast::bindings {
namespace {

nb::tuple decode_proposals_numpy(const TensorInput<2>& objectness, const TensorInput<3>& deltas,
                                 Input<float, 2> anchors, Input<std::int64_t, 1> level_sizes,
                                 Input<float, 2> image_sizes, std::int64_t pre_nms_top_n, std::int64_t post_nms_top_n,
                                 float nms_threshold, float score_threshold, float min_size,
                                 std::array<float, 4> box_weights, ThreadPool* pool) {
  require(objectness.shape(0) == image_sizes.shape(0) && objectness.shape(1) == anchors.shape(0),
          "objectness: must be [images, anchors]");
  require(deltas.shape(0) == image_sizes.shape(0) && deltas.shape(1) == anchors.shape(0) && deltas.shape(2) == 4,
          "deltas: must be [images, anchors, 4]");
  const RpnOutputs outputs{objectness.tensor(), deltas.tensor(), rows<Box>(anchors, "anchors: must be [N, 4]"),
                           span(level_sizes), rows<ImageSize>(image_sizes, "image_sizes: must be [B, 2]")};
  const ProposalSettings settings{pre_nms_top_n, post_nms_top_n, nms_threshold, score_threshold, min_size, box_weights};
  auto result = Recycled<Proposals>::take();
  {
    nb::gil_scoped_release release;
    thread_local ProposalWorkspace workspace;
    decode_proposals(outputs, settings, *result, workspace, pool);
  }
  Proposals& found = *result;
  const nb::capsule owner = Recycled<Proposals>::release(std::move(result));
  return nb::make_tuple(view(found.boxes, owner), view(found.scores, owner), view(found.splits, owner));
}

}  // namespace

void bind_decode_proposals(nb::module_& module) {
  module.def("decode_proposals", decode_proposals_numpy, nb::arg("objectness").noconvert(),
             nb::arg("deltas").noconvert(), nb::arg("anchors").noconvert(), nb::arg("level_sizes").noconvert(),
             nb::arg("image_sizes").noconvert(), nb::kw_only(), nb::arg("pre_nms_top_n"), nb::arg("post_nms_top_n"),
             nb::arg("nms_threshold"), nb::arg("score_threshold"), nb::arg("min_size"), nb::arg("box_weights"),
             nb::arg("pool") = nb::none(),
             "Chooses and decodes region proposals as torchvision does; see the stub for shapes.");
}

}  // namespace framecast::bindings
