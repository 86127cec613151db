import { Socket, over } from '/socket.js';

const $ = (id) => document.getElementById(id);
const put = (id, text) => { $(id).textContent = text; };

const shown = 200; // lines of the log
const moons = ['Titan', 'Rhea', 'Dione', 'Tethys', 'Mimas', 'Phoebe', 'Calypso', 'Iapetus', 'Pandora', 'Janus', 'Helene', 'Atlas'];
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

let name = '', room = ''; // as the server has them; '' while not in a room
let present = []; // the names of all in the room, in the order in which they came

$('chat-name').value = sessionStorage.getItem('name') || moons[Math.floor(Math.random() * moons.length)];
$('chat-room').value = new URLSearchParams(location.search).get('room') || 'lobby';

const socket = new Socket(
  () => '/ws/chat?' + new URLSearchParams({ room: $('chat-room').value, name: $('chat-name').value }),
  {
    message(data, ws) {
      const n = JSON.parse(data);
      kinds[n.kind]?.(n, ws);
    },
    state(text, kind) {
      name = '';
      state(text, kind);
      put('chat-here', '');
      allow(false);
    },
  },
);

// kinds are the notices of the server.
const kinds = {
  hello(n, ws) {
    name = n.name;
    room = n.room;
    state(`in ${room} as ${name}, ${over(n.protocol, ws)}`, 'live');
    $('chat-tab').href = '/websocket?' + new URLSearchParams({ room });
    put('chat-log', '');
    for (const s of n.last || []) said(s);
    here(n.here);
    allow(true);
  },
  said,
  came(n) { aside(`${n.name} came`); here([...present, n.name]); },
  went(n) { aside(`${n.name} went`); here(present.filter((p) => p !== n.name)); },
  refused(n) { aside(`not sent: ${n.text}`, true); },
};

function state(text, kind) {
  put('chat-state', text);
  $('chat-state').className = `state ${kind}`;
}

function allow(yes) {
  $('chat-text').disabled = $('chat-say').disabled = !yes;
}

// part makes an element with a text, which is never taken for HTML.
function part(tag, text, kind) {
  const e = document.createElement(tag);
  e.textContent = text;
  if (kind) e.className = kind;
  return e;
}

// called is a name in its own colour; bdi keeps its direction to itself.
function called(who) {
  const e = part('bdi', who, 'who');
  let sum = 0;
  for (const c of who) sum = (sum * 31 + c.codePointAt(0)) % 360;
  e.style.setProperty('--hue', sum);
  return e;
}

function add(line) {
  const log = $('chat-log'), atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(line);
  while (log.children.length > shown) log.firstChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function said(n) {
  const line = part('li', '', n.name === name ? 'own' : '');
  line.append(called(n.name), part('time', clock.format(n.at)), part('p', n.text));
  add(line);
}

function aside(text, wrong) { add(part('li', text, wrong ? 'aside wrong' : 'aside')); }

function here(names) {
  present = names;
  $('chat-here').replaceChildren(`${names.length} here: `, ...names.flatMap((n, i) => i ? [', ', called(n)] : [called(n)]));
}

$('chat-join').addEventListener('submit', (e) => {
  e.preventDefault();
  sessionStorage.setItem('name', $('chat-name').value);
  history.replaceState(null, '', '/websocket?' + new URLSearchParams({ room: $('chat-room').value }));
  socket.open();
});

$('chat-form').addEventListener('submit', (e) => {
  e.preventDefault();
  const text = $('chat-text').value;
  if (!text.trim() || !name) return;
  socket.send(text);
  $('chat-text').value = '';
});

socket.open();
