//go:build race

package goserver

const racing = true
