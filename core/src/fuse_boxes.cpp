#include "framecast/fuse_boxes.h"

#include <algorithm>
#include <cmath>

#include "candidate_order.h"
#include "finite_box.h"
#include "kernels/box_iou.h"
#include "suppression_batch.h"

namespace framecast {
namespace {

void check(const FusionBatch& batch, const FusionSettings& settings) {
  require_rows(batch.boxes.size(), batch.scores, batch.classes, batch.splits);
  const std::size_t images = batch.splits.size() - 1;
  require_iou_thresholds(settings.iou_thresholds, images);
  require_score_thresholds(settings.score_thresholds, images);
  for (float value : settings.score_thresholds) require(value >= 0, "score_thresholds: must not be negative");
  require_max_detections(settings.max_detections, images);
  for (float value : settings.model_weights) {
    require(std::isfinite(value) && value > 0, "model_weights: must be above 0 and finite");
  }
  require(batch.models.size() == batch.boxes.size(), "models: must have one entry per box");
  const auto models = static_cast<std::int64_t>(settings.model_weights.size());
  for (std::int32_t model : batch.models) {
    require(model >= 0 && model < models, "models: must be numbers of model_weights");
  }
}

/// How the members' weighted scores become the score of the whole.
struct Scoring {
  FusedScore rule;
  double models;
  double sum_of_weights = 0;
  double highest_weight = 0;

  explicit Scoring(const FusionSettings& settings)
      : rule(settings.score), models(static_cast<double>(settings.model_weights.size())) {
    for (float weight : settings.model_weights) {
      sum_of_weights += weight;
      highest_weight = std::max(highest_weight, static_cast<double>(weight));
    }
  }

  float of(const BoxCluster& cluster) const {
    if (rule == FusedScore::highest) return static_cast<float>(cluster.highest / highest_weight);
    const double count = cluster.count;
    return static_cast<float>(cluster.weights / count * std::min(count, models) / sum_of_weights);
  }
};

void add(BoxCluster& cluster, const Box& box, float weighted) {
  const double weight = weighted;
  cluster.weights += weight;
  cluster.sums[0] += weight * box.x1;
  cluster.sums[1] += weight * box.y1;
  cluster.sums[2] += weight * box.x2;
  cluster.sums[3] += weight * box.y2;
  ++cluster.count;
}

Box fused_box(const BoxCluster& cluster) {
  auto mean = [&cluster](int i) { return static_cast<float>(cluster.sums[i] / cluster.weights); };
  return {mean(0), mean(1), mean(2), mean(3)};
}

/// Sorts the rows of one image into clusters, which end up in the order of their best members.
void cluster_rows(const Box* boxes, const std::int32_t* classes, float threshold, kernels::IousAbove ious_above,
                  FusionScratch& scratch) {
  const CandidateOrder& order = scratch.order;
  scratch.clusters.clear();
  scratch.counts.assign(order.group_count, 0);
  for (auto& column : scratch.columns) column.resize(std::max(column.size(), order.size()));
  scratch.members.resize(std::max(scratch.members.size(), order.size()));
  scratch.rivals.resize(std::max(scratch.rivals.size(), order.size()));
  scratch.ious.resize(std::max(scratch.ious.size(), order.size()));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t row = order.row(i), group = order.groups[i], start = order.starts[group];
    const Box& box = boxes[row];
    auto column = [&](std::size_t c) { return scratch.columns[c].data() + start; };
    const kernels::BoxColumns fused{column(0), column(1), column(2), column(3), column(4), scratch.counts[group]};
    const std::size_t found =
        ious_above(fused, 0, box, kernels::area_of(box), threshold, scratch.rivals.data(), scratch.ious.data());
    std::uint32_t* members = scratch.members.data() + start;
    if (found == 0) {
      const std::uint32_t place = scratch.counts[group]++;
      members[place] = static_cast<std::uint32_t>(scratch.clusters.size());
      scratch.clusters.push_back({0, {}, scratch.weighted[row], 0, group, place, classes[row]});
      add(scratch.clusters.back(), box, scratch.weighted[row]);
      kernels::set_column(fused, place, box, kernels::area_of(box));
      continue;
    }
    const auto best = std::max_element(scratch.ious.begin(), scratch.ious.begin() + static_cast<std::ptrdiff_t>(found));
    const std::uint32_t place = scratch.rivals[static_cast<std::size_t>(best - scratch.ious.begin())];
    BoxCluster& cluster = scratch.clusters[members[place]];
    add(cluster, box, scratch.weighted[row]);
    const Box moved = fused_box(cluster);
    kernels::set_column(fused, place, moved, kernels::area_of(moved));
  }
}

/// Writes what becomes of one image from its first row on; returns how many boxes that is.
std::size_t fuse_image(const FusionBatch& batch, const FusionSettings& settings, const Scoring& scoring,
                       std::size_t image, kernels::IousAbove ious_above, FusionScratch& scratch, Candidates& out) {
  const auto first = static_cast<std::size_t>(batch.splits[image]);
  const auto count = static_cast<std::size_t>(batch.splits[image + 1]) - first;
  const Box* boxes = batch.boxes.data() + first;
  const float floor = settings.score_thresholds[image];
  auto& weighted = scratch.weighted;
  weighted.resize(count);
  for (std::size_t row = 0; row < count; ++row) {
    const float score = batch.scores[first + row];
    const auto model = static_cast<std::size_t>(batch.models[first + row]);
    const bool enters = score > floor && std::isfinite(score) && is_finite(boxes[row]);
    weighted[row] = enters ? score * settings.model_weights[model] : 0;
  }
  CandidateOrder& order = scratch.order;
  order_candidates(weighted, 0, order, [&weighted](std::size_t row) { return std::isfinite(weighted[row]); });
  group_candidates(batch.classes.subspan(first, count), false, order);
  cluster_rows(boxes, batch.classes.data() + first, settings.iou_thresholds[image], ious_above, scratch);

  // The clusters' numbers, which follow their best members, break ties of the score.
  auto& keys = order.keys;
  keys.resize(scratch.clusters.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = std::uint64_t{falling_key(scoring.of(scratch.clusters[i]))} << 32 | i;
  }
  sort_keys(order);
  const std::size_t kept = std::min(keys.size(), static_cast<std::size_t>(settings.max_detections[image]));
  for (std::size_t i = 0; i < kept; ++i) {
    const BoxCluster& cluster = scratch.clusters[order.row(i)];
    const std::size_t at = order.starts[cluster.group] + cluster.place;
    out.boxes[first + i] = {scratch.columns[0][at], scratch.columns[1][at], scratch.columns[2][at],
                            scratch.columns[3][at]};
    out.scores[first + i] = scoring.of(cluster);
    out.classes[first + i] = cluster.label;
  }
  return kept;
}

}  // namespace

void fuse_boxes(const FusionBatch& batch, const FusionSettings& settings, Candidates& out, FusionWorkspace& workspace,
                ThreadPool* pool) {
  check(batch, settings);
  const kernels::IousAbove ious_above = kernels::box_iou_kernels(active_isa()).ious_above;
  const Scoring scoring(settings);
  workspace.threads.resize(std::max(workspace.threads.size(), thread_count(pool)));
  out.boxes.resize(batch.boxes.size());
  out.scores.resize(batch.boxes.size());
  out.classes.resize(batch.boxes.size());
  out.splits.resize(batch.splits.size());
  // Each image writes where its rows lie, whatever becomes of the others; then the gaps are closed.
  run(pool, batch.splits.size() - 1, [&](std::size_t image, std::size_t thread) {
    out.splits[image + 1] = static_cast<std::int64_t>(
        fuse_image(batch, settings, scoring, image, ious_above, workspace.threads[thread], out));
  });
  add_up(out.splits);
  close_gaps(std::span(out.boxes), batch.splits, out.splits);
  close_gaps(std::span(out.scores), batch.splits, out.splits);
  close_gaps(std::span(out.classes), batch.splits, out.splits);
  const auto fused = static_cast<std::size_t>(out.splits.back());
  out.boxes.resize(fused);
  out.scores.resize(fused);
  out.classes.resize(fused);
}

}  // namespace framecast
