// Package hubnats connects the Hubs of several machines by NATS: what is published on one reaches the
// WebSockets on all. It is a module of its own, so that programs on one machine do not have NATS among their
// modules.
//
//	nc, err := nats.Connect("nats://broker:4222", nats.MaxReconnects(-1))
//	...
//	hub := &goserver.Hub{Adapter: hubnats.New(nc, nil)}
//
// # What is lost
//
// Messages go by core NATS, at most once. These do not reach the members on other machines:
//
//   - what others publish while this server has no connection to NATS, or in the moment
//     between the first Join of a topic here and NATS hearing of it;
//   - what is published here while there is no connection: nats.go keeps up to nats.ReconnectBufSize bytes
//     (8 MiB by default) and sends them afterwards, to those that are connected again by then; the rest
//     is lost, counted as goserver.HubStats.Unsent and reported by Hub.OnAdapterError;
//   - what comes faster than it is delivered, from Options.Pending messages on, counted by
//     Adapter.Lost;
//   - what is longer than the max_payload of the NATS server (1 MiB by default), reported as well.
//
// While the NATS server does not read, what is published waits as HubStats.Unsent and Hub.AdapterBytes say, until
// nats.FlusherTimeout (a minute) has passed; Hub.Close does not wait for that. nats.go takes the memory that the server
// declares for a message, whatever it is: the server must be trusted.
//
// After a reconnection nats.go subscribes again by itself, and messages flow as before. Members on the machine
// where something is published always get it: NATS has no part in that.
package hubnats
