//go:build !race

package goserver_test

const raceEnabled = false
