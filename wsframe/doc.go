// Package wsframe has what WebSocket endpoints of either side need below their
// connections: frames (RFC 6455) and their compression (RFC 7692).
package wsframe
