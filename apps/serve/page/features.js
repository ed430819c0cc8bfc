// What can be seen in a map of features [C, gh, gw]: C numbers for each patch.
import {percentiles} from './arrays.js';

export class FeatureMap {
  constructor({shape: [channels, height, width], values}) {
    Object.assign(this, {channels, height, width, values});
    this.patches = height * width;
    this.norms = this.#norms();
  }

  #norms() {
    const sums = new Float64Array(this.patches);
    for (let c = 0; c < this.channels; ++c) {
      const row = this.#channel(c);
      for (let n = 0; n < this.patches; ++n) sums[n] += row[n] * row[n];
    }
    return sums.map(Math.sqrt);
  }

  #channel(c) {
    return this.values.subarray(c * this.patches, (c + 1) * this.patches);
  }

  // The cosine between the features of one patch and those of every patch, from -1 to 1.
  similarities(patch) {
    const dots = new Float64Array(this.patches);
    for (let c = 0; c < this.channels; ++c) {
      const row = this.#channel(c), factor = row[patch];
      for (let n = 0; n < this.patches; ++n) dots[n] += factor * row[n];
    }
    return Float32Array.from(dots, (dot, n) => dot / (this.norms[n] * this.norms[patch] || 1));
  }

  // Every patch's place along each of the first three principal components, from 0 to 1.
  principalColours() {
    const means = new Float64Array(this.channels);
    for (let c = 0; c < this.channels; ++c) means[c] = this.#channel(c).reduce((a, b) => a + b, 0) / this.patches;
    const directions = [], colours = [];
    for (let k = 0; k < 3; ++k) {
      directions.push(this.#principalDirection(means, directions));
      const places = this.#project(directions[k], means);
      const [low, high] = percentiles(places, 0.01, 0.99);
      colours.push(places.map(place => Math.min(1, Math.max(0, (place - low) / (high - low || 1)))));
    }
    return colours;
  }

  // Power iteration on the covariance, kept orthogonal to the directions found before. The steps are
  // as many as make colours stable to the eye; nobody computes with these.
  #principalDirection(means, found) {
    let direction = Float64Array.from({length: this.channels}, (_, c) => Math.sin(12.9898 * (c + 1) * (found.length + 1)));
    for (let step = 0; step < 12; ++step) {
      const places = this.#project(direction, means);
      for (let c = 0; c < this.channels; ++c) {
        const row = this.#channel(c);
        let sum = 0;
        for (let n = 0; n < this.patches; ++n) sum += (row[n] - means[c]) * places[n];
        direction[c] = sum;
      }
      for (const other of found) {
        const along = direction.reduce((sum, value, c) => sum + value * other[c], 0);
        direction = direction.map((value, c) => value - along * other[c]);
      }
      const length = Math.hypot(...direction) || 1;
      direction = direction.map(value => value / length);
    }
    return direction;
  }

  #project(direction, means) {
    const places = new Float64Array(this.patches);
    for (let c = 0; c < this.channels; ++c) {
      const row = this.#channel(c), factor = direction[c], mean = means[c];
      for (let n = 0; n < this.patches; ++n) places[n] += factor * (row[n] - mean);
    }
    return places;
  }
}
