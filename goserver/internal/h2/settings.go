package h2

import (
	"math"

	"golang.org/x/net/http2"
)

// What holds until SETTINGS say otherwise (RFC 9113 §6.5.2, §6.9.2).
const (
	initialWindow      = 1<<16 - 1
	maxWindow          = 1<<31 - 1
	defaultHeaderTable = 4096
)

// maxSettings is how many settings one frame may carry.
const maxSettings = 64

// settingNoPriorities is SETTINGS_NO_RFC7540_PRIORITIES (RFC 9218 §2.1).
const settingNoPriorities = http2.SettingNoRFC7540Priorities

// peerSettings are those of the peer that matter to a server.
type peerSettings struct {
	window   int32 // of new streams
	maxFrame uint32
}

// settings returns what the server says of itself.
func (e *Engine) settings() []http2.Setting {
	all := []http2.Setting{
		{ID: http2.SettingMaxConcurrentStreams, Val: e.cfg.MaxStreams},
		{ID: http2.SettingInitialWindowSize, Val: e.cfg.StreamWindow},
		{ID: http2.SettingMaxFrameSize, Val: e.cfg.MaxFrameSize},
		{ID: http2.SettingMaxHeaderListSize, Val: uint32(e.cfg.Limits.HeadBytes)},
		{ID: settingNoPriorities, Val: 1},
	}
	if e.cfg.ConnectProtocol {
		all = append(all, http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
	}
	return all
}

// takeSettings acts on the SETTINGS of the peer and acknowledges them.
func (c *conn) takeSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range f.NumSettings() {
		if err := c.takeSetting(f.Setting(i)); err != nil {
			return err
		}
	}
	o := c.out()
	o.buf = appendSettingsAck(o.buf)
	return nil
}

func (c *conn) takeSetting(s http2.Setting) error {
	switch s.ID {
	case http2.SettingHeaderTableSize:
		c.enc.SetMaxTableSize(s.Val)
	case http2.SettingEnablePush:
		if s.Val > 1 {
			return errSettings
		}
	case http2.SettingInitialWindowSize:
		if s.Val > maxWindow {
			return errSettingWindow
		}
		return c.moveWindows(int32(s.Val))
	case http2.SettingMaxFrameSize:
		if s.Val < minMaxFrameSize || s.Val > maxMaxFrameSize {
			return errSettings
		}
		c.peer.maxFrame = s.Val
	case http2.SettingEnableConnectProtocol, settingNoPriorities:
		if s.Val > 1 {
			return errSettings
		}
	}
	return nil
}

// moveWindows changes the windows of all streams by what the initial size
// changed (RFC 9113 §6.9.2). They may become negative.
func (c *conn) moveWindows(window int32) error {
	delta := int64(window) - int64(c.peer.window)
	c.peer.window = window
	for st := range c.streams() {
		if st.sendWindow += delta; st.sendWindow > math.MaxInt32 {
			return errSendWindow
		}
		if st.sendWindow <= 0 {
			c.unready(st)
		}
		c.ready(st)
	}
	return nil
}
