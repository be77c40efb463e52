import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from '../js/layout.js';
import { fit, lines, need } from '../js/text.js';

const bar = () => 74;
const GAP = 14;
const measure = (text, px) => text.length * px * 0.55;

/** What a page of this size leaves below its header. */
const room = (width, height, outputs, inputs) =>
  plan({ width: width - 48, height: height - 84, outputs, inputs, outputBar: bar, inputBar: bar });

function extent({ columns, width, height }, count) {
  const rows = Math.ceil(count / columns);
  return {
    width: columns * width + (columns - 1) * GAP,
    height: 30 + rows * height + (rows - 1) * GAP,
  };
}

test('twelve sources and eight displays fit each screen, without scrolling, large enough', () => {
  for (const [width, height] of [[1920, 1080], [1280, 800], [1080, 1920]]) {
    for (let outputs = 0; outputs <= 8; outputs += 1) {
      for (let inputs = 0; inputs <= 12; inputs += 1) {
        const it = room(width, height, outputs, inputs);
        const name = `${width}×${height}, ${outputs} displays, ${inputs} sources`;
        assert.equal(it.scrolls, false, name);
        const a = extent(it.outputs, Math.max(1, outputs));
        const b = extent(it.inputs, Math.max(1, inputs));
        const across = it.beside ? a.width + b.width : Math.max(a.width, b.width);
        const down = it.beside ? Math.max(a.height, b.height) : a.height + b.height;
        assert.ok(across <= width - 48 && down <= height - 84, `${name}: ${across}×${down}`);
        assert.ok(Math.min(it.outputs.width, it.inputs.width) >= 144, name);
        assert.ok(Math.min(it.outputs.height, it.inputs.height) >= 64, name);
      }
    }
  }
});

test('more than that scrolls, and tiles keep a size that can be touched', () => {
  const it = room(1280, 800, 20, 60);
  assert.equal(it.scrolls, true);
  assert.ok(it.inputs.width >= 200 && it.inputs.height > 180);
  assert.ok(extent(it.inputs, 60).width <= 1232);
});

test('displays stand above sources on an upright screen', () => {
  for (const outputs of [1, 2, 4, 8]) assert.equal(room(1080, 1920, outputs, 6).beside, false);
});

test('texts break at blanks and hyphens, within words only where they must', () => {
  const width = (text) => text.length;
  assert.deepEqual(lines('Wall left', 9, width), { count: 1, broken: false });
  assert.deepEqual(lines('Wall left', 8, width), { count: 2, broken: false });
  assert.deepEqual(lines('C-arm two', 5, width), { count: 2, broken: false });
  assert.deepEqual(lines('Anaesthesia', 6, width), { count: 2, broken: true });
  assert.equal(lines('x'.repeat(80), 10, width).count, 8);
  assert.deepEqual(lines('', 10, width), { count: 1, broken: false });
});

test('a name shrinks before a word of it is broken, and to a floor', () => {
  const box = { width: 100, height: 24, max: 20, min: 14, measure };
  assert.equal(fit('Robot', box), 20);
  assert.equal(fit('Ultrasound', box), 18);
  assert.equal(fit('Donaudampfschifffahrt', box), 14);
  assert.ok(need('Donaudampfschifffahrt', 100, 14, measure) > 24);
});
