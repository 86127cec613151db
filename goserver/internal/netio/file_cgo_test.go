//go:build linux && cgo && !purego

package netio

import (
	"testing"

	"github.com/hyperion-server/hyperion/native/fileio"
)

func init() {
	senders["native"] = fileio.Send
	ladders = append(ladders, ladder{name: "own/sendfile/native", ask: RungSendfile, used: always(RungSendfile), set: func(t *testing.T) {
		setStep(t, RungSendfile, sender(fileio.Send).step)
	}})
}
