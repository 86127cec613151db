package goserver_test

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// A subject is what net/http's server and this package's have in common: their
// methods, and the fields by which they are made.
type subject interface {
	Serve(net.Listener) error
	ServeTLS(l net.Listener, certFile, keyFile string) error
	ListenAndServe() error
	Close() error
	Shutdown(context.Context) error
	SetKeepAlivesEnabled(bool)
	RegisterOnShutdown(func())
}

type fields struct {
	Addr                         string
	Handler                      http.Handler
	DisableGeneralOptionsHandler bool
	TLSConfig                    *tls.Config
	ReadTimeout                  time.Duration
	ReadHeaderTimeout            time.Duration
	WriteTimeout                 time.Duration
	IdleTimeout                  time.Duration
	MaxHeaderBytes               int
	ConnState                    func(net.Conn, http.ConnState)
	ErrorLog                     *log.Logger
	BaseContext                  func(net.Listener) context.Context
	ConnContext                  func(context.Context, net.Conn) context.Context
}

func newNetHTTP(f fields) subject {
	return &http.Server{
		Addr: f.Addr, Handler: f.Handler, DisableGeneralOptionsHandler: f.DisableGeneralOptionsHandler, TLSConfig: f.TLSConfig,
		ReadTimeout: f.ReadTimeout, ReadHeaderTimeout: f.ReadHeaderTimeout, WriteTimeout: f.WriteTimeout, IdleTimeout: f.IdleTimeout,
		MaxHeaderBytes: f.MaxHeaderBytes, ConnState: f.ConnState, ErrorLog: f.ErrorLog, BaseContext: f.BaseContext, ConnContext: f.ConnContext,
	}
}

func newOurs(f fields) subject {
	return &goserver.Server{
		Addr: f.Addr, Handler: f.Handler, DisableGeneralOptionsHandler: f.DisableGeneralOptionsHandler, TLSConfig: f.TLSConfig,
		ReadTimeout: f.ReadTimeout, ReadHeaderTimeout: f.ReadHeaderTimeout, WriteTimeout: f.WriteTimeout, IdleTimeout: f.IdleTimeout,
		MaxHeaderBytes: f.MaxHeaderBytes, ConnState: f.ConnState, ErrorLog: f.ErrorLog, BaseContext: f.BaseContext, ConnContext: f.ConnContext,
	}
}

// eachServer runs a test on both servers: what net/http does not do is not
// demanded of this one either.
func eachServer(t *testing.T, test func(t *testing.T, newServer func(fields) subject)) {
	t.Run("net/http", func(t *testing.T) { test(t, newNetHTTP) })
	t.Run("hyperion", func(t *testing.T) { test(t, newOurs) })
}
