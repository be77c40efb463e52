import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Takes, REFUSAL_STAYS } from '../js/take.js';
import { Selection, FADES_AFTER } from '../js/selection.js';

test('a take is asked, then late, until the router confirms that input', () => {
  const takes = new Takes();
  takes.start('wall', 'robot', 0);
  assert.deepEqual(takes.of('wall', 999), { input: 'robot', phase: 'asked' });
  assert.deepEqual(takes.of('wall', 1000), { input: 'robot', phase: 'late' });
  takes.confirm('wall', 'xray');
  assert.equal(takes.of('wall', 1000).phase, 'late');
  takes.confirm('wall', 'robot');
  assert.equal(takes.of('wall', 1000), null);
});

test('a refusal stays for a while, and an answer to an earlier take changes nothing', () => {
  const takes = new Takes();
  const first = takes.start('wall', 'robot', 0);
  const second = takes.start('wall', 'xray', 10);
  const refusal = { title: 'No signal', detail: 'why', unchanged: true };
  assert.equal(takes.refuse('wall', first, refusal, 20), false);
  takes.accept('wall', first);
  assert.deepEqual(takes.of('wall', 20), { input: 'xray', phase: 'asked' });
  assert.equal(takes.refuse('wall', second, refusal, 30), true);
  assert.deepEqual(takes.of('wall', 30), { input: 'xray', phase: 'refused', ...refusal });
  assert.equal(takes.of('wall', 30 + REFUSAL_STAYS), null);
});

test('only a refusal can be dismissed', () => {
  const takes = new Takes();
  const serial = takes.start('wall', 'robot', 0);
  takes.dismiss('wall');
  assert.equal(takes.of('wall', 0).phase, 'asked');
  takes.refuse('wall', serial, { title: 't', detail: 'd', unchanged: true }, 0);
  takes.dismiss('wall');
  assert.equal(takes.of('wall', 0), null);
});

test('two touches make a take, in either order', () => {
  const selection = new Selection();
  assert.equal(selection.touch('input', 'robot', 0), null);
  assert.deepEqual(selection.touch('output', 'wall', 1), { input: 'robot', output: 'wall' });
  assert.equal(selection.held, null);
  assert.equal(selection.touch('output', 'wall', 2), null);
  assert.deepEqual(selection.touch('input', 'xray', 3), { input: 'xray', output: 'wall' });
});

test('another of its kind moves the selection, the same one lets go', () => {
  const selection = new Selection();
  selection.touch('input', 'robot', 0);
  selection.touch('input', 'xray', 1);
  assert.ok(selection.holds('input', 'xray') && !selection.holds('input', 'robot'));
  selection.touch('input', 'xray', 2);
  assert.equal(selection.held, null);
});

test('a selection fades, and a touch after that is a first touch', () => {
  const selection = new Selection();
  selection.touch('input', 'robot', 0);
  assert.equal(selection.expire(FADES_AFTER - 1), false);
  assert.equal(selection.touch('output', 'wall', FADES_AFTER), null);
  assert.ok(selection.holds('output', 'wall'));
  selection.keep(() => false);
  assert.equal(selection.held, null);
});
