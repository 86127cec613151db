import { bytes, micros, whole } from '/figures.js';
import { Socket, over } from '/socket.js';

const $ = (id) => document.getElementById(id);
const put = (id, text) => { $(id).textContent = text; };

const kept = 1000; // round trips, for the percentiles
const shown = 20; // lines of the log
const trips = [];
let count = 0, size = 0;
let greeted = false; // the server has said hello
let waiting = null; // {data, start, done} of the message that is on its way

const socket = new Socket(() => '/ws/echo', {
  message(data, ws) {
    if (!greeted) {
      greeted = true;
      state(over(JSON.parse(data).protocol, ws), 'live');
      allow(true);
    } else if (waiting) {
      const { data: sent, start, done } = waiting;
      waiting = null;
      done({ took: performance.now() - start, same: same(sent, data) });
    }
  },
  state(text, kind) {
    greeted = false;
    allow(false);
    state(text, kind);
    if (waiting) waiting.done(null);
    waiting = null;
  },
});

function state(text, kind) {
  put('echo-state', text);
  $('echo-state').className = `state ${kind}`;
}

function allow(yes) {
  $('echo-once').disabled = $('echo-many').disabled = !yes;
}

function same(a, b) {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  const x = new Uint8Array(a), y = new Uint8Array(b);
  return x.length === y.length && x.every((v, i) => v === y[i]);
}

// trip sends a message; its promise is null if the connection ends first.
function trip(data) {
  if (!greeted) return null;
  return new Promise((done) => {
    waiting = { data, start: performance.now(), done };
    socket.send(data);
  });
}

// lines is a text of n characters, of which no two lines are the same.
function lines(n) {
  let all = '';
  for (let i = 1; all.length < n; i++) all += `Hyperion tumbles: turn ${i} of its year.\n`;
  return all.slice(0, n);
}

// message is what the form asks for.
function message() {
  const words = $('echo-text').value, n = +$('echo-size').value, text = $('echo-type').value === 'text';
  if (text) return words || lines(n);
  if (words) return new TextEncoder().encode(words).buffer;
  const random = new Uint8Array(n);
  for (let i = 0; i < n; i += 65536) crypto.getRandomValues(random.subarray(i, i + 65536));
  return random.buffer;
}

const length = (data) => typeof data === 'string' ? new TextEncoder().encode(data).length : data.byteLength;

function show() {
  if (!trips.length) return;
  const sorted = trips.toSorted((a, b) => a - b);
  const at = (q) => micros(1000 * sorted[Math.min(Math.floor(q * sorted.length), sorted.length - 1)]);
  put('echo-last', micros(1000 * trips.at(-1)));
  put('echo-p50', at(0.5));
  put('echo-p99', at(0.99));
  put('echo-count', whole(count));
  put('echo-bytes', bytes(size));
}

function log(text, wrong) {
  const line = document.createElement('li');
  line.textContent = text;
  if (wrong) line.className = 'wrong';
  $('echo-log').prepend(line);
  while ($('echo-log').children.length > shown) $('echo-log').lastChild.remove();
}

async function send(times) {
  const data = message(), n = length(data), start = performance.now();
  const what = `${typeof data === 'string' ? 'text' : 'binary'}, ${bytes(n)}`;
  allow(false);
  for (let i = 0; i < times; i++) {
    const got = await trip(data);
    if (!got || !got.same) {
      log(`${what}: ${got ? 'came back different' : 'the connection ended first'}`, true);
      break;
    }
    trips.push(got.took);
    if (trips.length > kept) trips.shift();
    count++;
    size += n;
    if (times === 1) log(`${what}: came back the same after ${micros(1000 * got.took)}`);
    else if (i === times - 1) log(`${what}, ${times} times: all came back the same, in ${micros(1000 * (performance.now() - start))}`);
  }
  show();
  if (greeted) allow(true);
}

$('echo-form').addEventListener('submit', (e) => {
  e.preventDefault();
  send(1);
});
$('echo-many').addEventListener('click', () => send(100));

socket.open();
