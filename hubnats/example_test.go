package hubnats_test

import (
	"fmt"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/hubnats"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func Example() {
	broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true})
	if err != nil {
		panic(err)
	}
	broker.Start()
	defer broker.WaitForShutdown()
	defer broker.Shutdown()

	nc, err := nats.Connect(broker.ClientURL(), nats.MaxReconnects(-1))
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	hub := &goserver.Hub{
		Adapter:        hubnats.New(nc, nil),
		OnAdapterError: func(topic string, err error) { fmt.Println(topic, err) },
	}
	defer hub.Close()
	err = hub.Publish("news", goserver.TextMessage, []byte("for the WebSockets of all machines"))
	fmt.Println(err)
	// Output: <nil>
}
