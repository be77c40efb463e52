//! The panel: hears what is, asks for what a person touches, and shows only what was told.

import * as api from './api.js';
import { Clock } from './clock.js';
import { Events } from './events.js';
import { refusalOf } from './refusal.js';
import { Room } from './room.js';
import { Screen } from './screen.js';
import { Selection } from './selection.js';
import { Stills } from './stills.js';
import { Takes } from './take.js';
import { hintView, inputView, outputView, usable } from './views.js';

/** A connection may be gone this long before the screen says so. */
const GRACE = 1000;
/** On the first load it may take longer. */
const FIRST_GRACE = 3000;
/** Everything is read again this often, so that no lost event is believed for long. */
const READ_EVERY = 3000;
const TICK = 100;

const clock = new Clock();
const now = () => clock.now();
const room = new Room();
const selection = new Selection();
const takes = new Takes();
const screen = new Screen();
const stills = new Stills({
  now,
  fetch: api.still,
  decode: (blob) => createImageBitmap(blob),
  sends: (id) => ['ok', 'unstable'].includes(room.inputs.get(id)?.signal.state),
});
const events = new Events({ onEvent, onOpen, onDown });

let stopped = false;
let hearing = false;
let downSince = now();
let readAt = 0;
let reading = false;
let readAgain = false;
let arranged = '';

function onOpen() {
  hearing = true;
  read();
}

function onDown() {
  hearing = false;
  downSince ??= now();
}

function onEvent(name, data) {
  if (name === 'still') {
    stills.announce(data?.input);
    return;
  }
  // Sound and data are no matter of this page: what it shows are pictures.
  const picture = (data?.level ?? 'video') === 'video';
  if (name === 'signal') {
    if (picture) room.setSignal(data?.input, data?.signal, data?.findings);
  } else if (name === 'route') {
    if (picture) onRoute(data?.output, data?.route);
  } else if (name === 'router') {
    room.setRouter(data?.connected === true ? 'up' : 'away', now());
    read();
  } else read();
  render();
}

function onRoute(output, route) {
  if (!room.outputs.has(output)) read();
  if (room.setRoute(output, route, now())) tell(output);
  settled(output);
}

function settled(output) {
  const route = room.outputs.get(output)?.route;
  if (route?.state === 'live') takes.confirm(output, route.input);
}

function tell(output) {
  const { label, route } = room.outputs.get(output);
  const name = (id) => room.inputs.get(id)?.label ?? id;
  const backup = route.standIn?.backup;
  const shows = backup ? `the backup ${name(backup)} for ${name(route.input)}` : name(route.input);
  screen.announce(`${label} shows ${shows}`);
}

/** Reads everything; once more if it is asked for again meanwhile. */
async function read() {
  readAgain = reading;
  if (reading) return;
  reading = true;
  readAt = now();
  const mark = room.mark();
  try {
    const [inputs, outputs, connected] = await Promise.all([
      api.inputs(), api.outputs(), api.routerConnected(),
    ]);
    room.setInputs(inputs.body, mark);
    room.setOutputs(outputs.body, mark, now());
    room.setRouterSince(connected ? 'up' : 'away', mark, now());
    const skew = outputs.date - Date.now();
    room.skew = Math.abs(skew) > 2000 ? skew : 0;
    for (const id of room.outputs.keys()) settled(id);
    stills.setInputs(room.inputs.keys());
    selection.keep((kind, id) => (kind === 'input' ? room.inputs : room.outputs).has(id));
    if (hearing) {
      downSince = null;
      room.setLink('up', now());
    }
    arrange();
  } catch (error) {
    if (!(error instanceof api.Problem)) throw error;
    readAgain = false;
    events.again();
  } finally {
    reading = false;
  }
  render();
  if (readAgain) await read();
}

async function ask({ input, output }) {
  const route = room.outputs.get(output)?.route;
  // Where something stands in, taking the same again is how it is brought back.
  if (route?.state === 'live' && route.input === input && !route.standIn) return;
  const mark = room.mark();
  const serial = takes.start(output, input, now());
  try {
    const answer = await api.take(output, input);
    takes.accept(output, serial);
    if (room.setRouteSince(output, answer?.route ?? answer, mark, now())) tell(output);
    settled(output);
  } catch (error) {
    if (!(error instanceof api.Problem)) throw error;
    const refusal = refusalOf(error, room);
    // Someone else's take came after: the route tells what is there.
    if (!refusal) takes.accept(output, serial);
    else if (takes.refuse(output, serial, refusal, now())) {
      const { label } = room.outputs.get(output) ?? { label: output };
      screen.announce(`${label}: ${refusal.title}. ${refusal.detail}`);
    }
  }
  render();
}

function touch(tile) {
  const { kind, id } = tile.dataset;
  if (kind === 'output') takes.dismiss(id);
  if (usable({ room })) {
    const wanted = selection.touch(kind, id, now());
    if (wanted) void ask(wanted);
  }
  render();
}

document.addEventListener('click', (event) => {
  const tile = event.target instanceof Element ? event.target.closest('.tile') : null;
  if (event.target instanceof Element && event.target.closest('#away-reload')) location.reload();
  else if (tile) touch(tile);
  else {
    selection.letGo();
    render();
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  selection.letGo();
  render();
});

/** Places the tiles anew, only when something they depend on changed. */
function arrange() {
  const names = (map) => [...map.values()].map(({ id, label, zone, backups }) => [id, label, zone, backups]);
  const key = JSON.stringify([names(room.inputs), names(room.outputs), innerWidth, innerHeight]);
  if (key === arranged || stopped) return;
  arranged = key;
  screen.arrange(room);
}

function render() {
  if (stopped) return;
  const look = { room, takes, selection, ages: stills.ages, now: now(), wallNow: Date.now() };
  screen.cover(room.link, look.now, look.wallNow);
  screen.clock(look.wallNow);
  screen.hint(hintView(look));
  for (const [id, tile] of screen.tiles('input')) show(tile, room.inputs.get(id), inputView, look);
  for (const [id, tile] of screen.tiles('output')) show(tile, room.outputs.get(id), outputView, look);
}

function show(tile, thing, view, look) {
  if (!thing) return;
  const says = view(look, thing);
  const picture = says.picture === null ? null : stills.picture(says.picture);
  tile.show(says, picture, picture ? stills.ages.beats(says.picture) : 0);
}

function tick() {
  if (stopped) return;
  const at = now();
  const grace = room.link.state === 'connecting' ? FIRST_GRACE : GRACE;
  if (downSince !== null && room.link.state !== 'away' && at - downSince >= grace) {
    room.setLink('away', downSince);
    stills.clear();
    takes.clear();
    selection.letGo();
  }
  selection.expire(at);
  if (room.link.state === 'up') {
    if (document.hidden) stills.hold();
    else stills.run();
    if (at - readAt >= READ_EVERY) void read();
  }
  render();
}

/** A fault in the panel itself ends it, visibly. */
function stop(reason) {
  if (stopped) return;
  stopped = true;
  stills.clear();
  for (const kind of ['input', 'output']) for (const tile of screen.tiles(kind).values()) tile.element.remove();
  screen.fault(reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason));
}
window.addEventListener('error', (event) => stop(event.error ?? event.message));
window.addEventListener('unhandledrejection', (event) => stop(event.reason));
window.addEventListener('resize', () => {
  arrange();
  render();
});
document.addEventListener('visibilitychange', tick);
// Texts are measured in the panel's type: measure again when it is there.
const type = ['400 20px B612', '700 20px B612'].map((font) => document.fonts.load(font));
void Promise.allSettled(type).then(() => {
  screen.typeChanged();
  arranged = '';
  if (room.link.state === 'up') arrange();
  render();
});

setInterval(tick, TICK);
events.open();
render();
