// Talks to the server this page came from.

export class ServerError extends Error {
  constructor(status, error) {
    const more = [error.expected && `expected ${error.expected}`, error.actual && `got ${error.actual}`, error.hint];
    super([error.summary, ...more.filter(Boolean)].join('; '));
    this.status = status;
  }
}

const kTokenKey = 'sapiens-token';

export function rememberToken(token) {
  sessionStorage.setItem(kTokenKey, token);
}

async function ask(path, options = {}) {
  const headers = {...options.headers};
  const token = sessionStorage.getItem(kTokenKey);
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, {...options, headers});
  } catch {
    throw new ServerError(0, {summary: 'the server does not answer'});
  }
  if (response.ok) return response;
  const text = await response.text();
  let error = {summary: `the server answered with status ${response.status}`};
  try {
    error = JSON.parse(text).error ?? error;
  } catch {
    // A proxy in between may answer in its own words.
  }
  throw new ServerError(response.status, error);
}

export async function fetchModels() {
  return (await ask('v1/models')).json();
}

// Seconds of the stages, as the header Server-Timing tells them.
function stagesOf(response) {
  const stages = {};
  for (const part of (response.headers.get('Server-Timing') ?? '').split(',')) {
    const [name, duration] = part.trim().split(';dur=');
    if (duration) stages[name] = Number(duration) / 1000;
  }
  return stages;
}

// Sends an image; `type` is what the answer should be. With `signal` it can be given up, which the server notices.
export async function compute(model, image, type, signal) {
  const form = new FormData();
  form.append('model', model.name);
  form.append('image', image, 'image');
  const start = performance.now();
  const response = await ask(`v1/${model.task}`, {method: 'POST', body: form, headers: {Accept: type}, signal});
  const blob = await response.blob();
  return {blob, stages: stagesOf(response), seconds: (performance.now() - start) / 1000};
}
