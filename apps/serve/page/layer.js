// One result over the image: its row of controls, its canvas, its files.
import {compute} from './api.js';
import {readNpy} from './arrays.js';
import {FeatureMap} from './features.js';
import {save} from './image.js';
import {element, secondsText, taskName} from './report.js';

const kNpy = 'application/x-npy';

// Results that are drawn under others come first, and are computed first.
export const kTasks = ['features', 'seg', 'depth', 'normal', 'pose'];

export class Layer {
  constructor(task, models, changed) {
    Object.assign(this, {task, models, changed, canvas: null, result: null, times: null});
    this.shown = element('input', {type: 'checkbox', id: `show-${task}`});
    const opaque = {min: 0, max: 100, value: task === 'pose' ? 100 : 75, 'aria-label': `Opacity of ${taskName(task)}`};
    this.opacity = element('input', {type: 'range', ...opaque});
    this.choice = element('select', {'aria-label': `Model for ${taskName(task)}`},
                          ...models.map(model => element('option', {value: model.name}, model.name)));
    this.state = element('span', {className: 'state', role: 'status'});
    this.downloads = element('div', {className: 'downloads'});
    this.row = element(
        'li', {},
        element('div', {className: 'row'}, this.shown,
                element('label', {className: 'name', htmlFor: this.shown.id}, taskName(task)),
                models.length > 1 ? this.choice : null, this.state),
        element('div', {className: 'row'}, this.opacity, this.downloads));
    this.shown.addEventListener('change', () => this.changed(this));
    this.opacity.addEventListener('input', () => this.changed(this));
    this.reset('');
  }

  get model() {
    return this.models.find(model => model.name === this.choice.value) ?? this.models[0];
  }

  reset(state) {
    Object.assign(this, {canvas: null, result: null, times: null});
    this.say(state);
    this.shown.disabled = this.opacity.disabled = true;
    this.opacity.hidden = state === '';
    this.downloads.replaceChildren();
  }

  // `manner` is a class of the style sheet: busy, failed.
  say(text, manner = '') {
    this.state.textContent = text;
    this.state.className = `state ${manner}`;
  }

  // Asks the server. The result is {shape, values}, a FeatureMap, or the JSON of keypoints; there is
  // none where `signal` says meanwhile that nobody wants it.
  async run(image, signal) {
    this.say('computing…', 'busy');
    const answer = await compute(this.model, image.blob, this.task === 'pose' ? 'application/json' : kNpy, signal);
    let result = this.task === 'pose' ? JSON.parse(await answer.blob.text()) : await readNpy(answer.blob);
    if (signal.aborted) return;
    if (this.task === 'features') result = new FeatureMap(result);
    this.result = result;
    this.times = {task: this.task, stages: answer.stages, seconds: answer.seconds};
    this.say(secondsText(answer.seconds));
    this.shown.disabled = this.opacity.disabled = false;
    this.#offer(image, answer.blob);
  }

  #offer(image, blob) {
    const name = `${image.stem}-${this.task}`;
    const kind = this.task === 'pose' ? 'json' : 'npy';
    const button = (text, label, act) => {
      const made = element('button', {type: 'button', title: label, 'aria-label': label}, `↓ ${text}`);
      made.addEventListener('click', act);
      return made;
    };
    const drawing = button('Drawing', `Save a drawing of ${taskName(this.task)}`, async () => {
      drawing.disabled = true;
      try {
        save((await compute(this.model, image.blob, 'image/png')).blob, `${name}.png`);
      } catch (error) {
        this.say(error.message, 'failed');
      }
      drawing.disabled = false;
    });
    this.downloads.replaceChildren(
        button('Numbers', `Save the numbers of ${taskName(this.task)}`, () => save(blob, `${name}.${kind}`)),
        drawing);
  }
}
