import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Room } from '../js/room.js';

const SINCE = '2026-01-31T09:30:00.000Z';
const input = (id, state = 'ok') => ({ id, label: id.toUpperCase(), signal: { state, since: SINCE } });
const route = (state, id = null, take = 1) => ({ state, input: id, since: SINCE, take });
const output = (id, of) => ({ id, label: id, route: of });

function room(of = route('live', 'a')) {
  const it = new Room();
  it.setInputs([input('a'), input('b')], it.mark());
  it.setOutputs([output('wall', of)], it.mark(), 0);
  return it;
}
const wall = (it) => it.outputs.get('wall');

test('what is live on the first look is shown, and nothing was confirmed by that', () => {
  const it = room();
  assert.equal(wall(it).shown, 'a');
  assert.equal(wall(it).confirmedAt, null);
});

test('the old picture stands until the router confirms the new one', () => {
  const it = room();
  assert.equal(it.setRoute('wall', route('switching', 'b', 2), 10), false);
  assert.equal(wall(it).shown, 'a');
  assert.equal(wall(it).pendingSince, 10);
  assert.equal(it.setRoute('wall', route('live', 'b', 2), 30), true);
  assert.deepEqual([wall(it).shown, wall(it).pendingSince, wall(it).confirmedAt], ['b', null, 30]);
});

test('a switch under way on the first look has no picture', () => {
  const it = room(route('switching', 'b'));
  assert.deepEqual([wall(it).shown, wall(it).pendingSince], [null, 0]);
});

test('waiting, no signal, nothing and unknown have no picture', () => {
  for (const state of ['waiting', 'no-signal', 'none', 'unknown']) {
    const it = room();
    it.setRoute('wall', route(state, 'a', 2), 10);
    assert.equal(wall(it).shown, null, state);
  }
});

test('a take that becomes another begins its second anew, the same does not', () => {
  const it = room();
  it.setRoute('wall', route('switching', 'b', 2), 10);
  it.setRoute('wall', route('waiting', 'b', 2), 500);
  assert.equal(wall(it).pendingSince, 10);
  it.setRoute('wall', route('waiting', 'a', 3), 900);
  assert.equal(wall(it).pendingSince, 900);
});

test('a list that was asked for before an event does not undo it', () => {
  const it = room();
  const mark = it.mark();
  it.setRoute('wall', route('live', 'b', 2), 10);
  it.setSignal('a', { state: 'lost', since: SINCE });
  it.setOutputs([output('wall', route('live', 'a'))], mark, 20);
  it.setInputs([input('a'), input('b')], mark);
  assert.equal(wall(it).shown, 'b');
  assert.equal(it.inputs.get('a').signal.state, 'lost');
  it.setOutputs([output('wall', route('live', 'a'))], it.mark(), 30);
  assert.equal(wall(it).shown, 'a');
});

test('an answer that overtook the events of its take is not undone by them', () => {
  const it = room();
  const mark = it.mark();
  assert.equal(it.setRouteSince('wall', route('live', 'b', 2), mark, 10), true);
  it.setRoute('wall', route('switching', 'b', 2), 11);
  assert.equal(wall(it).route.state, 'live');
  it.setRoute('wall', route('no-signal', 'b', 2), 12);
  assert.equal(wall(it).route.state, 'no-signal');
  // And one that came after an event is old.
  assert.equal(it.setRouteSince('wall', route('live', 'b', 2), mark, 13), false);
  assert.equal(wall(it).route.state, 'no-signal');
});

test('a later take is heard, answered or not', () => {
  const it = room();
  it.setRouteSince('wall', route('live', 'b', 2), it.mark(), 10);
  it.setRoute('wall', route('switching', 'a', 3), 20);
  assert.equal(wall(it).route.state, 'switching');
});

test('what makes no sense is not believed', () => {
  const it = room();
  it.setRoute('wall', { state: 'perfect', input: 'b' }, 10);
  it.setRoute('wall', null, 10);
  it.setRoute('nowhere', route('live', 'b'), 10);
  it.setSignal('a', { state: 'superb' });
  assert.deepEqual([wall(it).shown, it.inputs.get('a').signal.state], ['a', 'ok']);
  it.setInputs([{ label: 'no id' }, null, 7, { id: 'c' }], it.mark());
  assert.deepEqual([...it.inputs.keys()], ['c']);
  assert.equal(it.inputs.get('c').signal.state, 'unknown');
  it.setOutputs('nonsense', it.mark(), 0);
  assert.equal(it.outputs.size, 0);
});

test('backups are those that others name', () => {
  const it = new Room();
  it.setInputs([{ ...input('a'), backups: ['b', 'x', 7] }, input('b'), input('c')], it.mark());
  assert.deepEqual(it.backups().map(({ id }) => id), ['b']);
});

test('findings told since a list was asked for are newer', () => {
  const it = room();
  const mark = it.mark();
  it.setSignal('a', { state: 'ok', since: SINCE }, { frozen_since: SINCE });
  it.setInputs([input('a'), input('b')], mark);
  assert.equal(it.inputs.get('a').findings.frozen, Date.parse(SINCE));
  it.setInputs([input('a'), input('b')], it.mark());
  assert.ok(Number.isNaN(it.inputs.get('a').findings.frozen));
});

test('a source is counted where it is shown', () => {
  const it = room();
  assert.equal(it.shownOn('a'), 1);
  it.setRoute('wall', route('switching', 'b', 2), 10);
  assert.deepEqual([it.shownOn('a'), it.shownOn('b')], [1, 0]);
});
