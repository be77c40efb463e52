//! What each tile says, as plain data: from what is known to words, picture and mood.
//!
//! Moods: `picture` all is well; `plain` nothing to show and nothing wrong; `amber` caution;
//! `red` cannot be vouched for. Only `picture` has a picture.

import { lasting, timeOfDay } from './clock.js';
import { CONFIRM_WITHIN } from './room.js';

/** How long the tick of a confirmation stays. */
export const TICK_STAYS = 1500;

const since = (unixMs) => {
  const time = timeOfDay(unixMs);
  return time ? `since ${time}` : '';
};
const displays = (n) => (n === 0 ? 'on no display' : n === 1 ? 'on 1 display' : `on ${n} displays`);
const NOTHING = { text: '', kind: '' };

/** What a display's tile says until the router confirms. */
export const switchingTo = (label) => `Switching to ${label}`;

/** What a display's tile says while a backup is shown in place of its input. */
export const standingIn = (label) => `BACKUP: ${label}`;

/**
 * A source's tile. `look` is what the tiles are drawn from:
 * `{room, takes, selection, ages, now, wallNow}`.
 */
export function inputView(look, input) {
  const { room, selection } = look;
  const held = selection.held;
  const there = held?.kind === 'output' && room.outputs.get(held.id)?.route;
  const target = Boolean(there) && usable(look) && !isLive(there, input.id);
  const selected = selection.holds('input', input.id);
  const says = { ...pictureOf(look, input, ''), name: input.label, selected, target };
  if (selected) says.note = { text: 'touch a display', kind: 'chosen' };
  else if (target) says.note = { text: 'show this', kind: 'target' };
  else if (says.mood === 'picture' && input.signal.state === 'unstable') {
    says.note = { text: 'unstable', kind: 'caution' };
  } else says.note = { text: displays(room.shownOn(input.id)), kind: '' };
  says.spoken = sentence(['Source', input.label, says.head, says.sub, says.note.text]);
  return says;
}

/** A display's tile. `shows` is what it leads with, `sure` whether the router confirmed it. */
export function outputView(look, output) {
  const { room, takes, selection, now } = look;
  const held = selection.held;
  const take = takes.of(output.id, now);
  const says = { ...routeOf(look, output, take), name: output.label };
  says.selected = selection.holds('output', output.id);
  says.target = held?.kind === 'input' && !isLive(output.route, held.id) && usable(look);
  const ticks = output.confirmedAt !== null && now - output.confirmedAt < TICK_STAYS;
  if (says.selected) says.note = { text: 'chosen', kind: 'chosen' };
  else if (says.target) says.note = { text: 'put here', kind: 'target' };
  else if (says.instead) says.note = { text: 'backup', kind: 'caution' };
  else if (take?.unchanged) says.note = { text: 'unchanged', kind: '' };
  else if (ticks && says.sure) says.note = { text: 'confirmed', kind: 'tick' };
  else if (output.lock) says.note = { text: 'locked', kind: 'lock' };
  else if (says.mood === 'picture' && room.inputs.get(says.picture)?.signal.state === 'unstable') {
    says.note = { text: 'unstable', kind: 'caution' };
  } else says.note = NOTHING;
  says.spoken = sentence([
    'Display', output.label, says.sure ? `shows ${says.shows}` : says.shows,
    says.instead ? `in place of ${says.instead}` : '',
    says.head, says.sub, says.note.text,
  ]);
  return says;
}

/** Whether a touch can lead to anything. */
export function usable({ room }) {
  return room.link.state === 'up' && room.router.state !== 'away';
}

/** The line at the top: what to do now, or what is wrong. */
export function hintView(look) {
  const { room, selection, wallNow } = look;
  if (room.router.state === 'away') {
    const time = since(wallNow - (look.now - room.router.since));
    return {
      kind: 'fail',
      text: `Router not connected ${time}: look at the displays themselves, and check that ormatrix-router runs`,
    };
  }
  const held = selection.held;
  if (held?.kind === 'input') {
    return { kind: 'chosen', text: `${labelOf(room, held.id)}: touch a display` };
  }
  if (held) {
    return { kind: 'chosen', text: `${room.outputs.get(held.id)?.label ?? held.id}: touch a source` };
  }
  if (room.outputs.size === 0 || room.inputs.size === 0) return { kind: '', text: '' };
  return { kind: '', text: 'Touch a source, then a display' };
}

/** What an input looks like, on its own tile (`name` empty) or on a display's. */
function pictureOf({ room, ages, now, wallNow }, input, name) {
  if (room.router.state === 'away' || input.signal.state === 'unknown') {
    return over('red', 'Not known', room.router.state === 'away' ? 'router not connected' : 'the router does not tell');
  }
  if (input.fault) return over('red', 'Not received', input.fault);
  const { format } = input.findings;
  // Why nothing usable arrives says more than that it does not.
  if (format) return over('amber', 'Other format', [name, format].filter(Boolean).join(' · '));
  if (input.signal.state === 'lost') {
    const long = lasting(wallNow + room.skew - input.signal.since);
    const sub = name && !Number.isNaN(input.signal.since) ? `${name} · ${long}` : since(input.signal.since);
    return over('amber', 'Signal lost', sub || name);
  }
  const found = foundOf(input.findings);
  if (found) return over('amber', found.head, [name, found.sub].filter(Boolean).join(' · '));
  const age = ages.of(input.id, now);
  if (age === 'fresh') return { mood: 'picture', picture: input.id, head: '', sub: '' };
  if (age === 'soon') return over('plain', '', '');
  const sub = 'signal present, preview missing';
  return age === 'stale' ? over('amber', 'No picture', sub) : over('plain', 'No picture', sub);
}

/** A picture that may not be taken for what its source sees now, in words. */
function foundOf({ frozen, black }) {
  if (!Number.isNaN(frozen)) return { head: 'Picture frozen', sub: since(frozen) };
  if (!Number.isNaN(black)) return { head: 'Picture black', sub: since(black) };
  return null;
}

/** What an output's tile says of its route and of the take under way. */
function routeOf(look, output, take) {
  const { room, now } = look;
  const { route } = output;
  const label = (id) => labelOf(room, id);
  const shown = output.shown === null ? null : label(output.shown);
  const kept = { shows: shown ?? 'Nothing', sure: shown !== null };

  if (room.router.state === 'away' || route.state === 'unknown') {
    return { ...over('red', 'Not known', 'look at the display itself'), shows: 'Not known', sure: false };
  }
  if (output.fault) return { ...over('red', 'Not driven', output.fault), shows: 'Not known', sure: false };
  if (take?.phase === 'refused') return { ...over('red', take.title, take.detail), ...kept };

  const wanted = take?.input ?? (output.pendingSince === null ? null : route.input);
  if (wanted !== null) {
    const late = take?.phase === 'late' || (!take && now - output.pendingSince >= CONFIRM_WITHIN);
    const words = { shows: switchingTo(label(wanted)), sure: false };
    if (late) return { ...over('red', 'Not confirmed', whyLate(look, output, wanted)), ...words };
    // Until the switch is made the old picture is what the display shows.
    const old = output.shown !== null && room.inputs.get(output.shown);
    const picture = old ? pictureOf(look, old, shown) : over('plain', '', '');
    return { ...picture, ...words };
  }

  const input = room.inputs.get(route.input);
  const backup = route.standIn?.backup;
  if (backup) {
    const stand = room.inputs.get(backup);
    const picture = stand
      ? pictureOf(look, stand, stand.label)
      : over('red', 'Not known', `source ${backup} is not in the list`);
    return { ...picture, shows: standingIn(label(backup)), sure: true, instead: label(route.input) };
  }
  if (route.standIn?.slate && input) {
    const from = input.signal.state === 'lost' ? input.signal.since : route.since;
    const words = over('amber', 'SIGNAL LOST', [since(from), input.label].filter(Boolean).join(' · '));
    return { ...words, shows: input.label, sure: true };
  }
  if (route.state === 'none') return { ...over('plain', '', ''), shows: 'Nothing', sure: false };
  if (!input) return { ...over('red', 'Not known', `source ${route.input ?? ''} is not in the list`), ...kept };
  if (route.state === 'no-signal') {
    const from = input.signal.state === 'lost' ? input.signal.since : route.since;
    const lost = { ...input, signal: { state: 'lost', since: from } };
    return { ...pictureOf(look, lost, input.label), shows: input.label, sure: true };
  }
  return { ...pictureOf(look, input, input.label), shows: input.label, sure: true };
}

function whyLate({ room, now }, output, wanted) {
  const name = labelOf(room, wanted);
  const long = output.pendingSince === null ? '' : ` · ${lasting(now - output.pendingSince)}`;
  if (room.inputs.get(wanted)?.signal.state === 'lost') return `${name} has no signal${long}`;
  if (output.route.state === 'waiting') return `${name} sends no whole frame${long}`;
  return `the router has not confirmed ${name}${long}`;
}

const isLive = (route, input) => route.state === 'live' && route.input === input && !route.standIn;
const labelOf = (room, id) => room.inputs.get(id)?.label ?? id ?? '';
const over = (mood, head, sub) => ({ mood, picture: null, head, sub });
const sentence = (parts) => `${parts.filter(Boolean).join(', ')}.`;
