import { bytes, micros, whole } from '/figures.js';

const $ = (id) => document.getElementById(id);
const put = (id, text) => { $(id).textContent = text; };

document.querySelectorAll('.origin').forEach((e) => { e.textContent = location.origin; });

// ---- live figures, fed by the server's event stream -----------------------

const kept = 120; // samples: one minute
const samples = [];

function show(s) {
  put('rps', whole(s.rps));
  if (s.p50 > 0) { // else nothing was answered: the last figures stay
    put('p50', micros(s.p50));
    put('p99', micros(s.p99));
  }
  put('conns', whole(s.conns));
  put('parked', whole(s.parked));
  put('inflight', whole(s.inFlight));
  put('requests', whole(s.requests));
  put('out', bytes(s.bytesOut));
  samples.push(s);
  if (samples.length > kept) samples.shift();
  put('peak', whole(Math.max(...samples.map((s) => s.rps))));
  draw();
}

function state(text, kind) {
  const e = $('state');
  if (e.textContent !== text) e.textContent = text;
  e.className = `state ${kind}`;
}

function listen() {
  const stream = new EventSource('/events');
  stream.addEventListener('hello', (e) => {
    const about = JSON.parse(e.data);
    put('version', about.version);
    state(`live from ${location.host} · ${about.go} · ${about.platform} · ${about.cpus} CPU`, 'live');
  });
  stream.addEventListener('sample', (e) => show(JSON.parse(e.data)));
  stream.addEventListener('bye', () => {
    stream.close();
    state('the server is shutting down', 'gone');
    setTimeout(listen, 2000);
  });
  stream.onerror = () => state('no connection; trying again …', 'gone');
}
listen();

// ---- charts ----------------------------------------------------------------

const colour = (name) => {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const c = getComputedStyle(probe).color;
  probe.remove();
  return c;
};

// ceiling is the next of 1, 2, 5, 10, 20, ... above n.
function ceiling(n) {
  const p = 10 ** Math.floor(Math.log10(Math.max(n, 1)));
  return [1, 2, 5, 10].map((f) => f * p).find((v) => v >= n);
}

function chart(canvas, lines, label) {
  const scale = devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
  canvas.width = w * scale;
  canvas.height = h * scale;
  const c = canvas.getContext('2d');
  c.scale(scale, scale);
  const top = ceiling(Math.max(...lines.flatMap((l) => l.values), 1));
  const x = (i) => w - (lines[0].values.length - 1 - i) * (w / (kept - 1));
  const y = (v) => h - 2 - (v / top) * (h - 8);

  c.font = '12px system-ui, "Liberation Sans", sans-serif';
  c.strokeStyle = colour('--line');
  for (const f of [0.5, 1]) {
    c.beginPath();
    c.moveTo(0, y(top * f));
    c.lineTo(w, y(top * f));
    c.stroke();
  }
  for (const line of lines) {
    c.beginPath();
    let drawing = false;
    line.values.forEach((v, i) => {
      const gap = line.gaps && !v;
      if (!gap && !drawing) c.moveTo(x(i) - 2, y(v)); // so that one sample alone is a dash
      if (!gap) c.lineTo(x(i), y(v));
      drawing = !gap;
    });
    c.strokeStyle = line.colour;
    c.lineWidth = 2;
    c.lineJoin = 'round';
    c.stroke();
    if (line.fill && line.values.length > 1) {
      c.lineTo(w, h);
      c.lineTo(x(0), h);
      c.globalAlpha = 0.15;
      c.fillStyle = line.colour;
      c.fill();
      c.globalAlpha = 1;
    }
  }
  c.fillStyle = colour('--soft');
  c.textBaseline = 'top';
  c.fillText(label(top), 0, y(top) + 3);
}

function draw() {
  if (!samples.length) return;
  const sun = colour('--sun'), sea = colour('--sea');
  chart($('rps-chart'), [{ values: samples.map((s) => s.rps), colour: sun, fill: true }], whole);
  chart($('latency-chart'), [
    { values: samples.map((s) => s.p99), colour: sea, gaps: true },
    { values: samples.map((s) => s.p50), colour: sun, gaps: true },
  ], micros);
}
addEventListener('resize', draw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);

// ---- load from this browser --------------------------------------------------

$('burst').addEventListener('click', async (e) => {
  const button = e.currentTarget, total = 1000;
  let left = total, failed = 0;
  button.disabled = true;
  put('burst-result', 'sending …');
  const start = performance.now();
  const worker = async () => {
    while (left-- > 0) {
      const r = await fetch('/hello', { cache: 'no-store' }).then((r) => r.text().then(() => r.ok), () => false);
      if (!r) failed++;
    }
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  const seconds = (performance.now() - start) / 1000;
  put('burst-result', `${whole(total - failed)} answers in ${seconds.toFixed(2)} s, ${failed ? failed + ' failed' : 'none failed'}`);
  button.disabled = false;
});

// ---- requests to try ---------------------------------------------------------

const tries = {
  range: { path: '/try/numbers.txt', headers: { Range: 'bytes=100-199' }, remark: 'A part of a file: 206, and Content-Range says which.' },
  ranges: { path: '/try/numbers.txt', headers: { Range: 'bytes=0-19,-20' }, remark: 'Two parts in one answer, each with its own Content-Range.' },
  gzip: { path: '/try/gzip', remark: (r) => `Sent: ${bytes(+r.headers.get('content-length'))}, unpacked by the browser: ${bytes(r.size)}. Content-Encoding says how, Vary that the answer depends on Accept-Encoding.`, curl: '-so /dev/null -D -', curlHeaders: { 'Accept-Encoding': 'gzip' } },
  conditional: {
    path: '/try/numbers.txt', remark: 'The ETag that a first answer carried is still right: 304, no body.',
    prepare: async () => ({ 'If-None-Match': (await fetch('/try/numbers.txt', { method: 'HEAD', cache: 'no-store' })).headers.get('etag') }),
  },
  head: { method: 'HEAD', path: '/try/numbers.txt', remark: 'All of the head that GET would have, and no body.', curl: '-I' },
  sse: { path: '/events', events: 3, remark: 'A text/event-stream is flushed at each event; this one feeds the figures above. Three were read here, then the request was cancelled.', curl: '-iN' },
  missing: { path: '/no/such/page', remark: 'Nothing is there: 404.' },
};

// curl is the same request for a terminal.
function curl(t, headers) {
  const given = Object.entries({ ...headers, ...t.curlHeaders }).map(([k, v]) => `-H '${k}: ${v}'`);
  return ['curl', t.curl || '-i', ...given, location.origin + t.path].join(' ');
}

async function ask(t) {
  const headers = { ...t.headers, ...(t.prepare ? await t.prepare() : {}) };
  const method = t.method || 'GET', stop = new AbortController();
  const start = performance.now();
  const response = await fetch(t.path, { method, headers, cache: 'no-store', signal: stop.signal });
  let body = '';
  if (t.events) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    while (body.split('\n\n').length <= t.events) {
      const { value, done } = await reader.read();
      if (done) break;
      body += value;
    }
    stop.abort();
  } else {
    body = await response.text();
  }
  response.size = body.length;
  return { headers, method, response, body, took: performance.now() - start };
}

// line appends one line to a pre: strong for start lines, soft for asides.
function line(pre, text, tag) {
  const e = document.createElement(tag || 'span');
  e.textContent = text + '\n';
  pre.append(e);
}

function showExchange(t, x) {
  const asked = $('asked'), answer = $('answer');
  asked.replaceChildren();
  line(asked, `${x.method} ${t.path} HTTP/1.1`, 'b');
  for (const [k, v] of Object.entries(x.headers)) line(asked, `${k}: ${v}`);
  line(asked, `$ ${curl(t, x.headers)}`, 'i');

  answer.hidden = false;
  answer.replaceChildren();
  line(answer, `HTTP/1.1 ${x.response.status} ${x.response.statusText}`, 'b');
  for (const [k, v] of x.response.headers) line(answer, `${k}: ${v}`);
  line(answer, '');
  if (x.body) line(answer, x.body.length > 700 ? x.body.slice(0, 700) + ' …' : x.body.trimEnd());
  line(answer, `${x.took.toFixed(1)} ms as this browser saw it`, 'i');

  put('remark', typeof t.remark === 'function' ? t.remark(x.response) : t.remark);
}

$('tries').addEventListener('click', async (e) => {
  const button = e.target.closest('button');
  if (!button) return;
  for (const b of $('tries').children) b.setAttribute('aria-pressed', b === button);
  const t = tries[button.dataset.try];
  try {
    showExchange(t, await ask(t));
  } catch (err) {
    put('asked', `No answer: ${err.message}`);
    put('remark', '');
    $('answer').hidden = true;
  }
});
