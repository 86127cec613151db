package netio

import (
	"crypto/tls"
	"io"

	"github.com/hyperion-server/hyperion/goserver/internal/ktls"
)

// withSecrets returns conf with s among those who are told of secrets. A
// configuration that a callback chooses for a client is copied each time.
func withSecrets(conf *tls.Config, s *ktls.Secrets) *tls.Config {
	conf = conf.Clone()
	if conf.KeyLogWriter == nil {
		conf.KeyLogWriter = s
	} else {
		conf.KeyLogWriter = io.MultiWriter(s, conf.KeyLogWriter)
	}
	if choose := conf.GetConfigForClient; choose != nil {
		conf.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if chosen != nil {
				chosen = withSecrets(chosen, s)
			}
			return chosen, err
		}
	}
	return conf
}
