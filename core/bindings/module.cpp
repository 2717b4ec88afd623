#include "arrays.h"

NB_MODULE(_core, module) {
  using namespace framecast::bindings;
  module.attr("__version__") = FRAMECAST_VERSION;
  bind_assign(module);
  bind_box_iou(module);
  bind_category_table(module);
  bind_decode_boxes(module);
  bind_decode_detections(module);
  bind_decode_fcos(module);
  bind_decode_keypoints(module);
  bind_decode_proposals(module);
  bind_decode_retinanet(module);
  bind_decode_segmentation(module);
  bind_decode_ssd(module);
  bind_decode_yolov5(module);
  bind_decode_yolox(module);
  bind_fuse_boxes(module);
  bind_isa(module);
  bind_kalman(module);
  bind_map_boxes(module);
  bind_masks_to_polygons(module);
  bind_nms(module);
  bind_nms_rotated(module);
  bind_polygons_to_mask(module);
  bind_prepare(module);
  bind_prototypes_to_polygons(module);
  bind_rle(module);
  bind_serialise_results(module);
  bind_simplify_polygons(module);
  bind_simplify_rings(module);
  bind_simplify_visvalingam(module);
  bind_soft_nms(module);
  bind_thread_pool(module);
  bind_tracker(module);
}
