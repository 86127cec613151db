package main

import (
	"net/http"

	"github.com/lxzan/gws"
)

// serveGWS has messages handed out by the goroutine that reads (no ParallelEnabled), started behind the handler as
// gws's documentation has it so that net/http's memory goes.
func serveGWS(mux *http.ServeMux, addr, cert, key string) error {
	route := func(path string, h gws.Event, deflate bool) {
		up := gws.NewUpgrader(h, &gws.ServerOption{PermessageDeflate: gws.PermessageDeflate{Enabled: deflate}})
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if c, err := up.Upgrade(w, r); err == nil {
				go c.ReadLoop()
			}
		})
	}
	route("/ws", gwsEcho{}, false)
	route("/ws-deflate", gwsEcho{}, true)
	route("/ws-topic", &gwsTopic{}, false)
	return serveHTTP(mux, addr, cert, key)
}

type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnPing(c *gws.Conn, p []byte) { c.WritePong(p) }

func (gwsEcho) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	c.WriteMessage(m.Opcode, m.Bytes())
}

type gwsTopic struct {
	gws.BuiltinEventHandler
	topic[*gws.Conn]
}

func (t *gwsTopic) OnOpen(c *gws.Conn)           { t.join(c) }
func (t *gwsTopic) OnClose(c *gws.Conn, _ error) { t.leave(c) }

func (t *gwsTopic) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	b := gws.NewBroadcaster(m.Opcode, append([]byte(nil), m.Bytes()...))
	defer b.Close()
	t.each(func(c *gws.Conn) { b.Broadcast(c) })
}
