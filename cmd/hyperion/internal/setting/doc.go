// Package setting is what flags and environment variables have in common: the
// types of their values, the mirror of every flag in a variable, and the
// nearest known name to a mistaken one.
package setting
