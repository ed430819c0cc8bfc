// Results as canvases, to be laid over the image.
import {element} from './report.js';

const kInferno = ['000004', '1b0c41', '4a0c6b', '781c6d', 'a52c60', 'cf4446', 'ed6925', 'fb9b06', 'f7d13d', 'fcffa4']
    .map(hex => [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16)));

// From dark (0) to bright (1).
function inferno(share) {
  const at = Math.min(1, Math.max(0, share)) * (kInferno.length - 1);
  const low = Math.min(kInferno.length - 2, Math.floor(at));
  return kInferno[low].map((value, i) => value + (at - low) * (kInferno[low + 1][i] - value));
}

// `colour(i)` gives [red, green, blue] of pixel i, or nothing where the image is to be seen.
function paint(width, height, colour) {
  const canvas = element('canvas', {width, height});
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; ++i) {
    const rgb = colour(i);
    if (!rgb) continue;
    image.data.set(rgb, 4 * i);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

export function drawColours(map) {
  const [red, green, blue] = map.principalColours();
  const canvas = paint(map.width, map.height, i => [255 * red[i], 255 * green[i], 255 * blue[i]]);
  canvas.className = 'patches';
  return canvas;
}

const kPatchPixels = 16;  // of the canvas, so that there is room for a frame

// `patch` in a frame, and how similar the others are to it: the least dark, the patch itself bright.
export function drawSimilarities(map, similarities, patch) {
  const low = similarities.reduce((a, b) => Math.min(a, b), 1);
  const small = paint(map.width, map.height, i => inferno((similarities[i] - low) / (1 - low || 1)));
  const canvas = element(
      'canvas', {width: kPatchPixels * map.width, height: kPatchPixels * map.height, className: 'patches'});
  const context = canvas.getContext('2d');
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  const x = kPatchPixels * (patch % map.width), y = kPatchPixels * Math.floor(patch / map.width);
  for (const [colour, inset] of [['#000', 0.5], ['#00e5ff', 1.5]]) {
    context.strokeStyle = colour;
    context.strokeRect(x + inset, y + inset, kPatchPixels - 2 * inset, kPatchPixels - 2 * inset);
  }
  return canvas;
}

// The set's own colour, or one that is far from its neighbours'.
export function classColour({id, color}) {
  if (color) return color;
  const hue = (137.508 * id % 360) / 60, value = offset => {
    const k = (offset + hue) % 6;
    return Math.round(230 - 180 * Math.max(0, Math.min(k, 4 - k, 1)));
  };
  return [value(5), value(3), value(1)];
}

export function drawParts({shape: [height, width], values}, classes) {
  const colours = classes.map(classColour);
  return paint(width, height, i => values[i] ? colours[values[i]] : undefined);
}

// The nearest is bright. With `mask`, only where it is not 0.
export function drawDepth({shape: [height, width], values}, mask) {
  let near = Infinity, far = -Infinity;
  for (let i = 0; i < values.length; ++i) {
    if (mask && !mask[i]) continue;
    near = Math.min(near, values[i]);
    far = Math.max(far, values[i]);
  }
  return paint(width, height, i => mask && !mask[i] ? undefined : inferno((far - values[i]) / (far - near || 1)));
}

export function drawNormals({shape: [height, width], values}, mask) {
  const byte = value => 127.5 * (value + 1);
  return paint(width, height, i => {
    if (mask && !mask[i]) return undefined;
    return [byte(values[3 * i]), byte(values[3 * i + 1]), byte(values[3 * i + 2])];
  });
}

const kMinScore = 0.3;

export function drawPose({image, meta_info: meta, instance_info: persons}) {
  const canvas = element('canvas', {width: image.width, height: image.height});
  const context = canvas.getContext('2d');
  const css = colour => `rgb(${(colour ?? [0, 200, 255]).join(' ')})`;
  for (const {keypoints, keypoint_scores: scores, bbox} of persons) {
    const radius = Math.max(1.5, (bbox[3] - bbox[1]) / 200);
    context.lineWidth = radius;
    const linked = new Set((meta.skeleton_links ?? []).flat());
    (meta.skeleton_links ?? []).forEach(([from, to], link) => {
      if (Math.min(scores[from], scores[to]) < kMinScore) return;
      context.strokeStyle = css(meta.skeleton_link_colors[link]);
      context.beginPath();
      context.moveTo(...keypoints[from]);
      context.lineTo(...keypoints[to]);
      context.stroke();
    });
    keypoints.forEach(([x, y], point) => {
      if (scores[point] < kMinScore) return;
      context.fillStyle = css(meta.keypoint_colors?.[point]);
      context.beginPath();
      context.arc(x, y, linked.size === 0 || linked.has(point) ? radius * 1.4 : radius / 2, 0, 2 * Math.PI);
      context.fill();
    });
  }
  return canvas;
}
