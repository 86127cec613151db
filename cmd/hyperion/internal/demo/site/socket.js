// A Socket is a WebSocket to this server that is opened again when it ends: after half a
// second at first, then after twice as long each time, 20 s at most, each up to a quarter
// longer so that not all come back at once. It asks for a page first: a browser lets a WebSocket go
// over HTTP/2 only if it has such a connection. It ends for good when the server says why not (1008).
const first = 500, longest = 20_000, settled = 5_000; // ms

export class Socket {
  // path is called for each opening. on has message(data) and state(text, kind), where kind is
  // 'live', 'gone' or ''.
  constructor(path, on) {
    this.path = path;
    this.on = on;
    this.wait = first;
    this.turn = 0; // of opening
    addEventListener('online', () => { if (this.timer) this.again(); });
  }

  open() {
    this.end();
    this.on.state('connecting …', '');
    const ws = new WebSocket(location.origin.replace(/^http/, 'ws') + this.path());
    ws.binaryType = 'arraybuffer';
    let since = 0;
    ws.onopen = () => { since = performance.now(); };
    ws.onmessage = (e) => this.on.message(e.data, ws);
    ws.onclose = (e) => {
      if (this.ws !== ws) return;
      this.ws = null;
      if (since && performance.now() - since > settled) this.wait = first;
      this.ended(since, e);
    };
    this.ws = ws;
  }

  async again() {
    this.end();
    this.on.state('connecting …', '');
    const turn = this.turn;
    const there = await fetch('/hello', { cache: 'no-store' }).then((r) => r.ok, () => false);
    if (turn !== this.turn) return; // somebody else has opened it, or ended
    if (there) this.open();
    else this.ended(0, { code: 1006 });
  }

  // ended says what happened, and opens again later.
  ended(opened, e) {
    let what = opened ? 'the connection was lost' : 'no connection';
    if (e.code !== 1006) what = `closed by the server: ${e.code}${e.reason ? ' ' + e.reason : ''}`;
    if (e.code === 1008) {
      this.on.state(what, 'gone');
      return;
    }
    let left = Math.ceil(this.wait * (1 + Math.random() / 4) / 1000);
    const step = () => {
      if (left === 0) {
        this.again();
        return;
      }
      this.on.state(`${what}; trying again in ${left} s`, 'gone');
      left--;
      this.timer = setTimeout(step, 1000);
    };
    if (this.wait < 1000) {
      this.on.state(`${what}; trying again`, 'gone');
      this.timer = setTimeout(() => this.again(), this.wait * (1 + Math.random() / 4));
    } else {
      step();
    }
    this.wait = Math.min(this.wait * 2, longest);
  }

  // end ends the connection without opening another.
  end() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.turn++;
    const ws = this.ws;
    this.ws = null;
    if (ws) ws.close(1000);
  }

  send(data) { this.ws.send(data); }
}

// over says over what a socket runs: the protocol by the server's word, the compression as the
// opening handshake settled it.
export function over(protocol, ws) {
  const name = { 'HTTP/2.0': 'HTTP/2' }[protocol] || protocol;
  const tls = location.protocol === 'https:' ? ' and TLS' : '';
  const alone = ws.extensions.includes('server_no_context_takeover') ? ', each message by itself' : '';
  return `open over ${name}${tls}, ${ws.extensions ? ws.extensions.split(';')[0] + alone : 'not compressed'}`;
}
