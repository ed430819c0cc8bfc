// NumPy's .npy format, as far as the server writes it: little-endian, C order.

// The shape, and the numbers: floats of f4, bytes of i8 (ids below 256) and b1.
export async function readNpy(blob) {
  const buffer = await blob.arrayBuffer();
  const view = new DataView(buffer);
  const headerBytes = view.getUint16(8, true);
  const header = new TextDecoder().decode(new Uint8Array(buffer, 10, headerBytes));
  const type = /'descr': '([^']+)'/.exec(header)[1];
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(',').filter(s => s.trim()).map(Number);
  const start = 10 + headerBytes;
  if (type === '<f4') return {shape, values: new Float32Array(buffer, start)};
  if (type === '|b1') return {shape, values: new Uint8Array(buffer, start)};
  if (type === '<i8') {
    const bytes = new Uint8Array(buffer, start);
    const values = new Uint8Array(bytes.length / 8);
    for (let i = 0; i < values.length; ++i) values[i] = bytes[8 * i];
    return {shape, values};
  }
  throw new Error(`arrays of ${type} are not read here`);
}

// The values below which `low` and `high` of all lie, from a sample.
export function percentiles(values, low, high) {
  const step = Math.max(1, Math.floor(values.length / 20000));
  const sample = [];
  for (let i = 0; i < values.length; i += step) if (Number.isFinite(values[i])) sample.push(values[i]);
  sample.sort((a, b) => a - b);
  const at = share => sample[Math.min(sample.length - 1, Math.floor(share * sample.length))] ?? 0;
  return [at(low), at(high)];
}
