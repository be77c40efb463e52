import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ages, OLDEST } from '../js/age.js';
import { Clock } from '../js/clock.js';
import { Stills } from '../js/stills.js';

test('a still is fresh for two seconds from when it was taken', () => {
  const ages = new Ages();
  assert.equal(ages.of('a', 0), 'none');
  ages.expect('a', 0);
  assert.deepEqual([ages.of('a', OLDEST), ages.of('a', OLDEST + 1)], ['soon', 'none']);
  ages.arrived('a', { etag: '"1"', age: 1, askedAt: 5000 });
  assert.equal(ages.of('a', 4000 + OLDEST), 'fresh');
  assert.equal(ages.of('a', 4001 + OLDEST), 'stale');
});

test('the same still asked for again is not younger, and no heartbeat', () => {
  const ages = new Ages();
  assert.equal(ages.arrived('a', { etag: '"1"', age: 0, askedAt: 0 }), true);
  assert.equal(ages.arrived('a', { etag: '"1"', age: 0, askedAt: 900 }), false);
  assert.equal(ages.arrived('a', { etag: '"1"', age: 1, askedAt: 1900 }), false);
  assert.equal(ages.beats('a'), 1);
  assert.equal(ages.of('a', OLDEST + 1), 'stale');
  assert.equal(ages.arrived('a', { etag: '"2"', age: 0, askedAt: 2500 }), true);
  assert.deepEqual([ages.beats('a'), ages.of('a', 2500)], [2, 'fresh']);
});

test("time counts a machine's sleep, and never goes back", () => {
  let mono = 0;
  let wall = 1000;
  const clock = new Clock(() => mono, () => wall);
  mono += 50;
  wall += 50;
  assert.equal(clock.now(), 50);
  wall += 60_000; // asleep
  assert.equal(clock.now(), 60_050);
  wall -= 3_600_000; // set back
  mono += 10;
  assert.equal(clock.now(), 60_060);
});

/** A server whose answers the test gives. */
function bench(inputs) {
  const it = { time: 0, asked: [], closed: [], lost: [] };
  it.stills = new Stills({
    now: () => it.time,
    sends: (id) => !it.lost.includes(id),
    fetch: (id) => new Promise((answer, fail) => it.asked.push({ id, answer, fail })),
    decode: async (blob) => {
      if (blob === 'broken') throw new Error('no JPEG');
      return { blob, close: () => it.closed.push(blob) };
    },
  });
  it.stills.setInputs(inputs);
  it.run = async (to) => {
    it.time = to;
    it.stills.run();
    await settle();
  };
  it.answer = async (blob, etag = blob) => {
    it.asked.shift().answer({ status: 200, blob, etag, age: 0 });
    await settle();
  };
  return it;
}
const settle = () => new Promise((done) => setImmediate(done));

test('at most three stills are under way, one of each input, the longest waiting first', async () => {
  const it = bench(['a', 'b', 'c', 'd']);
  await it.run(0);
  await it.run(100);
  assert.deepEqual(it.asked.map(({ id }) => id), ['a', 'b', 'c']);
  await it.answer('A');
  assert.deepEqual(it.asked.map(({ id }) => id), ['b', 'c', 'd'], 'the next at once');
  it.stills.hold();
  await it.answer('B');
  assert.equal(it.asked.length, 2, 'none while nobody looks');
});

test('a picture goes as soon as it is too old, and its memory with it', async () => {
  const it = bench(['a']);
  await it.run(0);
  await it.answer('A');
  assert.equal(it.stills.picture('a').blob, 'A');
  await it.run(OLDEST + 1);
  assert.equal(it.stills.picture('a'), null);
  assert.deepEqual(it.closed, ['A']);
});

test('a new picture takes the place of the old, which is closed', async () => {
  const it = bench(['a']);
  await it.run(0);
  await it.answer('A');
  await it.run(500);
  await it.answer('B');
  assert.equal(it.stills.picture('a').blob, 'B');
  assert.deepEqual(it.closed, ['A']);
});

test('a failure leaves the last picture for as long as it is young', async () => {
  const it = bench(['a']);
  await it.run(0);
  await it.answer('A');
  await it.run(500);
  await it.answer('broken');
  assert.equal(it.stills.picture('a').blob, 'A');
  await it.run(1500);
  it.asked.shift().fail(new Error('gone'));
  await settle();
  assert.equal(it.stills.picture('a').blob, 'A');
  await it.run(OLDEST + 1);
  assert.equal(it.stills.picture('a'), null);
});

test('announced stills are fetched when announced, the others twice a second', async () => {
  const it = bench(['a']);
  await it.run(0);
  await it.answer('A');
  it.stills.announce('a');
  await it.run(100);
  assert.equal(it.asked.length, 1);
  await it.answer('B');
  await it.run(900);
  assert.equal(it.asked.length, 0, 'they come by announcement');
  await it.run(1700);
  assert.equal(it.asked.length, 1, 'they no longer do');
});

test('one that failed is not starved by those that are announced all the time', async () => {
  const it = bench(['a', 'b', 'c', 'd', 'e']);
  const asked = { a: 0, b: 0, c: 0, d: 0, e: 0 };
  for (let time = 0; time < 5000; time += 100) {
    for (const id of Object.keys(asked)) it.stills.announce(id);
    await it.run(time);
    const { id, answer, fail } = it.asked.shift();
    asked[id] += 1;
    if (id === 'a') fail(new Error('late'));
    else answer({ status: 200, blob: id, etag: String(time), age: 0 });
    await settle();
  }
  assert.deepEqual(asked, { a: 10, b: 10, c: 10, d: 10, e: 10 });
});

test('what has lost its signal is not asked for', async () => {
  const it = bench(['a', 'b']);
  it.lost = ['a'];
  it.stills.announce('a');
  await it.run(0);
  assert.deepEqual(it.asked.map(({ id }) => id), ['b']);
});

test('what comes for an input that is gone is thrown away', async () => {
  const it = bench(['a']);
  await it.run(0);
  it.stills.setInputs([]);
  await it.answer('A');
  assert.equal(it.stills.picture('a'), null);
  assert.deepEqual(it.closed, ['A']);
});
