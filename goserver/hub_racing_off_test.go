//go:build !race

package goserver

const racing = false
