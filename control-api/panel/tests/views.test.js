import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ages } from '../js/age.js';
import { refusalOf } from '../js/refusal.js';
import { Room } from '../js/room.js';
import { Selection } from '../js/selection.js';
import { Takes } from '../js/take.js';
import { hintView, inputView, outputView, TICK_STAYS } from '../js/views.js';

const WALL = Date.parse('2026-01-31T09:30:12.000Z');
const SINCE = '2026-01-31T09:30:00.000Z';
const route = (state, input = null, take = 1) => ({ state, input, since: SINCE, take });

/** Two sources with pictures, one display that shows the first. */
function look() {
  const room = new Room();
  const signal = { state: 'ok', since: SINCE };
  const list = [{ id: 'a', label: 'Endoscope', signal }, { id: 'b', label: 'Robot', signal }];
  room.setInputs(list, room.mark());
  room.setOutputs([{ id: 'wall', label: 'Wall', route: route('live', 'a') }], room.mark(), 0);
  room.setLink('up', 0);
  room.setRouter('up', 0);
  const ages = new Ages();
  for (const id of ['a', 'b']) ages.arrived(id, { etag: id, age: 0, askedAt: 0 });
  const takes = new Takes();
  return { room, ages, takes, selection: new Selection(), now: 0, wallNow: WALL };
}
const wall = (it) => outputView(it, it.room.outputs.get('wall'));
const source = (it, id) => inputView(it, it.room.inputs.get(id));

test('all well: the picture, the name, nothing else', () => {
  const it = look();
  const { mood, picture, shows, sure, head, note } = wall(it);
  assert.deepEqual([mood, picture, shows, sure, head, note.text], ['picture', 'a', 'Endoscope', true, '', '']);
  assert.equal(source(it, 'a').note.text, 'on 1 display');
  assert.equal(hintView(it).text, 'Touch a source, then a display');
});

test('a take: the old picture and "switching", then red, then the new picture and a tick', () => {
  const it = look();
  it.takes.start('wall', 'b', 0);
  let says = wall(it);
  assert.deepEqual([says.mood, says.picture, says.shows, says.sure], ['picture', 'a', 'Switching to Robot', false]);
  it.now = 1000;
  says = wall(it);
  assert.deepEqual([says.mood, says.picture, says.head], ['red', null, 'Not confirmed']);
  assert.match(says.sub, /has not confirmed Robot/);
  it.room.setRoute('wall', route('live', 'b', 2), 1000);
  it.takes.confirm('wall', 'b');
  says = wall(it);
  assert.deepEqual([says.mood, says.picture, says.shows, says.note.kind], ['picture', 'b', 'Robot', 'tick']);
  it.now = 1000 + TICK_STAYS;
  assert.equal(wall(it).note.kind, '');
});

test('a route that others changed is switching, then red with the reason', () => {
  const it = look();
  it.room.setRoute('wall', route('waiting', 'b', 2), 0);
  assert.deepEqual([wall(it).mood, wall(it).picture, wall(it).shows], ['plain', null, 'Switching to Robot']);
  it.now = 3000;
  assert.deepEqual([wall(it).mood, wall(it).sub], ['red', 'Robot sends no whole frame · 3 s']);
  it.room.setSignal('b', { state: 'lost', since: SINCE });
  assert.equal(wall(it).sub, 'Robot has no signal · 3 s');
});

test('a refusal stands on its tile, which still leads with what is routed', () => {
  const it = look();
  const problem = {
    status: 409, type: '/problems/format-not-accepted', title: 'Format not accepted',
    detail: "output 'wall' does not take 2160p60, the format of input 'b'", unanswered: false,
  };
  const serial = it.takes.start('wall', 'b', 0);
  it.takes.refuse('wall', serial, refusalOf(problem, it.room), 0);
  const says = wall(it);
  assert.deepEqual(
    [says.mood, says.picture, says.head, says.sub, says.shows, says.note.text],
    ['red', null, 'Format not accepted', 'Wall does not take 2160p60, the format of Robot', 'Endoscope', 'unchanged'],
  );
});

test('refusals in words for people', () => {
  const { room } = look();
  const problem = {
    status: 409, type: '/problems/no-signal', title: 'No signal', unanswered: false,
    detail: 'input \'b\' has no signal (state lost): check its source, or take it anyway with "force": true',
  };
  assert.equal(refusalOf(problem, room).detail, 'Robot has no signal (state lost): check its source.');
  assert.equal(refusalOf({ ...problem, type: '/problems/take-overtaken' }, room), null);
  const silent = { status: 0, type: '', title: 'No answer', detail: 'Late.', unanswered: true };
  assert.equal(refusalOf(silent, room).unchanged, false);
  assert.equal(refusalOf({ ...problem, status: 503 }, room).unchanged, false);
});

test('a lost signal takes the picture away everywhere', () => {
  const it = look();
  it.room.setSignal('a', { state: 'lost', since: SINCE });
  assert.deepEqual([wall(it).mood, wall(it).picture, wall(it).sub], ['amber', null, 'Endoscope · 12 s']);
  const says = source(it, 'a');
  assert.deepEqual([says.mood, says.picture, says.head], ['amber', null, 'Signal lost']);
  assert.match(says.sub, /^since \d\d:\d\d:00$/);
  it.room.setRoute('wall', route('no-signal', 'a'), 0);
  assert.deepEqual([wall(it).mood, wall(it).head, wall(it).shows], ['amber', 'Signal lost', 'Endoscope']);
});

test('a backup is shown and called one', () => {
  const it = look();
  const standIn = (stand_in, state = 'live') => it.room.setRoute('wall', { ...route(state, 'a', 1), stand_in }, 0);
  standIn({ backup: 'b' });
  let says = wall(it);
  assert.deepEqual(
    [says.mood, says.picture, says.shows, says.sure, says.note.text, says.note.kind],
    ['picture', 'b', 'BACKUP: Robot', true, 'backup', 'caution'],
  );
  assert.match(says.spoken, /shows BACKUP: Robot, in place of Endoscope/);
  assert.equal(source(it, 'b').note.text, 'on 1 display');
  // The input itself can be taken again, which is how it is brought back by hand.
  it.selection.touch('input', 'a', 0);
  assert.equal(wall(it).target, true);
  it.selection.letGo();
  standIn(undefined);
  says = wall(it);
  assert.deepEqual([says.picture, says.shows, says.note.kind], ['a', 'Endoscope', 'tick']);
  // The backup of a display that lost both.
  standIn({ backup: 'b' }, 'no-signal');
  it.room.setSignal('b', { state: 'lost', since: SINCE });
  assert.deepEqual([wall(it).picture, wall(it).head], [null, 'Signal lost']);
  standIn({ backup: 'c' });
  assert.deepEqual([wall(it).mood, wall(it).picture], ['red', null]);
});

test('a slate says since when', () => {
  const it = look();
  it.room.setSignal('a', { state: 'lost', since: SINCE });
  it.room.setRoute('wall', { ...route('no-signal', 'a'), stand_in: 'slate' }, 0);
  const says = wall(it);
  assert.deepEqual([says.mood, says.picture, says.head, says.shows], ['amber', null, 'SIGNAL LOST', 'Endoscope']);
  assert.match(says.sub, /^since \d\d:\d\d:00 · Endoscope$/);
});

test('a frozen, black or wrong picture is never shown as if it were live', () => {
  for (const [findings, head, part] of [
    [{ frozen_since: SINCE }, 'Picture frozen', /since \d\d:\d\d:00/],
    [{ black_since: SINCE }, 'Picture black', /since \d\d:\d\d:00/],
    [{ found_format: '720p50' }, 'Other format', /720p50$/],
  ]) {
    const it = look();
    it.room.setSignal('a', { state: 'ok', since: SINCE }, findings);
    for (const says of [wall(it), source(it, 'a')]) {
      assert.deepEqual([says.mood, says.picture, says.head], ['amber', null, head]);
      assert.match(says.sub, part);
    }
    // A signal event that says nothing of findings changes none; one that does, does.
    it.room.setSignal('a', { state: 'unstable', since: SINCE });
    assert.equal(wall(it).head, head);
    it.room.setSignal('a', { state: 'lost', since: SINCE });
    assert.equal(source(it, 'a').head, findings.found_format ? head : 'Signal lost');
    it.room.setSignal('a', { state: 'ok', since: SINCE }, {});
    assert.deepEqual([wall(it).picture, wall(it).head], ['a', '']);
  }
});

test('a stale still is no picture', () => {
  const it = look();
  it.now = 2001;
  assert.deepEqual([source(it, 'a').mood, source(it, 'a').picture, source(it, 'a').head], ['amber', null, 'No picture']);
  assert.deepEqual([wall(it).mood, wall(it).picture, wall(it).shows], ['amber', null, 'Endoscope']);
});

test('without the router nothing is known and nothing can be done', () => {
  const it = look();
  it.selection.touch('input', 'b', 0);
  it.room.setRouter('away', 0);
  const says = wall(it);
  assert.deepEqual([says.mood, says.picture, says.sure, says.target], ['red', null, false, false]);
  assert.deepEqual([source(it, 'a').mood, source(it, 'a').picture], ['red', null]);
  assert.equal(hintView(it).kind, 'fail');
});

test('what can be touched next is marked, but not where it is already', () => {
  const it = look();
  it.selection.touch('input', 'b', 0);
  assert.deepEqual([wall(it).target, wall(it).note.text, source(it, 'b').selected], [true, 'put here', true]);
  assert.equal(hintView(it).text, 'Robot: touch a display');
  it.selection.touch('input', 'a', 0);
  assert.equal(wall(it).target, false);
  it.selection.letGo();
  it.selection.touch('output', 'wall', 0);
  assert.deepEqual([wall(it).selected, source(it, 'b').target, source(it, 'b').note.text], [true, true, 'show this']);
  assert.equal(source(it, 'a').target, false);
});

test('no state of a tile has both a picture and a warning over it', () => {
  for (const state of ['none', 'switching', 'waiting', 'live', 'no-signal', 'unknown']) {
    for (const signal of ['ok', 'unstable', 'lost', 'unknown']) {
      for (const now of [0, 1500, 2500]) {
        const it = look();
        it.room.setSignal('b', { state: signal, since: SINCE });
        it.room.setRoute('wall', route(state, 'b', 2), 0);
        it.now = now;
        const says = wall(it);
        const fine = says.picture ? says.mood === 'picture' && says.head === '' : says.mood !== 'picture';
        assert.ok(fine, `${state} ${signal} ${now}: ${JSON.stringify(says)}`);
        if (says.picture === 'b') assert.ok(state === 'live' && signal !== 'lost' && now <= 2000);
        if (says.sure && says.shows === 'Robot') assert.ok(state === 'live' || state === 'no-signal');
        for (const stand_in of [{ backup: 'a' }, 'slate']) {
          it.room.setRoute('wall', { ...route(state, 'b', 3), stand_in }, 0);
          const stands = wall(it);
          assert.notEqual(stands.picture, 'b', `${state} ${signal}`);
          if (stands.picture) assert.equal(stands.mood, 'picture');
        }
      }
    }
  }
});
