//go:build cgo && !purego

package netio

import "github.com/hyperion-server/hyperion/native/pagewrite"

func init() {
	pageImpls = append(pageImpls, pageImpl{"native", writePagesNative})
}

// nativePages reports whether connections are to use the unit, nativePagesUsed
// whether one did.
func nativePages() bool     { return pagewrite.Available }
func nativePagesUsed() bool { return pagewriteUse.Noted() }
