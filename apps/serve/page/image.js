// From a file that somebody chose to what is sent and shown.
import {element} from './report.js';

const kTaken = ['image/jpeg', 'image/png', 'image/webp'];

function toBlob(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob(blob => blob ? resolve(blob) : reject(new Error('the image cannot be encoded')), 'image/png');
  });
}

// {canvas, blob}: the image upright, and what goes to the server, without loss where it was changed.
export async function openImage(file, longest) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name || 'this'} is not an image that this browser can read`);
  }
  const scale = longest > 0 ? Math.min(1, longest / Math.max(bitmap.width, bitmap.height)) : 1;
  const scaled = size => Math.max(1, Math.round(size * scale));
  const canvas = element('canvas', {width: scaled(bitmap.width), height: scaled(bitmap.height), className: 'photo'});
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const asItIs = scale === 1 && kTaken.includes(file.type);
  return {canvas, blob: asItIs ? file : await toBlob(canvas), stem: (file.name || 'image').replace(/\.[^.]*$/, '')};
}

export function save(blob, name) {
  const link = element('a', {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// The canvases of the stage in one image, as they are seen.
export async function saveView(canvases, name) {
  const view = element('canvas', {width: canvases[0].width, height: canvases[0].height});
  const context = view.getContext('2d');
  for (const canvas of canvases) {
    context.imageSmoothingEnabled = canvas.className !== 'patches';
    context.globalAlpha = canvas.style.opacity === '' ? 1 : Number(canvas.style.opacity);
    context.drawImage(canvas, 0, 0, view.width, view.height);
  }
  save(await toBlob(view), name);
}
