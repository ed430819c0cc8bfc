// The page: an image, what the models of this server make of it, and layers to look at that.
import {fetchModels, rememberToken} from './api.js';
import {classColour, drawColours, drawDepth, drawNormals, drawParts, drawPose, drawSimilarities} from './drawing.js';
import {kTasks, Layer} from './layer.js';
import {openImage, saveView} from './image.js';
import {className, element, showModels, showTimes, taskName} from './report.js';

const kMasked = ['depth', 'normal'];  // by the parts
// What says most at the first look is computed first.
const kInTurn = ['seg', 'pose', 'depth', 'normal', 'features'];

const at = id => document.getElementById(id);
const stage = at('stage');
// `patch` is the one that the others are compared with, if any; `mark` the last one that was; `before` the layers
// that were shown before.
// `chosen` counts the images; `turn` ends what is computed when something else is wanted.
const state = {layers: [], file: null, image: null, patch: null, mark: null, before: [], similarities: null,
               chosen: 0, turn: new AbortController()};

const layerOf = task => state.layers.find(layer => layer.task === task);

function complain(error) {
  at('problem').textContent = error?.message ?? '';
  at('problem').hidden = !error;
}

async function start() {
  let loaded;
  try {
    loaded = await fetchModels();
  } catch (error) {
    at('token-form').hidden = error.status !== 401;
    at('summary').textContent = '';
    complain(error);
    return;
  }
  complain(null);
  at('token-form').hidden = true;
  showModels(at('models'), loaded);
  state.layers = kTasks.map(task => [task, loaded.models.filter(model => model.task === task)])
                     .filter(([, able]) => able.length > 0)
                     .map(([task, able]) => new Layer(task, able, layerChanged));
  for (const layer of state.layers) {
    // Those that are not done yet would wait for ever otherwise.
    layer.choice.addEventListener('change', () => run(state.layers.filter(one => one === layer || !one.result)));
  }
  at('layers').replaceChildren(...state.layers.map(layer => layer.row));
  at('summary').textContent = state.layers.map(layer => taskName(layer.task)).join(', ');
}

async function choose(file) {
  if (!file) return;
  complain(state.layers.length === 0 ? new Error('the server has not told its models yet') : null);
  if (state.layers.length === 0) return;
  const number = ++state.chosen;
  let image;
  try {
    image = await openImage(file, Number(at('size').value));
  } catch (error) {
    complain(error);
    return;
  }
  if (number !== state.chosen) return;  // a later one was opened sooner
  Object.assign(state, {file, image});
  stage.classList.remove('empty');
  stage.tabIndex = 0;
  at('drop').hidden = true;
  at('toolbar').hidden = false;
  for (const layer of state.layers) layer.reset('waiting');
  fitStage();
  showStage();
  await run(state.layers);
}

// One after the other: the server computes one at a time anyway, and the first is seen early.
async function run(layers) {
  if (!state.image) return;
  state.turn.abort();  // another image, or another model, was chosen
  const {image} = state, {signal} = state.turn = new AbortController();
  for (const layer of layers) layer.reset('waiting');
  for (const layer of [...layers].sort((a, b) => kInTurn.indexOf(a.task) - kInTurn.indexOf(b.task))) {
    try {
      await layer.run(image, signal);
    } catch (error) {
      if (!signal.aborted) layer.say(error.message, 'failed');
    }
    if (signal.aborted) return;
    if (!layer.result) continue;
    if (layer.task === 'features') state.patch = state.mark = state.similarities = null;
    const below = state.layers.some(other => other.task !== 'pose' && other !== layer && other.shown.checked);
    layer.shown.checked = layer.task === 'pose' || layer.shown.checked || !below;
    redraw(layer.task === 'seg' ? ['seg', ...kMasked] : [layer.task]);
  }
}

// Only what is shown is drawn: a canvas of a large image takes a while.
function draw(layer) {
  const mask = at('person-only').checked ? layerOf('seg')?.result?.values : undefined;
  switch (layer.task) {
    case 'features': return state.patch === null ? drawColours(layer.result)
                                                 : drawSimilarities(layer.result, state.similarities, state.patch);
    case 'seg': return drawParts(layer.result, layer.model.classes);
    case 'depth': return drawDepth(layer.result, mask);
    case 'normal': return drawNormals(layer.result, mask);
    default: return drawPose(layer.result);
  }
}

// These tasks have changed.
function redraw(tasks) {
  for (const layer of state.layers) if (tasks.includes(layer.task)) layer.canvas = null;
  at('stage-help').hidden = !layerOf('features')?.result;
  at('person-only-row').hidden = !layerOf('seg')?.result || !(layerOf('depth') || layerOf('normal'));
  showParts();
  const times = state.layers.map(layer => layer.times).filter(Boolean);
  at('times-section').hidden = times.length === 0;
  showTimes(at('times'), times);
  showStage();
}

function showStage() {
  const shown = state.layers.filter(layer => layer.result && layer.shown.checked);
  for (const layer of shown) {
    layer.canvas ??= draw(layer);
    layer.canvas.style.opacity = layer.opacity.value / 100;
  }
  stage.replaceChildren(at('drop') ?? '', ...(state.image ? [state.image.canvas] : []),
                        ...shown.map(layer => layer.canvas));
  describeFeatures();
}

function layerChanged(layer) {
  if (layer.canvas && layer.shown.checked && layer.canvas.isConnected) {
    layer.canvas.style.opacity = layer.opacity.value / 100;
  } else {
    showStage();
  }
}

// As wide as there is room for, and not higher than the window, or half of it where the controls are below.
function fitStage() {
  if (!state.image) return;
  const {width, height} = state.image.canvas;
  const room = at('readout').clientWidth;
  const share = matchMedia('(max-width: 56rem)').matches ? 0.5 : 0.8;
  stage.style.width = `${Math.min(room, Math.max(200, innerHeight * share) * width / height)}px`;
}

function showParts() {
  const layer = layerOf('seg'), result = layer?.result;
  at('parts-section').hidden = !result;
  if (!result) return;
  const counts = new Array(layer.model.classes.length).fill(0);
  for (const id of result.values) ++counts[id];
  const present = layer.model.classes.map((one, id) => ({...one, share: counts[id] / result.values.length}))
                      .filter(one => one.id !== 0 && one.share > 0).sort((a, b) => b.share - a.share);
  at('parts').replaceChildren(...present.map(one => {
    const swatch = element('span', {className: 'swatch'});
    swatch.style.background = `rgb(${classColour(one).join(' ')})`;
    const share = one.share < 0.0005 ? '< 0.1' : (100 * one.share).toFixed(1);
    return element('li', {}, swatch, ` ${className(one)} `, element('span', {className: 'state'}, `${share} %`));
  }));
}

function choosePatch(patch) {
  const layer = layerOf('features'), map = layer?.result;
  if (!map) return;
  if ((patch === null) !== (state.patch === null)) {
    // Under parts or depth the map could not be read, so it stands alone until it ends.
    const areas = state.layers.filter(one => one.task !== 'pose');
    if (patch !== null) state.before = areas.filter(one => one.shown.checked);
    for (const one of areas) one.shown.checked = patch === null ? state.before.includes(one) : one === layer;
  }
  state.patch = patch;
  state.mark = patch ?? state.mark;
  state.similarities = patch === null ? null : map.similarities(patch);
  layer.canvas = null;
  showStage();
}

function describeFeatures() {
  const layer = layerOf('features'), seen = layer?.result && layer.shown.checked;
  at('scale').hidden = !seen || state.patch === null;
  if (at('scale').hidden) {
    at('readout').textContent = seen ? 'Colours: the first three principal components of the features' : '';
    return;
  }
  const {width} = layer.result;
  at('readout').textContent =
      `Similarity to the patch in row ${Math.floor(state.patch / width)}, column ${state.patch % width}`;
  at('scale-low').textContent = state.similarities.reduce((a, b) => Math.min(a, b), 1).toFixed(2);
}

// Where in the image, from 0 to 1, a pointer is.
function place(event) {
  const {left, top, width, height} = state.image.canvas.getBoundingClientRect();
  const share = (value, size) => Math.min(0.999999, Math.max(0, value / size));
  return [share(event.clientX - left, width), share(event.clientY - top, height)];
}

function patchAt([x, y]) {
  const map = layerOf('features')?.result;
  return map ? Math.floor(y * map.height) * map.width + Math.floor(x * map.width) : null;
}

function readOut(event) {
  const [x, y] = place(event), words = [];
  const patch = patchAt([x, y]);
  if (state.similarities && patch !== null) words.push(`similarity ${state.similarities[patch].toFixed(3)}`);
  for (const task of ['seg', 'depth', 'normal']) {
    const layer = layerOf(task), result = layer?.result;
    if (!result) continue;
    const [height, width] = result.shape, i = Math.floor(y * height) * width + Math.floor(x * width);
    if (task === 'seg') words.push(className(layer.model.classes[result.values[i]]));
    if (task === 'depth') words.push(`depth ${result.values[i].toFixed(3)}`);
    if (task === 'normal') words.push(`normal ${[0, 1, 2].map(k => result.values[3 * i + k].toFixed(2)).join(' ')}`);
  }
  at('readout').setAttribute('aria-live', 'off');
  if (words.length > 0) at('readout').textContent = words.join(' · ');
}

function movePatch(event) {
  const map = layerOf('features')?.result;
  if (!map) return;
  const middle = Math.floor(map.height / 2) * map.width + Math.floor(map.width / 2);
  const from = state.mark ?? middle;
  const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  const step = steps[event.key];
  const isSwitch = event.key === 'Enter' || event.key === ' ';
  if (!step && !isSwitch && event.key !== 'Escape') return;
  event.preventDefault();
  at('readout').setAttribute('aria-live', 'polite');  // unlike what changes with every move of a pointer
  if (!step) return choosePatch(isSwitch && state.patch === null ? from : null);
  if (state.patch === null) return choosePatch(from);
  const clamp = (value, size) => Math.min(size - 1, Math.max(0, value));
  const column = clamp(from % map.width + step[0], map.width);
  const row = clamp(Math.floor(from / map.width) + step[1], map.height);
  choosePatch(row * map.width + column);
}

at('file').addEventListener('change', event => {
  const [file] = event.target.files;
  event.target.value = '';  // so that choosing the same file again is a change
  choose(file);
});
at('other').addEventListener('click', () => at('file').click());
at('size').addEventListener('change', () => choose(state.file));
at('person-only').addEventListener('change', () => redraw(kMasked));
at('save-view').addEventListener('click', () => saveView([...stage.querySelectorAll('canvas')], `${state.image.stem}-view.png`));
at('token-form').addEventListener('submit', event => {
  event.preventDefault();
  rememberToken(at('token').value);
  start();
});
stage.addEventListener('click', event => {
  if (state.image && event.target === state.image.canvas) choosePatch(patchAt(place(event)));
  if (state.image && event.pointerType === 'touch') readOut(event);  // no pointer hovers there
});
stage.addEventListener('pointermove', event => state.image && readOut(event));
stage.addEventListener('keydown', event => event.target === stage && movePatch(event));
for (const [name, over] of [['dragover', true], ['dragleave', false], ['drop', false]]) {
  document.addEventListener(name, event => {
    event.preventDefault();
    stage.classList.toggle('over', over);
    if (name === 'drop') choose(event.dataTransfer.files[0]);
  });
}
document.addEventListener('paste', event => choose(event.clipboardData.files[0]));
addEventListener('resize', fitStage);
stage.classList.add('empty');
start();
