// Load reports and times, readable.

// An element with attributes and children; texts become text nodes, so nothing from a file is markup.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

const kTaskNames = {features: 'Features', pose: 'Keypoints', seg: 'Parts', depth: 'Depth', normal: 'Normals', detect: 'Persons'};
export const taskName = task => kTaskNames[task] ?? task;
export const className = one => one.name.replaceAll('_', ' ');

// Breaks between folders and words, not within them.
function pathText(path) {
  return path.split(/(?<=[/_])/).flatMap(part => [part, element('wbr')]);
}

export function secondsText(seconds) {
  if (seconds < 1) return `${(1000 * seconds).toFixed(seconds < 0.1 ? 1 : 0)} ms`;
  return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
}

function bytesText(bytes) {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB`
                                                                      : `${(bytes / 1e9).toFixed(2)} GB`;
}

function facts(rows) {
  const list = element('dl');
  for (const [term, value] of rows) {
    if (value === null || value === undefined || value === '') continue;
    list.append(element('dt', {}, term), element('dd', {}, ...(Array.isArray(value) ? value : [String(value)])));
  }
  return list;
}

function listed(title, items) {
  if (items.length === 0) return null;
  return element('div', {}, element('strong', {}, title), element('ul', {}, ...items.map(item => element('li', {}, item))));
}

function keyed(key, rest) {
  const item = element('span');
  item.append(element('code', {}, key), rest);
  return item;
}

function modelReport({name, task, input_size: size, precision, report: {file, model, report}}) {
  const shape = dims => dims.join(' x ');
  return element(
      'details', {},
      element('summary', {}, element('strong', {}, name), ' ',
              element('span', {className: `verdict ${report.verdict}`, title: report.explanation}, report.verdict),
              element('small', {}, `${taskName(task)}, ${report.bound} of ${report.required} parameters`)),
      facts([
        ['Model', `${model.family} ${model.arch ?? ''}, ${model.depth ? `${model.depth} blocks, ` : ''}width ${model.width}`],
        ['Registers', model.registers || null], ['Outputs', model.outputs],
        ['Input', size && `${size[1]} x ${size[0]} pixels`], ['Arithmetic', precision],
        ['Parameters', model.parameters.toLocaleString('en')], ['File', pathText(file.path)],
        ['Format', `${file.format}, ${file.dtypes}, ${bytesText(file.bytes)}`], ['In short', report.explanation],
        ['Next', report.hint]
      ]),
      listed('Done to names and values', report.rules.map(rule => `${rule.rule} (${rule.count}): ${rule.reason}`)),
      listed('Notes', report.notes),
      listed('Missing', report.missing.map(one => keyed(one.key, ` ${shape(one.shape)}`))),
      listed('Of another shape',
             report.mismatched.map(one => keyed(one.key, ` ${shape(one.found)} instead of ${shape(one.expected)}`))),
      listed('Not used', report.unused.map(group => `${group.count}: ${group.reason}`)));
}

// What GET /v1/models answers.
export function showModels(parent, {models, detector}) {
  const all = detector ? [...models, {name: 'detector', task: 'detect', ...detector}] : models;
  parent.replaceChildren(...all.map(modelReport));
}

const kStages = ['decode', 'preprocess', 'queue', 'detect', 'encoder', 'head', 'post'];

// `rows` are {task, stages, seconds}, one for each task that is done. One unit for all of them keeps the
// table narrow enough for a phone.
export function showTimes(table, rows) {
  const slow = rows.some(row => row.seconds >= 10);
  const number = seconds => slow ? seconds.toFixed(2) : (1000 * seconds).toFixed(seconds < 0.01 ? 1 : 0);
  const cell = seconds => element('td', {}, seconds === undefined ? '' : number(seconds));
  const line = (name, value) => element('tr', {}, element('th', {scope: 'row'}, name), ...rows.map(value));
  table.replaceChildren(
      element('caption', {}, `In ${slow ? 'seconds' : 'milliseconds'}; the last row as seen from this browser`),
      element('thead', {}, element('tr', {}, element('td', {}),
                                   ...rows.map(row => element('th', {scope: 'col'}, taskName(row.task))))),
      element('tbody', {}, ...kStages.filter(stage => rows.some(row => stage in row.stages))
                               .map(stage => line(stage, row => cell(row.stages[stage]))),
              line('in all', row => cell(row.seconds))));
}
