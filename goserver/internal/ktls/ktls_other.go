//go:build !linux

package ktls

// Supported, CanRekey, Enable, Rekey and SendRecord are Linux's.
func Supported() error { return ErrUnsupported }

func CanRekey() bool { return false }

func Enable(fd int, version, suiteID uint16, secret []byte, seq uint64) error {
	return ErrUnsupported
}

func Rekey(fd int, version, suiteID uint16, secret []byte) error { return ErrUnsupported }

func SendRecord(fd int, typ byte, content []byte) error { return ErrUnsupported }
