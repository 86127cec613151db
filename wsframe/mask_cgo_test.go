//go:build cgo && !purego

package wsframe

import "github.com/hyperion-server/hyperion/native/unmask"

func init() {
	for _, v := range unmask.Variants {
		if v.Available && unmask.Available {
			maskImpls = append(maskImpls, maskImpl{v.Name, v.Func})
		}
	}
}
