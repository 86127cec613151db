package interop

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/hyperion-server/hyperion/wsframe"
)

// The scripts below get the URL, the file with the server's certificate (or ""), whether to offer
// compression, and do what talk does with the libraries in Go. They print the extension that the
// server chose, if it had to, and "all right".

const nodeSockets = `
const [library, url, , deflate] = process.argv.slice(1); // -e: no script among them
const want = (ok, what) => { if (!ok) { console.error('wrong: ' + what); process.exit(1); } };
function open() { // the interface of browsers, which both have
  const ws = library === 'ws'
    ? new (require('ws'))(url, ['other', 'second.example', 'first.example'], {perMessageDeflate: deflate === 'true' && {threshold: 0}})
    : new WebSocket(url, ['other', 'second.example', 'first.example']); // Node's own, which is undici
  ws.binaryType = 'arraybuffer';
  const came = [], waits = [];
  ws.onmessage = e => (waits.shift() || (d => came.push(d)))(e.data);
  ws.next = () => came.length ? Promise.resolve(came.shift()) : new Promise(done => waits.push(done));
  ws.closed = new Promise(done => { ws.onclose = e => done(e.code + ' ' + e.reason); });
  ws.onerror = e => { console.error(e.message || e); process.exit(1); };
  return new Promise(done => { ws.onopen = () => done(ws); });
}
(async () => {
  let ws = await open();
  want(ws.protocol === 'first.example', 'subprotocol ' + ws.protocol);
  let all = '';
  for (let i = 0; all.length < 1 << 20; i++) all += 'line number ' + i + '\n';
  for (const n of [0, 1, 125, 126, 65535, 65536, 1 << 20]) {
    ws.send(all.slice(0, n));
    want(await ws.next() === all.slice(0, n), 'text of ' + n);
    const noise = require('node:crypto').randomBytes(n);
    ws.send(noise);
    want(noise.equals(Buffer.from(await ws.next())), 'binary of ' + n);
  }
  ws.send('ping');
  want(await ws.next() === 'ponged', 'pong');
  if (library === 'ws') { // the interface of browsers has neither
    for (let i = 0; i < 7; i++) ws.send(all.slice(i * 50000, (i + 1) * 50000), {fin: i === 6});
    want(await ws.next() === all.slice(0, 350000), 'fragments');
    const pong = new Promise(done => ws.on('pong', p => done(p.toString())));
    ws.ping('client');
    want(await pong === 'client', 'payload of the pong');
  }
  const chosen = ws.extensions.split(';')[0];
  ws.close(4001, 'the client’s reason');
  want((await ws.closed).startsWith('4001 '), 'answer to close');
  ws = await open();
  ws.send('close');
  want(await ws.closed === '4002 the server’s reason', 'close');
  console.log((deflate === 'true' ? chosen : '') + ' all right');
  process.exit(0);
})();
`

const pythonSockets = `
import asyncio, os, ssl, sys, websockets
url, ca, deflate = sys.argv[1:]
context = ssl.create_default_context(cafile=ca) if ca else None
def open():
    return websockets.connect(url, ssl=context, max_size=None, compression='deflate' if deflate == 'true' else None,
                              subprotocols=['other', 'second.example', 'first.example'])
def want(ok, what):
    if not ok: sys.exit('wrong: ' + what)
async def main():
    text = ''.join('line number %d\n' % i for i in range(70000))
    async with open() as ws:
        want(ws.subprotocol == 'first.example', 'subprotocol')
        for n in [0, 1, 125, 126, 65535, 65536, 1 << 20]:
            await ws.send(text[:n])
            want(await ws.recv() == text[:n], 'text of %d' % n)
            noise = os.urandom(n)
            await ws.send(noise)
            want(await ws.recv() == noise, 'binary of %d' % n)
        await ws.send([text[i*50000:(i+1)*50000] for i in range(7)])
        want(await ws.recv() == text[:350000], 'fragments')
        await ws.send('ping')
        want(await ws.recv() == 'ponged', 'pong of ours')
        await asyncio.wait_for(await ws.ping(b'client'), 20)
        await ws.close(4001, 'the client’s reason')
        want(ws.close_code == 4001, 'answer to close')
        chosen = ','.join(e.name for e in ws.extensions)
    async with open() as ws:
        await ws.send('close')
        try:
            await ws.recv()
        except websockets.ConnectionClosed as e:
            want((e.rcvd.code, e.rcvd.reason) == (4002, 'the server’s reason'), 'close %s' % e)
    print(chosen, 'all right')
asyncio.run(main())
`

const autobahnSockets = `
import asyncio, os, ssl, sys
from autobahn.asyncio.websocket import WebSocketClientProtocol, WebSocketClientFactory
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateResponse, PerMessageDeflateResponseAccept
url, ca, deflate = sys.argv[1:]
def want(ok, what):
    if not ok:
        print('wrong: ' + what, file=sys.stderr, flush=True)
        os._exit(1)
class Client(WebSocketClientProtocol):
    def __init__(self):
        super().__init__()
        self.opened, self.pong, self.closed, self.came = asyncio.Future(), asyncio.Future(), asyncio.Future(), asyncio.Queue()
    def onOpen(self): self.opened.set_result(None)
    def onMessage(self, payload, binary): self.came.put_nowait((payload, binary))
    def onPong(self, payload): self.pong.set_result(payload)
    def onClose(self, clean, code, reason): self.closed.set_result((clean, code, reason))
async def open():
    factory = WebSocketClientFactory(url, protocols=['other', 'second.example', 'first.example'])
    factory.protocol = Client
    if deflate == 'true':
        accept = lambda r: PerMessageDeflateResponseAccept(r) if isinstance(r, PerMessageDeflateResponse) else None
        factory.setProtocolOptions(perMessageCompressionOffers=[PerMessageDeflateOffer()], perMessageCompressionAccept=accept)
    context = ssl.create_default_context(cafile=ca) if ca else None
    _, ws = await asyncio.get_running_loop().create_connection(factory, factory.host, factory.port, ssl=context)
    await ws.opened
    return ws
async def main():
    ws = await open()
    want(ws.websocket_protocol_in_use == 'first.example', 'subprotocol')
    text = b''.join(b'line number %d\n' % i for i in range(70000))
    for n in [0, 1, 125, 126, 65535, 65536, 1 << 20]:
        for payload, binary in (text[:n], False), (os.urandom(n), True):
            ws.sendMessage(payload, binary)
            want(await ws.came.get() == (payload, binary), 'message of %d' % n)
    ws.sendMessage(text[:350000], False, fragmentSize=50000)
    want(await ws.came.get() == (text[:350000], False), 'fragments')
    ws.sendMessage(b'ping')
    want(await ws.came.get() == (b'ponged', False), 'pong of ours')
    ws.sendPing(b'client')
    want(await ws.pong == b'client', 'pong')
    chosen = ','.join(e['extension'] if isinstance(e, dict) else e.EXTENSION_NAME for e in ws.websocket_extensions_in_use)
    ws.sendClose(4001, 'the client’s reason')
    want((await ws.closed)[:2] == (True, 4001), 'answer to close')
    ws = await open()
    ws.sendMessage(b'close')
    want(await ws.closed == (True, 4002, 'the server’s reason'), 'close')
    print(chosen, 'all right')
asyncio.run(main())
`

// debianPython is the interpreter that Debian's packages are for.
const debianPython = "/usr/bin/python3"

// lookPackage is look for a package of Debian that has a file.
func lookPackage(t *testing.T, file, debian string) {
	t.Helper()
	if _, err := os.Stat(file); err == nil {
		return
	}
	if os.Getenv("HYPERION_REQUIRE_CLIENTS") != "" {
		t.Fatalf("%s is not installed", debian)
	}
	t.Skipf("%s is not installed", debian)
}

// socketScripts are the clients. Node has a WebSocket of its own from 20 on, which no option
// keeps from offering compression.
var socketScripts = []struct {
	name    string
	look    func(*testing.T)
	command []string
	choice  bool // of compression
}{
	{"node ws", func(t *testing.T) {
		look(t, "node", "nodejs")
		lookPackage(t, "/usr/share/nodejs/ws", "node-ws")
	}, []string{"node", "-e", nodeSockets, "--", "ws"}, true},
	{"node undici", func(t *testing.T) {
		look(t, "node", "nodejs")
		if exec.Command("node", "--experimental-websocket", "-e", "typeof WebSocket === 'function' || process.exit(1)").Run() != nil {
			t.Skip("this node has no WebSocket")
		}
	}, []string{"node", "--experimental-websocket", "-e", nodeSockets, "--", "undici"}, false},
	{"python websockets", func(t *testing.T) {
		lookPackage(t, "/usr/lib/python3/dist-packages/websockets", "python3-websockets")
	}, []string{debianPython, "-c", pythonSockets}, true},
	{"python autobahn", func(t *testing.T) {
		lookPackage(t, "/usr/lib/python3/dist-packages/autobahn", "python3-autobahn")
	}, []string{debianPython, "-c", autobahnSockets}, true},
}

func TestSocketScripts(t *testing.T) {
	for _, c := range socketScripts {
		t.Run(c.name, func(t *testing.T) {
			c.look(t)
			t.Setenv("NODE_PATH", "/usr/share/nodejs")
			eachSocket(t, func(t *testing.T, where socketSite) {
				ca := ""
				if where.cert != nil {
					ca = where.certFile(t)
					t.Setenv("NODE_EXTRA_CA_CERTS", ca)
				}
				paths := socketPaths
				if where.cert != nil {
					paths = paths[:1] // it makes no difference to the others
				}
				for _, path := range paths {
					t.Run(path[1:], func(t *testing.T) {
						runSockets(t, where, slices.Concat(c.command, []string{where.socketURL(path), ca, "false"}), " all right\n")
					})
					if !c.choice {
						continue
					}
					want := wsframe.Extension + " all right\n"
					if path == "/plain" {
						want = " all right\n"
					}
					t.Run(path[1:]+" deflate", func(t *testing.T) {
						runSockets(t, where, slices.Concat(c.command, []string{where.socketURL(path), ca, "true"}), want)
					})
				}
			})
		})
	}
}

// runSockets runs a script, and looks how its two sockets ended.
func runSockets(t *testing.T, where socketSite, command []string, want string) {
	if got := run(t, command[0], command[1:]...); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	where.wantEnd(t, clientCode, clientReason, true)
	where.wantEnd(t, serverCode, serverReason, false)
}
