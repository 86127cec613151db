//go:build cgo && !purego

package wsframe

import "github.com/hyperion-server/hyperion/native/utf8"

func init() {
	for _, v := range utf8.Variants {
		if v.Available && utf8.Available {
			utf8Impls = append(utf8Impls, utf8Impl{v.Name, func(p []byte) int {
				n := v.Func(p)
				return n + utf8PrefixGeneric(p[n:])
			}})
		}
	}
}
